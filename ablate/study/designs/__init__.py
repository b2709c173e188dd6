"""One file a kind of design. A new kind is a class with a `kind`, listed in `Kind` below."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ablate.study.designs.base import Aliases, Axis, Cell, DesignTable, Refusal
from ablate.study.designs.fraction import Fraction
from ablate.study.designs.grid import Grid
from ablate.study.designs.ladder import Ladder
from ablate.study.designs.leave_one_out import LeaveOneOut
from ablate.study.designs.one_at_a_time import OneAtATime
from ablate.study.designs.pairs import Pairs
from ablate.study.designs.random import Random

__all__ = ["LISTED", "Aliases", "Axis", "Cell", "DesignTable", "Kind", "OneAtATime", "Refusal"]

#: What may stand in `[[designs]]`.
Kind = Annotated[OneAtATime | LeaveOneOut | Ladder | Grid | Fraction | Pairs | Random, Field(discriminator="kind")]

#: Name and kind of the design that stands for the `[[variants]]` of a study.
LISTED = "variants"
