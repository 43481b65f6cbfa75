"""The first 10,000 cases of the fuzzer; ``benchmarks/fuzz.py`` plays as many more as there is time for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.fuzz.batch import CASES, play

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.deep
SHARDS = 5
BATCHES = 10_000 // CASES


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_damage_breaks_the_server(shard: int, tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        for number in range(shard, BATCHES, SHARDS):
            runner.run(play(number, tmp_path))
