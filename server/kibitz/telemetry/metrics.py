"""Counters, gauges and histograms of one process: always on, cheap, and bounded whoever names the labels.

What counts has an instrument, and calls it; what reads takes a ``Family`` of each. Labels may be a provider's
or a project's own words, so they are cut, cleaned, and after ``MAX_SERIES`` of them all further ones are one.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MAX_SERIES = 100
"""Of one instrument."""
MAX_LABEL = 80
"""Characters."""
OTHER = "other"
"""Stands for labels of which there are too many."""
SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
"""Upper bounds for what a request takes."""
MOMENTS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Upper bounds for what should take no time."""

Labels: TypeAlias = tuple[str, ...]


class Kind(StrEnum):
    """What can be said of a number."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Described:
    """What an instrument measures."""

    name: str
    """As Prometheus has it; ends in ``_total`` if it counts, else in its unit if it has one."""
    help: str
    labels: Labels = ()
    """Their names."""
    unit: str = ""
    kept: bool = False
    """Whether it is kept by day for ``kibitz usage``; the rest has books of its own, or is of the moment."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a histogram holds of one series."""

    bounds: tuple[float, ...]
    """The upper bounds of all buckets but the last, which has none."""
    counts: tuple[int, ...]
    """How many values each bucket holds, and no other."""
    sum: float = 0.0

    def __add__(self, other: Distribution) -> Distribution:
        """Both together, in the bounds of the one that has any."""
        if other.bounds != self.bounds:
            return self if self.count else other
        counts = tuple(one + another for one, another in zip(self.counts, other.counts, strict=True))
        return Distribution(self.bounds, counts, self.sum + other.sum)

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)

    @property
    def cumulative(self) -> tuple[int, ...]:
        """How many values are not above each bound; last: all."""
        return tuple(accumulate(self.counts))

    def quantile(self, share: float) -> float | None:
        """Below what that share of the values is, by estimate, as Prometheus does it; None of nothing."""
        if not self.count:
            return None
        rank, seen = share * self.count, 0
        for place, count in enumerate(self.counts):
            if seen + count >= rank and count:
                if place == len(self.bounds):
                    break  # beyond the last bound; nothing is known but that
                low = self.bounds[place - 1] if place else 0.0
                return low + (self.bounds[place] - low) * max(rank - seen, 0.0) / count
            seen += count
        return self.bounds[-1]


@dataclass(frozen=True, slots=True)
class Family:
    """All series of one instrument at one moment, by the values of its labels."""

    kind: Kind
    described: Described
    numbers: Mapping[Labels, float] = field(default_factory=dict)
    distributions: Mapping[Labels, Distribution] = field(default_factory=dict)


class _Instrument:
    """See the module. Belongs to one event loop, as all of them."""

    __slots__ = ("described", "told")

    def __init__(self, described: Described) -> None:
        self.described = described
        self.told: Callable[[float, Labels], None] | None = None
        """Is told of each event, for readers that cannot wait until they are asked."""

    def _series(self, labels: Labels, known: Mapping[Labels, object]) -> Labels:
        """Under which labels it is counted what was not counted before."""
        if len(labels) != len(self.described.labels):
            raise ValueError(f"{self.described.name} has the labels {self.described.labels}")
        clean = tuple(map(label, labels))
        if clean in known or len(known) < MAX_SERIES - 1:
            return clean
        return (OTHER,) * len(labels)


class Counter(_Instrument):
    """Only grows."""

    __slots__ = ("_numbers",)

    def __init__(self, described: Described) -> None:
        super().__init__(described)
        self._numbers: dict[Labels, float] = {}

    def add(self, *labels: str, amount: float = 1.0) -> None:
        """It happened once more, or by so much; what is less than nothing counts nothing."""
        if not amount > 0.0 or amount == math.inf:
            return
        numbers = self._numbers
        if labels not in numbers:
            labels = self._series(labels, numbers)
        numbers[labels] = numbers.get(labels, 0.0) + amount
        if self.told is not None:
            self.told(amount, labels)

    def family(self) -> Family:
        """All that was counted."""
        return Family(Kind.COUNTER, self.described, dict(self._numbers))


class Gauge(_Instrument):
    """Is read when somebody wants to know: whoever knows says how."""

    __slots__ = ("read",)

    def __init__(self, described: Described) -> None:
        super().__init__(described)
        self.read: Callable[[], Iterable[tuple[Labels, float]]] = tuple
        """What it is now, by labels."""

    def family(self) -> Family:
        """What it is now."""
        numbers: dict[Labels, float] = {}
        for labels, value in self.read():
            numbers[self._series(labels, numbers)] = value
        return Family(Kind.GAUGE, self.described, numbers)


class Histogram(_Instrument):
    """How values are distributed over fixed buckets."""

    __slots__ = ("_bounds", "_counts", "_sums")

    def __init__(self, described: Described, bounds: Sequence[float] = SECONDS) -> None:
        super().__init__(described)
        self._bounds = tuple(bounds)
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    @property
    def bounds(self) -> tuple[float, ...]:
        """The upper bounds of all buckets but the last."""
        return self._bounds

    def observe(self, value: float, *labels: str) -> None:
        """It was so much; what is less than nothing, as when a clock is set back, was nothing."""
        if not value >= 0.0 or value == math.inf:
            value = 0.0
        counts = self._counts.get(labels)
        if counts is None:
            labels = self._series(labels, self._counts)
            counts = self._counts.setdefault(labels, [0] * (len(self._bounds) + 1))
        counts[bisect_left(self._bounds, value)] += 1
        self._sums[labels] = self._sums.get(labels, 0.0) + value
        if self.told is not None:
            self.told(value, labels)

    def family(self) -> Family:
        """All that was observed."""
        return Family(
            Kind.HISTOGRAM,
            self.described,
            distributions={
                labels: Distribution(self._bounds, tuple(counts), self._sums[labels])
                for labels, counts in self._counts.items()
            },
        )


def label(value: str) -> str:
    """A value as it may be shown anywhere: short, ASCII, printable."""
    if len(value) <= MAX_LABEL and value.isascii() and value.isprintable():
        return value
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in value[:MAX_LABEL])
