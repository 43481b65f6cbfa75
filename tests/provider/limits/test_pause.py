from __future__ import annotations

import random

import pytest

from kibitz.provider.limits.pause import Pause


def come_back(pause: Pause, waiting: int, now: float) -> list[float]:
    """When each of them goes."""
    at = []
    while waiting:
        now += pause.wait(now, waiting)
        pause.passed()
        at.append(now)
        waiting -= 1
    return at


def test_without_a_pause_nobody_waits() -> None:
    pause = Pause(random.Random(1).uniform)  # noqa: S311 - to be the same each time
    assert pause.wait(0, 5) == 0
    assert pause.left(0) == 0


def test_one_alone_comes_back_within_a_fifth_of_the_pause() -> None:
    for share in (0.0, 0.5, 1.0):
        pause = Pause(lambda _low, _high, share=share: share)  # type: ignore[misc]  # a default binds the loop's variable
        assert pause.begin(100, 10)
        assert pause.left(104) == pytest.approx(6)
        assert pause.wait(104, 1) == pytest.approx(6 + 2 * share)
        assert pause.wait(105, 1) == pytest.approx(5 + 2 * share)


def test_many_come_back_one_by_one_all_over_that_fifth() -> None:
    pause = Pause(random.Random(1).uniform)  # noqa: S311 - to be the same each time
    pause.begin(0, 100)
    at = come_back(pause, 1000, 1.0)
    assert at == sorted(at)
    assert 100 <= at[0] < 100.2
    assert 119.8 < at[-1] <= 120
    for moment in range(100, 120, 2):
        assert 60 < sum(moment <= t < moment + 2 for t in at) < 140


def test_a_shorter_pause_changes_nothing_and_a_longer_one_holds() -> None:
    pause = Pause(lambda _low, _high: 0.0)
    assert pause.begin(0, 10)
    assert not pause.begin(1, 5)
    assert pause.left(1) == pytest.approx(9)
    assert pause.begin(2, 20)
    assert pause.left(2) == pytest.approx(20)
    assert pause.wait(2, 1) == pytest.approx(20)


def test_after_the_fifth_nobody_waits_any_more() -> None:
    pause = Pause(lambda _low, _high: 1.0)
    pause.begin(0, 10)
    assert pause.wait(12.0, 3) == 0
