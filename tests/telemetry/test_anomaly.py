from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.telemetry.anomaly import LEARNT, REQUESTS_PER_HOUR, WARM_UP, Detector, Hour, Running, Stage

MONDAY = datetime(2026, 11, 2)  # noqa: DTZ001 - on the user's own clock


def work(days: int = 14, requests: int = 30) -> list[Hour]:
    """From nine to five on weekdays; a little more and less from hour to hour."""
    return [
        Hour(MONDAY + timedelta(days=day, hours=hour), requests + (day + hour) % 5, 1000 * requests)
        for day in range(days)
        for hour in range(9, 17)
        if day % 7 < 5
    ]


def learnt(hours: list[Hour]) -> Detector:
    detector = Detector()
    for hour in hours:
        assert detector.judge(hour) == [], "honest work"
    return detector


def at(hour: int, requests: int, day: int = 14, **others: int) -> Hour:
    return Hour(MONDAY + timedelta(days=day, hours=hour), requests, others.get("tokens", 1000 * requests))


def rules(detector: Detector, *hours: Hour) -> list[list[tuple[str, Stage]]]:
    return [[(alarm.rule, alarm.stage) for alarm in detector.judge(hour)] for hour in hours]


def test_one_busy_hour_is_nothing_and_three_climb_the_ladder() -> None:
    detector = learnt(work())
    assert rules(detector, at(9, 200, tokens=1), at(10, 30)) == [[], []]
    found = rules(detector, *(at(hour, 200, tokens=1) for hour in (11, 12, 13, 14, 15)))
    assert found == [
        [],
        [("volume", Stage.STATUS)],
        [("volume", Stage.THROTTLE)],
        [("volume", Stage.PAUSE)],
        [("volume", Stage.PAUSE)],
    ]


def test_work_at_night_is_told_after_three_hours() -> None:
    detector = learnt(work())
    found = rules(detector, *(at(hour, 5) for hour in (1, 2, 3, 4)))
    assert found == [[], [], [("off-hours", Stage.STATUS)], [("off-hours", Stage.THROTTLE)]]
    assert rules(learnt(work()), at(17, 5), at(18, 5), at(9, 30, 15)) == [[], [], []], "a long day is none"


def test_the_cap_holds_from_the_first_hour_on() -> None:
    assert rules(Detector(), at(9, REQUESTS_PER_HOUR - 1), at(10, REQUESTS_PER_HOUR)) == [
        [],
        [("cap", Stage.THROTTLE)],
    ]
    assert rules(Detector(), at(9, 2 * REQUESTS_PER_HOUR)) == [[("cap", Stage.PAUSE)]]


def test_nothing_else_is_judged_before_it_knows_the_user() -> None:
    hours = work()[: WARM_UP - 1]
    detector = learnt(hours)
    assert rules(detector, at(1, 400), at(2, 400), at(3, 400), at(4, 400))[0] == []


def test_many_failures_are_unusual_too() -> None:
    detector = learnt(work())
    bad = [Hour(MONDAY + timedelta(days=14, hours=hour), 30, 30_000, 25) for hour in (9, 10)]
    (alarm,) = [alarm for hour in bad for alarm in detector.judge(hour)]
    assert alarm.what.startswith("25 failed requests in an hour, for 2 hours; up to ")


def test_nobody_teaches_it_slowly_that_nights_are_for_work() -> None:
    detector = learnt(work())
    for day in range(14, 40):
        detector.judge(at(2, 400, day))
        detector.judge(at(3, 400, day))
        found = [alarm.rule for hour in (4, 5) for alarm in detector.judge(at(hour, 400, day))]
        assert "volume" in found


def test_a_detector_goes_on_where_it_was() -> None:
    hours = work()
    running, whole = Running(), Detector()
    for end in range(1, len(hours) + 1):
        assert running.look(hours[:end]) == whole.judge(hours[end - 1])
    night = [at(hour, 5) for hour in (1, 2, 3)]
    for _ in range(2):
        found = running.look([*hours, *night])
        assert [alarm.rule for alarm in found] == ["off-hours"], "the last hour is looked at again and again"


@given(
    st.lists(
        st.builds(
            Hour,
            st.integers(0, 10_000).map(lambda hours: MONDAY + timedelta(hours=hours)),
            st.integers(0, 10**15),
            st.integers(0, 10**15),
            st.integers(0, 10**15),
        ),
        max_size=60,
    )
)
def test_whatever_the_hours_hold_it_judges(hours: list[Hour]) -> None:
    detector = Detector()
    for hour in hours:
        for alarm in detector.judge(hour):
            assert Stage.LOG <= alarm.stage <= Stage.PAUSE


@pytest.mark.parametrize("years", [1])
def test_it_forgets_what_is_long_ago(years: int) -> None:
    detector = Detector()
    for hour in work(365 * years):
        detector.judge(hour)
    for usual in detector._usual.values():
        assert len(usual.values) == len(usual.ordered) == LEARNT
