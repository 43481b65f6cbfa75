"""Processes that share a database, some of which are killed; ``benchmarks/crash.py`` does it 200 times."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.support.striking import Crowd

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.deep
KILLS = 5


async def test_who_is_killed_takes_nothing_along(tmp_path: Path) -> None:
    async with Crowd(tmp_path, Random(4)) as crowd:  # noqa: S311 - the same moments each time
        for _ in range(KILLS):
            await crowd.strike()
    found = crowd.found
    assert found.damaged == []
    assert found.lost == set()
    assert found.entries > KILLS
    assert found.shown == []
    assert found.logged == []
    assert sorted(found.waits)[len(found.waits) * 9 // 10] < 0.5, "editors wait"
