from __future__ import annotations

from typing import Any

import pytest
from benchmarks.peers import JEDI, OURS, PYGLS, RUFF, limits


def results(start: float, action: float, hover: float) -> dict[str, Any]:
    def one(**medians: float) -> dict[str, Any]:
        times = {name: {"median": value} for name, value in medians.items()}
        return times | {f"{name}_cpu": value for name, value in times.items()}

    return {
        PYGLS: one(start=1000, action=1, hover=1),
        JEDI: one(start=1500, action=9, hover=9),
        RUFF: one(start=5, action=1, hover=2),
        OURS: one(start=start, action=action, hover=hover),
    }


@pytest.mark.parametrize(
    ("measured", "kept"),
    [
        ((1150, 2, 4), [True, True, True, True]),
        ((1151, 2, 4), [False, True, True, True]),
        ((1100, 2.01, 4), [True, True, False, True]),
        ((1100, 2, 4.01), [True, True, True, False]),
        ((1160, 2, 4), [False, False, True, True]),
    ],
)
def test_limits_are_kept_or_exceeded(measured: tuple[float, float, float], kept: list[bool]) -> None:
    assert [each["kept"] for each in limits(results(*measured)).values()] == kept


def test_without_the_others_there_is_nothing_to_compare() -> None:
    assert limits({OURS: results(1, 1, 1)[OURS]}) == {}
