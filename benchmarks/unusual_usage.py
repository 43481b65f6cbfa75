"""How often the detector of unusual use cries wolf, and what it misses, beside simpler ones.

    python benchmarks/unusual_usage.py [--trials 40] [--days 60] [--seed 1]

One developer: on weekdays from about nine to about six, on some evenings and weekends too; requests by the
hour are spread lognormally, with honest bursts of four times as many. In each trial an attack of twelve hours
begins at a random hour after four weeks: so many requests an hour more. False alarms are hours with an alarm
outside the attack, by week; an attack is missed if there was no alarm in its twelve hours. The model is
ours: read the figures as a comparison.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import mean, median, pstdev
from typing import TYPE_CHECKING, Protocol

sys.path.insert(0, "server")

from kibitz.telemetry.anomaly import Detector, Hour, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

BEGIN = datetime(2026, 8, 3)  # noqa: DTZ001 - a Monday, on the developer's own clock
LEARNING_DAYS = 28
ATTACK_HOURS = 12
RATES = (100, 500, 3000)
TOKENS = 3000


class Judge(Protocol):
    def __call__(self, hour: Hour) -> bool: ...


def day_of_work(rng: random.Random, day: datetime) -> dict[int, int]:
    """Requests by hour."""
    weekend = day.weekday() >= 5
    if weekend and rng.random() > 0.25:
        return {}
    begin = rng.gauss(11 if weekend else 9, 0.7)
    end = begin + max(1.0, rng.gauss(3 if weekend else 8.5, 1.2))
    hours = {hour for hour in range(24) if begin <= hour <= end and rng.random() > 0.1}
    if not weekend and rng.random() < 0.15:
        hours |= {20, 21, 22}
    burst = rng.choice(sorted(hours)) if hours and rng.random() < 0.3 else None
    counts = {hour: max(1, round(rng.lognormvariate(3.4, 0.6))) for hour in hours}
    if burst is not None:
        counts[burst] *= 4
    return counts


def month(rng: random.Random, days: int) -> list[Hour]:
    """Every hour, also those without requests."""
    hours = []
    for number in range(days):
        day = BEGIN + timedelta(number)
        counts = day_of_work(rng, day)
        for hour in range(24):
            count = counts.get(hour, 0)
            failed = sum(rng.random() < 0.01 for _ in range(count))
            tokens = sum(round(rng.lognormvariate(7.8, 0.5)) for _ in range(count))
            hours.append(Hour(day + timedelta(hours=hour), count, tokens, failed))
    return hours


def ours() -> Judge:
    detector = Detector()
    return lambda hour: bool(detector.judge(hour))


def pausing() -> Judge:
    """Only what pauses."""
    detector = Detector()
    return lambda hour: any(alarm.stage is Stage.PAUSE for alarm in detector.judge(hour))


def by(limit: Callable[[list[float]], float], long: int = 1) -> Callable[[], Judge]:
    """A detector that goes by requests in the last 500 hours with any."""

    def make() -> Judge:
        seen: deque[float] = deque(maxlen=500)
        streak = 0

        def judge(hour: Hour) -> bool:
            nonlocal streak
            if not hour.requests:
                streak = 0
                return False
            over = len(seen) >= 24 and hour.requests > limit(list(seen))
            seen.append(hour.requests)
            streak = streak + 1 if over else 0
            return streak >= long

        return judge

    return make


def mean_limit(seen: list[float]) -> float:
    return mean(seen) + 3 * pstdev(seen)


def mad_limit(seen: list[float]) -> float:
    middle = median(seen)
    return middle + 6 * 1.4826 * median(abs(value - middle) for value in seen)


def ewma() -> Judge:
    level, variance, count = 0.0, 0.0, 0

    def judge(hour: Hour) -> bool:
        nonlocal level, variance, count
        if not hour.requests:
            return False
        over = count >= 24 and hour.requests > level + 5 * variance**0.5
        off = hour.requests - level
        level += 0.1 * off
        variance = 0.9 * (variance + 0.1 * off * off)
        count += 1
        return over

    return judge


def fixed() -> Judge:
    return lambda hour: hour.requests >= 500


DETECTORS: dict[str, Callable[[], Judge]] = {
    "mean + 3 sigma": by(mean_limit),
    "EWMA, k = 5": ewma,
    "fixed cap of 500 an hour": fixed,
    "MAD, z > 6": by(mad_limit),
    "MAD, z > 6, for 2 hours": by(mad_limit, 2),
    "kibitz": ours,
}


def attacked(hours: list[Hour], start: int, rate: int) -> list[Hour]:
    """The same with an attack."""
    return [
        replace(hour, requests=hour.requests + rate, input_tokens=hour.input_tokens + rate * TOKENS)
        if start <= number < start + ATTACK_HOURS
        else hour
        for number, hour in enumerate(hours)
    ]


def false_alarms(make: Callable[[], Judge], months: list[list[Hour]], days: int) -> float:
    """Hours with an alarm, by week, once it has learnt for a while."""
    alarms = 0
    for hours in months:
        judge = make()
        found = [judge(hour) for hour in hours]
        alarms += sum(found[LEARNING_DAYS * 24 :])
    return alarms / len(months) / ((days - LEARNING_DAYS) / 7)


def missed(
    make: Callable[[], Judge], months: list[list[Hour]], starts: list[int], rate: int
) -> tuple[int, str]:
    """How many attacks were not seen, and how many hours the others lasted before they were."""
    late = []
    for hours, start in zip(months, starts, strict=True):
        judge = make()
        found = [judge(hour) for hour in attacked(hours, start, rate)[: start + ATTACK_HOURS]]
        if any(found[start:]):
            late.append(found[start:].index(True))
    shown = f"{median(late):.0f} h" if late else "-"
    return len(months) - len(late), shown


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = random.Random(given.seed)  # noqa: S311 - a simulation
    months = [month(rng, given.days) for _ in range(given.trials)]
    last = given.days * 24 - ATTACK_HOURS
    starts = [rng.randrange(LEARNING_DAYS * 24, last) for _ in months]
    heads = "".join(f" | missed at +{rate:,}/h (seen after)" for rate in RATES)
    print(f"| detector | false alarms a week{heads} |")
    print("|---|---|" + "---|" * len(RATES))
    for name, make in DETECTORS.items():
        cells = [f"{false_alarms(make, months, given.days):.2f}"]
        for rate in RATES:
            lost, late = missed(make, months, starts, rate)
            cells.append(f"{lost} of {given.trials} ({late})")
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"kibitz pauses wrongly {false_alarms(pausing, months, given.days):.2f} hours a week")


if __name__ == "__main__":
    main()
