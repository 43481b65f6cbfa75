"""Whatever fails, and whenever: the 1st, 2nd, … n-th operation, once or from then on.

A document is reviewed whose answer is kept from before, and a new one. After each failure nothing was raised,
no error was logged and no traceback; findings are shown, or a message says what is wrong; and without the
failure all is as it should be: the state database is sound, and both documents' findings are shown.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from tests.provider.clients import BUG, CANARY
from tests.support import failing
from tests.support.failing import Faults
from tests.support.fake_provider import FakeProvider, reviewer

from kibitz.app import App
from kibitz.cache.claims import DiskClaims
from kibitz.config import Settings
from kibitz.review import flights
from kibitz.review.reviewer import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kibitz.review.reviewer import Review

pytestmark = pytest.mark.deep
KNOWN = "def mean(values):\n    return sum(values) / len(value)\n"
NEW = "def middle(values):\n    return values[len(value) // 2]\n"


def settings(fake: FakeProvider) -> Settings:
    return Settings(
        base_url=fake.base_url,
        api_key=SecretStr(CANARY),
        initial_backoff_ms=1,
        max_backoff_ms=1,
        requests_per_minute=100_000,
        tokens_per_minute=100_000_000,
    )


@pytest.fixture(autouse=True)
def _short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who could not give up its claims does not keep the next one waiting for seconds."""
    monkeypatch.setitem(failing.defaults_of(DiskClaims), "lease_s", 0.05)
    monkeypatch.setattr(flights, "FIRST_LOOK_S", 0.01)
    monkeypatch.setattr(flights, "LONGEST_LOOK_S", 0.01)


async def reviews(fake: FakeProvider, *texts: str) -> list[Review]:
    app = App.create(settings(fake))
    app.database._store._busy_s = 0.02
    try:
        asked = await app.reviewer()
        return [await asked.review(Source(text, "python", "a.py", path="/nowhere/a.py")) for text in texts]
    finally:
        await app.aclose()


def titles(review: Review) -> list[str]:
    return [each.finding.title if hasattr(each, "finding") else each.title for each in review.findings]


EVERY = 4
"""After so many failures it is looked whether all is well without one; that takes as long again."""
KINDS: dict[str, Callable[[Faults, Path], AbstractContextManager[None]]] = {
    "file": failing.files,
    "database": lambda faults, _: failing.database(faults),
    "wire": lambda faults, _: failing.wire(faults),
    "clock": lambda faults, _: failing.clock(faults),
}


@contextmanager
def quiet(caplog: pytest.LogCaptureFixture, what: str) -> Iterator[None]:
    """Nothing that is logged meanwhile is an error, or has a traceback."""
    caplog.clear()
    yield
    for record in caplog.records:
        assert record.levelno < logging.ERROR, f"{what}: {record.getMessage()}"
        assert not record.exc_info, f"{what}: {record.getMessage()}"


@pytest.mark.parametrize("forever", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_nth_operation_fails(
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    forever: bool,
) -> None:
    before = tmp_path / "before"

    async def run() -> int:
        async with FakeProvider(reviewer(BUG)) as fake:
            monkeypatch.setenv("KIBITZ_STATE_DIR", str(before))
            await reviews(fake, KNOWN)
            for n in range(1, 1000):
                state = tmp_path / f"state-{n}"
                shutil.copytree(before, state)
                monkeypatch.setenv("KIBITZ_STATE_DIR", str(state))
                faults = Faults(n, forever)
                with quiet(caplog, f"{kind} {n}"):
                    with KINDS[kind](faults, state):
                        found = await reviews(fake, KNOWN, NEW)
                    _shown_or_said(found, kind, faults)
                    if n % EVERY == 0 or not faults.failed:
                        assert [titles(each) for each in await reviews(fake, KNOWN, NEW)] == [
                            ["Wrong name"]
                        ] * 2
                _sound(state)
                shutil.rmtree(state)
                if not faults.failed:
                    return n
        raise AssertionError("it has no end")

    caplog.set_level(logging.WARNING)
    assert asyncio.run(run()) > 3


def _shown_or_said(found: list[Review], kind: str, faults: Faults) -> None:
    for review in found:
        if kind == "wire" and review.errors:
            assert all(error.message and CANARY not in error.message for error in review.errors)
        else:
            assert titles(review) == ["Wrong name"], f"{kind} {faults.n}: {faults.failed} {review.errors}"


def _sound(state: Path) -> None:
    with closing(sqlite3.connect(state / "state.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
