"""Numbers as text: shares in percent, differences in points, what is not known as a dash.

Every text here is plain; each renderer escapes it for its own format.
"""

from __future__ import annotations

import math

from ablate.metrics import Metric
from ablate.report.language import say
from ablate.statistics import Difference

#: Shown where a number is not known.
UNKNOWN = "–"
MINUS = "−"
#: From here on a metric is written with a power of ten: the loss of a network that exploded.
HUGE = 1e6


def decimals(metric: Metric) -> int:
    """Digits after the point: hundredths of a percent, or ten-thousandths of a unit."""
    return 2 if metric.percent else 4


def plain(metric: Metric, value: float | None) -> str:
    """The metric's value without its unit, as `87.31` for the share 0.8731."""
    if value is None:
        return UNKNOWN
    shown = value * 100 if metric.percent else value
    if abs(shown) >= HUGE:
        return f"{shown:.2e}".replace("-", MINUS)
    return fixed(shown, decimals(metric))


def with_unit(metric: Metric, value: float | None) -> str:
    """The metric's value with its unit, for sentences."""
    text = plain(metric, value)
    return say("{number} %", number=text) if metric.percent and value is not None else text


def mean_sd(metric: Metric, mean: float | None, sd: float | None) -> str:
    """`87.31 ± 0.42`; without a standard deviation the mean alone."""
    return plain(metric, mean) if sd is None else f"{plain(metric, mean)} ± {plain(metric, sd)}"


def signed(metric: Metric, value: float | None) -> str:
    """A difference, always with its sign, in points or units: `+2.10`."""
    text = plain(metric, value)
    is_zero = not text.strip("0.")
    if value is None or text.startswith(MINUS) or is_zero:
        return text
    return f"+{text}"


def difference(metric: Metric, found: Difference) -> str:
    """`+2.10 [+0.40, +3.80]`; without an interval the difference alone."""
    delta = signed(metric, found.delta)
    if found.ci_low is None or found.ci_high is None:
        return delta
    return f"{delta} [{signed(metric, found.ci_low)}, {signed(metric, found.ci_high)}]"


def unit_of_difference(metric: Metric) -> str:
    """What differences are counted in, for headings and sentences; empty where the metric has no unit."""
    return say("points") if metric.percent else ""


def in_units(metric: Metric, value: float | None) -> str:
    """A size of difference for sentences: `1.20 points`."""
    return _counted(metric, plain(metric, value)) if value is not None else plain(metric, value)


def signed_in_units(metric: Metric, value: float | None) -> str:
    """A difference for sentences: `+1.20 points`."""
    return _counted(metric, signed(metric, value))


def _counted(metric: Metric, text: str) -> str:
    return say("{number} points", number=text) if metric.percent else text


def heading(metric: Metric) -> str:
    """A metric above a column: `test accuracy (%)`."""
    return say("{metric} (%)", metric=metric.label) if metric.percent else say(metric.label)


def axis(metric: Metric) -> str:
    """A metric beside an axis: `test accuracy, %`."""
    return say("{metric}, %", metric=metric.label) if metric.percent else say(metric.label)


def fixed(value: float, digits: int) -> str:
    """A number with so many decimals, a real minus sign, and no negative zero."""
    text = f"{value:,.{digits}f}"
    if text.startswith("-"):
        text = text[1:] if float(text.replace(",", "")) == 0 else MINUS + text[1:]
    return text


def count(value: float | None) -> str:
    """Parameters and the like: exact below a million, then `11.18 M`."""
    if value is None:
        return UNKNOWN
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if value >= size:
            return f"{value / size:.2f} {letter}"
    return f"{value:,.0f}"


def significant(value: float | None) -> str:
    """About three digits: `0.042`, `1.23`, `12.3`, `1,234`."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return fixed(value, min(digits, 6))


def probability(p: float | None) -> str:
    """A p-value: `0.034`, or `< 0.001`."""
    if p is None:
        return UNKNOWN
    return "< 0.001" if p < 0.001 else fixed(p, 3)


def few(value: float | None) -> str:
    """A small number of things, or the mean of such: `12`, `11.5`."""
    return UNKNOWN if value is None else f"{value:g}"


def memory(value: float | None) -> str:
    """Bytes as `512 MB` or `1.21 GB` (powers of ten)."""
    if value is None:
        return UNKNOWN
    return f"{value / 1e9:.2f} GB" if value >= 1e9 else f"{value / 1e6:,.0f} MB"


def duration(seconds: float | None) -> str:
    """Wall time as `42 s`, `3 min 20 s`, or `2 h 5 min`."""
    if seconds is None:
        return UNKNOWN
    if seconds < 10:
        return say("{seconds} s", seconds=f"{seconds:.1f}")
    whole = round(seconds)
    if whole < 60:
        return say("{seconds} s", seconds=whole)
    if whole < 3600:
        return say("{minutes} min {seconds} s", minutes=whole // 60, seconds=whole % 60)
    return say("{hours} h {minutes} min", hours=f"{whole // 3600:,}", minutes=whole % 3600 // 60)
