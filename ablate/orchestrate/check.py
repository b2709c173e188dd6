"""Build every variant of a study and look at two steps of each, before hours are spent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ablate.errors import AblateError, DataMissingError
from ablate.recipe import AnyRecipe
from ablate.study import Study, Variant


class Probed(Protocol):
    """What a probe of one recipe tells; `ablate.training.Probe` is one."""

    @property
    def parameters(self) -> int:
        """Parameters, trained or not."""

    @property
    def trainable_parameters(self) -> int:
        """Parameters that are trained."""

    @property
    def flops(self) -> int:
        """Multiply-adds times two of one image's forward pass."""

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the logits of one batch, (N, classes)."""

    @property
    def memory_bytes(self) -> int:
        """Weights, gradients, optimizer state, and what one batch's backward pass keeps; bytes."""

    @property
    def losses(self) -> tuple[float, ...]:
        """Mean loss of each step's batch before the step, nats."""

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """What tells recipes apart that train the same thing."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What the check says of one variant."""

    variant: Variant
    #: None where the variant cannot be built or stepped.
    probe: Probed | None
    #: Why it cannot be trained; None where it can.
    error: str | None
    #: What deserves a look, though it can be trained.
    findings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The variant's entry in `ablate check --json`."""
        probe = self.probe
        return {
            "name": self.variant.name,
            "key": self.variant.key,
            "parameters": probe and probe.parameters,
            "trainable_parameters": probe and probe.trainable_parameters,
            "flops": probe and probe.flops,
            "output_shape": probe and list(probe.output_shape),
            "memory_bytes": probe and probe.memory_bytes,
            "findings": [*([self.error] if self.error else []), *self.findings],
        }


def check_study(study: Study, probe: Callable[[AnyRecipe], Probed]) -> Iterator[Checked]:
    """Probe each variant, the baseline first.

    Args:
        study: The study.
        probe: Builds a recipe and takes two steps.

    Raises:
        DataMissingError: A data set is nowhere; nothing can be said of any variant.
    """
    reference: Probed | None = None
    for variant in study.variants():
        try:
            probed = probe(variant.recipe)
        except DataMissingError:
            raise
        except AblateError as error:
            yield Checked(variant=variant, probe=None, error=_in_one_line(error), findings=())
            continue
        if reference is None and variant.key == study.baseline.key:
            reference = probed
        yield Checked(variant=variant, probe=probed, error=None, findings=_findings(probed, reference))


def _in_one_line(error: AblateError) -> str:
    """The message and the cure as sentences."""
    end = "" if error.message.endswith((".", "?", "!")) else "."
    return " ".join(f"{error.message}{end} {error.cure}".split())


def _findings(probed: Probed, reference: Probed | None) -> tuple[str, ...]:
    found = []
    if any(not math.isfinite(loss) for loss in probed.losses):
        found.append("the loss is not a number after two steps: is the learning rate too high?")
    if len(probed.losses) == 1:
        found.append("one batch holds all training images, so that an epoch is a single step")
    if probed.trainable_parameters == 0:
        found.append("no parameter is trained")
    if reference is not None and probed is not reference and probed.fingerprints == reference.fingerprints:
        found.append("changes nothing: network, optimizer, schedule, images and first loss are the baseline's")
    return tuple(found)
