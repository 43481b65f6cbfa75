"""Shares with their intervals, and whether two runs differ. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_Z = 1.959963984540054
"""The quantile of the normal distribution that leaves 95 % between it and its opposite."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many."""

    hits: int
    total: int

    @classmethod
    def of(cls, flags: Iterable[bool]) -> Rate:
        """How many are true."""
        every = list(flags)
        return cls(sum(every), len(every))

    @property
    def share(self) -> float | None:
        """None of none is no share."""
        return self.hits / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's interval for the share, at 95 %."""
        return wilson(self.hits, self.total) if self.total else None


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Wilson's interval for a share at 95 %, which is right for few and for extreme ones, too."""
    share = hits / total
    scale = 1 + _Z * _Z / total
    middle = (share + _Z * _Z / (2 * total)) / scale
    half = _Z * math.sqrt(share * (1 - share) / total + _Z * _Z / (4 * total * total)) / scale
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    high = 1.0 if hits == total else min(1.0, middle + half)
    return low, high


def mcnemar(only_first: int, only_second: int) -> float:
    """How likely so uneven a split of the cases that differ is by chance: McNemar's exact test, two-sided."""
    differing = only_first + only_second
    fewer = min(only_first, only_second)
    tail, ways = 0, 1
    for count in range(fewer + 1):
        tail += ways
        ways = ways * (differing - count) // (count + 1)
    # Exact in whole numbers as long as it can be: 2 ** 2000 is no float.
    return min(1.0, float((2 * tail * 10**18) // 2**differing) / 10**18)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest of ``values`` that is not below ``share`` of them; None if there are none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def mean(values: Sequence[float]) -> float | None:
    """None if there are none."""
    return math.fsum(values) / len(values) if values else None
