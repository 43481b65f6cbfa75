"""Watches over what is spent, and acts on what is not like the user's own use.

Each request is held against the rules of ``events`` at once. Every minute, if anything was asked, the hours
of the ledger are judged by ``anomaly`` in a thread; the ladder follows: a line in the security log, a word in
the status, a pause before each request that nobody asked for, and at last none of those, until the user says
that all of it is theirs. What somebody asks for and waits for is never held up.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

from kibitz.state.database import Component, StateUnavailable
from kibitz.telemetry import security
from kibitz.telemetry.anomaly import Hour, Running, Stage
from kibitz.telemetry.events import Rules, Seen, collapsed
from kibitz.telemetry.security import Event

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Iterable

    from kibitz.state.database import Database
    from kibitz.telemetry.anomaly import Alarm
    from kibitz.telemetry.cachecounts import CacheCounts
    from kibitz.telemetry.counts import Counts
    from kibitz.telemetry.ledger import Ledger

LOOK_S = 60.0
"""Between two looks at the hours."""
THROTTLE_S = 5.0
"""How long each request waits that nobody asked for."""
KNOWN = 1000
"""So many hosts, models and keys are remembered."""
_RULES = {
    "refusals": Event.ANOMALY_REFUSALS,
    "transport": Event.ANOMALY_TRANSPORT,
    "repeated": Event.ANOMALY_REPEATED,
    "ratio": Event.ANOMALY_RATIO,
    "cap": Event.ANOMALY_CAP,
    "volume": Event.ANOMALY_VOLUME,
    "off-hours": Event.ANOMALY_OFF_HOURS,
}

COMPONENT = Component(
    "vigil",
    1,
    (
        "CREATE TABLE vigil_known (kind TEXT, name TEXT, PRIMARY KEY (kind, name)) WITHOUT ROWID",
        "CREATE TABLE vigil_confirmed (day TEXT PRIMARY KEY) WITHOUT ROWID",
    ),
)


class UnusualUsageError(Exception):
    """Nothing more is sent that nobody asked for; the message says why, and how to go on."""


class Vigil:
    """See the module. Belongs to one event loop.

    Args:
        most: the last step of the ladder: none (``off``), the status (``tell``), or all (``pause``).
        cache: what the cache had today, and in the week before.
    """

    def __init__(
        self,
        ledger: Ledger,
        database: Database | None,
        most: Literal["off", "tell", "pause"] = "pause",
        *,
        cache: Callable[[], Awaitable[tuple[CacheCounts, CacheCounts]]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.stage = Stage.NONE
        self.why = ""
        """What is unusual, in words for people."""
        self._ledger = ledger
        self._database = database
        self._most = {"off": Stage.NONE, "tell": Stage.STATUS, "pause": Stage.PAUSE}[most]
        self._cache = cache
        self._clock = clock
        self._sleep = sleep
        self._rules = Rules()
        self._running = Running()
        self._known: set[tuple[str, str]] = set()
        self._new: set[tuple[str, str]] = set()
        self._told: set[tuple[str, str]] = set()
        self._confirmed = ""
        self._looked = -LOOK_S
        self._looking: asyncio.Task[None] | None = None
        if database is not None:
            database.register(COMPONENT)

    async def admit(self, *, is_asked: bool) -> None:
        """Wait as long as a request has to.

        Raises:
            UnusualUsageError: it is not sent.
        """
        if is_asked or self.stage < Stage.THROTTLE:
            return
        if self.stage is Stage.PAUSE:
            raise UnusualUsageError(
                f"this use of kibitz is not like yours ({self.why}), so nothing is sent that you did not ask "
                "for. If it is yours, run the command kibitz.raiseBudget in the editor, or give "
                "--ignore-budget on the command line; else see what the access log says (kibitz doctor names "
                "it), and replace the key"
            )
        await self._sleep(THROTTLE_S)

    def saw(self, seen: Seen) -> None:
        """A request is over. Waits for nothing."""
        if self._most is Stage.NONE:
            return
        for rule in self._rules.broken(seen):
            security.note(_RULES[rule], origin=seen.origin, model=seen.model, key=seen.key)
        names = (("host", seen.origin), ("model", seen.model), ("key", seen.key))
        self._new.update(name for name in names if name[1] and name not in self._known)
        if self._looking is None and seen.at - self._looked >= LOOK_S:
            self._looked = seen.at
            self._looking = asyncio.get_running_loop().create_task(self._look())

    async def confirm(self) -> bool:
        """All of it is the user's: say nothing more of today's hours. Whether there was something to say."""
        was, self.stage, self.why = self.stage, Stage.NONE, ""
        self._confirmed = self._ledger.now().date().isoformat()
        security.note(Event.ANOMALY_CONFIRMED, stage=was.name.lower())
        if self._database is not None:
            with suppress(StateUnavailable):  # the database has said so; it holds in this window
                await self._database.run(partial(_confirm, self._confirmed))
        return was > Stage.LOG

    async def standing(self) -> tuple[Stage, str]:
        """How the hours up to now look, and why, for whoever wants to know: nothing is noted or held up."""
        hours = await self._ledger.hours()
        return await self._verdict(await asyncio.to_thread(self._judge, hours))

    async def aclose(self) -> None:
        """Finish what is under way."""
        if self._looking is not None:
            await asyncio.wait({self._looking})

    async def _look(self) -> None:
        try:
            await self._meet()
            hours = await self._ledger.hours()
            await self._act(await asyncio.to_thread(self._judge, hours))
            if self._cache is not None and collapsed(*await self._cache()):
                self._note("cache", Event.ANOMALY_CACHE)
        finally:
            self._looking = None

    def _judge(self, hours: list[tuple[str, Counts]]) -> list[Alarm]:
        """For a thread."""
        found = [
            Hour(datetime.fromisoformat(f"{period}:00"), counts.requests, counts.input_tokens, counts.failed)
            for period, counts in hours
        ]
        return self._running.look(found) if found else []

    async def _act(self, found: list[Alarm]) -> None:
        for alarm in found:
            self._note(alarm.rule, _RULES[alarm.rule])
        self.stage, self.why = await self._verdict(found)

    async def _verdict(self, found: list[Alarm]) -> tuple[Stage, str]:
        """What follows from the alarms, unless the user said that today's use is theirs."""
        day = self._ledger.now().date().isoformat()
        if found and self._database is not None and self._confirmed != day:
            try:
                if await self._database.read(partial(_is_confirmed, day)):
                    self._confirmed = day
            except StateUnavailable:
                pass  # as above
        worst = max(found, key=lambda alarm: alarm.stage, default=None)
        if worst is None or self._confirmed == day:
            return Stage.NONE, ""
        return min(worst.stage, self._most), worst.what

    def _note(self, rule: str, event: Event) -> None:
        """Once an hour."""
        what = (rule, f"{self._ledger.now():%Y-%m-%dT%H}")
        if what not in self._told:
            self._told = {told for told in self._told if told[1] == what[1]} | {what}
            security.note(event)

    async def _meet(self) -> None:
        """Tell of hosts, models and keys that were never seen here."""
        new, self._new = self._new, set()
        self._known |= new
        if not new or self._database is None:
            return
        try:
            fresh = await self._database.run(partial(_meet, new))
        except StateUnavailable:
            return  # the database has said so
        for kind, name in fresh:
            security.note(Event.ANOMALY_NEW, kind=kind, name=name)


def _meet(new: Iterable[tuple[str, str]], connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Remember names; which of them are new, of kinds of which there were any before."""
    fresh = []
    kinds = {kind for (kind,) in connection.execute("SELECT DISTINCT kind FROM vigil_known")}
    for kind, name in sorted(new):
        added = connection.execute("INSERT OR IGNORE INTO vigil_known VALUES (?, ?)", (kind, name)).rowcount
        if added and kind in kinds:
            fresh.append((kind, name))
    (count,) = connection.execute("SELECT count(*) FROM vigil_known").fetchone()
    if count > KNOWN:
        connection.execute("DELETE FROM vigil_known")
    return fresh


def _confirm(day: str, connection: sqlite3.Connection) -> None:
    before = (datetime.fromisoformat(day) - timedelta(1)).date().isoformat()
    connection.execute("DELETE FROM vigil_confirmed WHERE day < ?", (before,))
    connection.execute("INSERT OR IGNORE INTO vigil_confirmed VALUES (?)", (day,))


def _is_confirmed(day: str, connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM vigil_confirmed WHERE day = ?", (day,)).fetchone() is not None
