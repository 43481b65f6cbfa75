from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest

from kibitz.state.database import Database
from kibitz.telemetry import security
from kibitz.telemetry.anomaly import Stage
from kibitz.telemetry.cachecounts import CacheCounts
from kibitz.telemetry.counts import Account, Counts
from kibitz.telemetry.events import Seen
from kibitz.telemetry.ledger import Ledger
from kibitz.telemetry.vigil import LOOK_S, THROTTLE_S, UnusualUsageError, Vigil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Notes = Callable[[], list[dict[str, Any]]]

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
GPT = Account("gpt", "", "review")


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What was noted; ends the log."""
    security._early.clear()  # of other tests
    log = security.open_log(tmp_path)

    def noted() -> list[dict[str, Any]]:
        security.close_log(log)
        path = tmp_path / security.FILE_NAME
        return [json.loads(line) for line in path.read_text().splitlines()]

    yield noted
    security.close_log(log)


class Watch:
    """A process with a past of two weeks, and a clock."""

    def __init__(self, path: Path | None, most: Literal["off", "tell", "pause"] = "pause") -> None:
        self.moment, self.seconds = MONDAY, 0.0
        self.waited: list[float] = []
        self.cached = (CacheCounts(), CacheCounts())
        self.database = None if path is None else Database(path)
        self.ledger = Ledger(self.database, now=lambda: self.moment)
        self.vigil = Vigil(
            self.ledger, self.database, most, cache=self.cache, clock=self.clock, sleep=self.sleep
        )

    def clock(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)

    async def cache(self) -> tuple[CacheCounts, CacheCounts]:
        return self.cached

    def work(self) -> None:
        for day in range(14):
            for hour in range(9, 17):
                self.moment = MONDAY + timedelta(days=day, hours=hour)
                self.ledger.add(GPT, Counts(30, 30_000))
        self.moment = MONDAY + timedelta(days=14)

    async def ask(self, requests: int = 1, names: tuple[str, str, str] = ("", "", "")) -> None:
        self.ledger.add(GPT, Counts(requests, 1000 * requests))
        self.seconds += LOOK_S
        self.vigil.saw(Seen(self.seconds, *names))
        await self.vigil.aclose()

    async def close(self) -> None:
        await self.vigil.aclose()
        await self.ledger.aclose()
        if self.database is not None:
            await self.database.aclose()


@pytest.mark.parametrize("shared", [True, False])
async def test_the_ladder_from_a_line_in_the_log_to_a_pause_and_back(
    tmp_path: Path, notes: Notes, *, shared: bool
) -> None:
    watch = Watch(tmp_path / "state.db" if shared else None)
    watch.work()
    stages = []
    for hour in (1, 2, 3, 4, 5):
        watch.moment = MONDAY + timedelta(days=14, hours=hour)
        await watch.ask()
        await watch.ask()
        stages.append(watch.vigil.stage)
        await watch.vigil.admit(is_asked=True)
        if watch.vigil.stage < Stage.PAUSE:
            await watch.vigil.admit(is_asked=False)
    assert stages == [Stage.NONE, Stage.NONE, Stage.STATUS, Stage.THROTTLE, Stage.PAUSE]
    assert watch.waited == [THROTTLE_S]
    with pytest.raises(UnusualUsageError, match=r"requests around 05:00, for 5 hours.*kibitz\.raiseBudget"):
        await watch.vigil.admit(is_asked=False)
    assert await watch.vigil.confirm()
    await watch.ask()
    await watch.vigil.admit(is_asked=False)
    assert watch.vigil.stage is Stage.NONE
    if shared:
        other = Watch(tmp_path / "state.db")
        other.moment = watch.moment
        await other.ask()
        assert other.vigil.stage is Stage.NONE, "it is confirmed for all windows"
        await other.close()
    await watch.close()
    noted = [event["event"] for event in notes()]
    assert noted.count("ANOMALY_OFF_HOURS") >= 3
    assert noted.count("ANOMALY_CONFIRMED") == 1


@pytest.mark.parametrize(("most", "stage"), [("tell", Stage.STATUS), ("off", Stage.NONE)])
async def test_the_user_says_how_far_it_goes(most: Literal["off", "tell"], stage: Stage) -> None:
    watch = Watch(None, most)
    await watch.ask(5000)
    assert watch.vigil.stage is stage
    await watch.vigil.admit(is_asked=False)
    assert not watch.waited
    await watch.close()


async def test_a_new_host_model_or_key_is_noted_once(tmp_path: Path, notes: Notes) -> None:
    first = "https://a.example:443", "gpt", "0011aabb"
    watch = Watch(tmp_path / "state.db")
    await watch.ask(1, first)
    for _ in range(2):
        await watch.ask(1, (*first[:2], "22334455"))
    await watch.ask(1, ("https://b.example:443", *first[1:]))
    await watch.close()
    told = [(event["event"], event["kind"], event["name"]) for event in notes()]
    assert told == [  # the first ones are no news
        ("ANOMALY_NEW", "key", "22334455"),
        ("ANOMALY_NEW", "host", "https://b.example:443"),
    ]


async def test_events_are_noted_and_a_cache_that_collapsed(tmp_path: Path, notes: Notes) -> None:
    watch = Watch(tmp_path / "state.db")
    for _ in range(4):
        watch.vigil.saw(Seen(1.0, "https://a.example:443", "gpt", question=7))
    watch.cached = CacheCounts(200, misses=200), CacheCounts(1000, hits=900, misses=100)
    await watch.ask()
    await watch.ask()
    await watch.close()
    told = [event["event"] for event in notes()]
    assert told == ["ANOMALY_REPEATED", "ANOMALY_CACHE"]


async def test_without_the_database_it_goes_by_what_this_process_saw(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    watch = Watch(tmp_path / "file" / "state.db")
    await watch.ask(5000, ("https://a.example:443", "gpt", ""))
    assert watch.vigil.stage is Stage.PAUSE
    assert await watch.vigil.confirm()
    assert not await watch.vigil.confirm()
    await watch.close()
