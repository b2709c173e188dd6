"""What is left of alpha to Welch's test in a fixed design where the variant scatters more than its reference.

Where nearly all noise is the variant's own, few seeds that happen to lie close together make t large and the estimated
degrees of freedom too many at once, and Welch's test claims too readily. Such a comparison is judged by
(1 - 1.5/n) alpha, n being the seeds of the variant: its p-values, of the difference and of equivalence, are divided by
that before the family's adjustment.

Any false difference in families of ten at alpha = .05, all variants having x times the reference's standard deviation,
and where all scatter alike the share of differences of .5, 1 and 2 standard deviations that is found (40,000 studies
each, standard error .0011):

    n   judged by   x = 1   x = 2   x = 3   x = 5   found
    3   alpha       .0217   .0330   .0493   .0790    .021
    3   this        .0184   .0250   .0365   .0574    .016
    5   alpha       .0290   .0471   .0629   .0723    .122
    5   this        .0255   .0378   .0510   .0561    .108
    10  alpha       .0356   .0488   .0531   .0534    .384
    10  this        .0338   .0452   .0469   .0453    .377

It mends most of it, not all: .06 is left at 5 times with 3 or 5 seeds. The paired test is exact for normal differences
however they scatter, Dunnett's pools variances, and looks have a calibration of their own (`sequential.py`).
`benchmarks/statistics.py` simulates all of them.
"""

from __future__ import annotations

import math

from ablate.statistics.interval import Difference

#: What a variant that scatters more loses of alpha, times its seeds.
LOSS = 1.5
#: Two standard deviations that differ by no more than this, relative to the larger, are one that was rounded twice.
ROUNDED = 1e-9


def share_of_alpha(n: int) -> float:
    """What is left of alpha to a variant of n seeds, at least 2, that scatters more than its reference."""
    return 1 - LOSS / n


def share_left(difference: Difference) -> float:
    """What is left of alpha to Welch's test of a difference; 1 unless it was tested and `a` scatters more."""
    if difference.p is None or difference.sd_a is None or difference.sd_b is None:
        return 1.0
    if difference.sd_a <= difference.sd_b or math.isclose(difference.sd_a, difference.sd_b, rel_tol=ROUNDED):
        return 1.0
    return share_of_alpha(difference.n_a)
