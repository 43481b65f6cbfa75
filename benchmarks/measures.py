"""What is made of measurements: a spread, a growth, a table. Pure."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEWEST = 3
"""Sizes that a line is laid through; through two of them it always fits."""
_APART = 0.2
"""Exponents that differ by less than this say the same, as far as one can measure."""


@dataclass(frozen=True, slots=True)
class Spread:
    """What some measurements of the same thing came to, in their own unit."""

    median: float
    lower: float
    """A quarter of them were less."""
    upper: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of one measurement at least."""
        ordered = sorted(values)
        lower, median, upper = (
            statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
        )
        return cls(median, lower, upper, ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)])


@dataclass(frozen=True, slots=True)
class Growth:
    """``factor * size ** exponent``, as near as that comes."""

    exponent: float
    factor: float
    r_squared: float
    """How much of what is measured it explains, between 0 and 1."""
    left_out: int
    """So many of the smallest sizes were left out: what they take is constant for the most part."""


def growth(sizes: Sequence[float], values: Sequence[float]) -> Growth:
    """The least squares on logarithms; all sizes and values are positive, the sizes ascend.

    Without the two smallest sizes, if between them there is less than half of the growth that the others
    show, and clearly less: what is constant hides how the rest grows.
    """
    whole = _line(sizes, values)
    if len(sizes) < _FEWEST + 2:
        return Growth(*whole, left_out=0)
    rest = _line(sizes[2:], values[2:])
    beginning, *_ = _line(sizes[:2], values[:2])
    if rest[0] - beginning > max(_APART, rest[0] / 2):
        return Growth(*rest, left_out=2)
    return Growth(*whole, left_out=0)


def _line(sizes: Sequence[float], values: Sequence[float]) -> tuple[float, float, float]:
    across, up = [math.log(size) for size in sizes], [math.log(value) for value in values]
    slope, start = statistics.linear_regression(across, up)
    mean = statistics.fmean(up)
    spread = sum((each - mean) ** 2 for each in up)
    missed = sum((each - start - slope * at) ** 2 for at, each in zip(across, up, strict=True))
    # What does not vary at all is explained by a flat line, but for the last bit.
    explained = max(0.0, 1 - missed / spread) if spread > 1e-18 else 1.0
    return slope, math.exp(start), explained


def digits(value: float) -> str:
    """Three digits, as far as there are more: 0.0412, 4.12, 41.2, 412, 41,200."""
    if not value:
        return "0"
    places = 2 - math.floor(math.log10(abs(value)))
    return f"{round(value, places):,.{max(places, 0)}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In columns, for a terminal: the first to the left, all others to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = []
    for first, *others in (head, *rows):
        cells = [first.ljust(widths[0])]
        cells += [each.rjust(width) for each, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same for a page."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))
