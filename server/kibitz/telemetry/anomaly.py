"""Whether the use of an hour is like the user's own: rules that any hour can break, and robust statistics.

Of the measured detectors this one missed nothing and cried wolf least (``benchmarks/unusual_usage.py``): a
fixed cap, *or* more than the median by six deviations for two hours, *or* work in hours in which there never
is any. The deviation is that of the median, which a busy afternoon does not move. Numbers are clamped before
they are learnt, and hours that are too loud, or a whole night, are not learnt as hours of work.
"""

from __future__ import annotations

import copy
from bisect import bisect_left, insort
from collections import Counter, deque
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

REQUESTS_PER_HOUR = 500
"""Nobody's editor asks so often, whatever was learnt. Twice as many are no doubt any more."""
WARM_UP = 24
"""Hours with requests, before anything but the cap is judged."""
DEVIATIONS = 6.0
LONG = 2
"""Hours in a row that are above the usual."""
OFF_HOURS, NIGHT = 3, 5
"""Hours in a row at a time of day at which there is no work: from the first number on it is told, and from
the second on it is no new habit."""
RARE = 0.01
"""There is no work at a time of day that has, with its neighbours, a smaller share of all hours of work."""
LEARNT = 500
"""The latest hours with requests that are remembered."""
_SIGMA = 1.4826
"""Of values that are spread normally, the median's deviation times this is the standard deviation."""
_LEAST = {"requests": 5.0, "input_tokens": 10_000.0, "failed": 3.0}
"""The least deviation: the same number every hour is no reason to be alarmed by one more."""


class Stage(IntEnum):
    """What is done about it, step by step."""

    NONE = 0
    LOG = 1
    """It is in the security log."""
    STATUS = 2
    """The status says so."""
    THROTTLE = 3
    """What nobody asked for waits before it is sent."""
    PAUSE = 4
    """Nothing is sent that nobody asked for, until the user says that it is theirs."""


@dataclass(frozen=True, slots=True)
class Hour:
    """What was asked in an hour."""

    at: datetime
    """Its beginning, on the user's clock."""
    requests: int
    input_tokens: int = 0
    failed: int = 0

    def of(self, measure: str) -> float:
        """One of the numbers."""
        value: int = getattr(self, measure)
        return float(value)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something is not as usual."""

    rule: str
    """``cap``, ``volume`` or ``off-hours``."""
    what: str
    """In words for people."""
    stage: Stage


@dataclass(slots=True)
class _Usual:
    """The values of one measure, clamped."""

    least: float
    values: deque[float] = field(default_factory=deque)
    ordered: list[float] = field(default_factory=list)
    streak: int = 0

    @property
    def limit(self) -> float:
        """The most that is usual."""
        middle = self.ordered[len(self.ordered) // 2]
        spread = _median(sorted(abs(value - middle) for value in self.ordered))
        return middle + DEVIATIONS * max(_SIGMA * spread, self.least)

    def learn(self, value: float) -> None:
        if len(self.values) >= LEARNT:
            del self.ordered[bisect_left(self.ordered, self.values.popleft())]
        self.values.append(value)
        insort(self.ordered, value)


class Detector:
    """Judges hours in the order of time; those without requests may be left out. Takes microseconds."""

    def __init__(self) -> None:
        self._usual = {measure: _Usual(least) for measure, least in _LEAST.items()}
        self._worked: Counter[tuple[bool, int]] = Counter()
        self._active = 0
        self._off = 0
        self._odd: list[datetime] = []
        """Hours out of time, which are learnt when they end before it is a night."""
        self._alarmed = 0
        self._last: datetime | None = None

    def judge(self, hour: Hour) -> list[Alarm]:
        """What is unusual about an hour, which is learnt."""
        follows = self._last is not None and (hour.at - self._last).total_seconds() <= 3600  # noqa: PLR2004
        self._last = hour.at
        if not follows:
            self._off = self._alarmed = 0
            self._forgive()
            for usual in self._usual.values():
                usual.streak = 0
        if not hour.requests:
            return []
        found = [*self._over_cap(hour)]
        if self._active >= WARM_UP:
            found += [*self._loud(hour), *self._out_of_time(hour)]
        self._alarmed = self._alarmed + 1 if found else 0
        loud = any(alarm.rule != "off-hours" for alarm in found)
        self._learn(hour, unusual=loud or self._off >= NIGHT)
        later = self._alarmed - 1
        return [
            Alarm(alarm.rule, alarm.what, Stage(min(alarm.stage + later, Stage.PAUSE))) for alarm in found
        ]

    def _over_cap(self, hour: Hour) -> Iterable[Alarm]:
        if hour.requests >= REQUESTS_PER_HOUR:
            what = f"{hour.requests:,} requests in an hour"
            is_clear = hour.requests >= 2 * REQUESTS_PER_HOUR
            yield Alarm("cap", what, Stage.PAUSE if is_clear else Stage.THROTTLE)

    def _loud(self, hour: Hour) -> Iterable[Alarm]:
        for measure, usual in self._usual.items():
            value, limit = hour.of(measure), usual.limit
            usual.streak = usual.streak + 1 if value > limit else 0
            if usual.streak >= LONG:
                words = measure.replace("_", " ").replace("failed", "failed requests")
                what = (
                    f"{value:,.0f} {words} in an hour, for {usual.streak} hours; up to {limit:,.0f} are usual"
                )
                yield Alarm("volume", what, Stage.STATUS)

    def _out_of_time(self, hour: Hour) -> Iterable[Alarm]:
        self._off = self._off + 1 if self._is_rare(hour.at) else 0
        if self._off >= OFF_HOURS:
            what = f"requests around {hour.at:%H}:00, for {self._off} hours, when there never are any"
            yield Alarm("off-hours", what, Stage.STATUS)

    def _is_rare(self, at: datetime) -> bool:
        """Whether this is no time of day for work; the hour before and after are near enough."""
        weekend, hour = _time(at)
        near = sum(self._worked[weekend, (hour + step) % 24] for step in (-1, 0, 1))
        return near < RARE * self._active

    def _learn(self, hour: Hour, *, unusual: bool) -> None:
        warm = self._active >= WARM_UP
        for measure, usual in self._usual.items():
            value = hour.of(measure)
            usual.learn(min(value, usual.limit) if warm else min(value, 20 * usual.least))
        if unusual:
            self._odd = []
        elif self._off:
            self._odd.append(hour.at)
        else:
            self._forgive()
            self._work(hour.at)

    def _forgive(self) -> None:
        for at in self._odd:
            self._work(at)
        self._odd = []

    def _work(self, at: datetime) -> None:
        self._worked[_time(at)] += 1
        self._active += 1


def _time(at: datetime) -> tuple[bool, int]:
    return at.weekday() >= 5, at.hour  # noqa: PLR2004 - Saturday


def _median(ordered: Sequence[float]) -> float:
    """Of sorted values. The standard library's takes ten milliseconds to import."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


class Running:
    """A detector of hours of which the last one is not over. Takes a moment the first time: for a thread."""

    def __init__(self) -> None:
        self._detector = Detector()
        self._until: datetime | None = None

    def look(self, hours: Sequence[Hour]) -> list[Alarm]:
        """What is unusual about the last of ``hours``, by all before it."""
        *over, now = hours
        for hour in over:
            if self._until is None or hour.at > self._until:
                self._detector.judge(hour)
                self._until = hour.at
        return copy.deepcopy(self._detector).judge(now)
