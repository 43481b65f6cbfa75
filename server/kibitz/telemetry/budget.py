"""Caps on what is spent in an hour and in a day, kept by all processes of this machine together.

Before a request is sent, the most that it can take is held, in one transaction with the look at what is spent
and held already; so the caps hold, however many ask at once. The ledger lets go of it in the transaction that
books what the request took. What a process held that died lapses after a while.

Without the state database each process keeps to the caps by what it spent itself.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from kibitz.state.database import Component, StateUnavailable
from kibitz.telemetry import security
from kibitz.telemetry.caps import LEVELS, Amount, Cap, Verdict, judge
from kibitz.telemetry.ledger import hour_of
from kibitz.telemetry.ledger_table import pico
from kibitz.telemetry.security import Event

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from kibitz.state.database import Database
    from kibitz.telemetry.caps import Period
    from kibitz.telemetry.counts import Counts
    from kibitz.telemetry.ledger import Ledger

LONGEST_S = 2 * 24 * 3600.0
"""No hold lasts longer, a batch's neither. One that seems to is of a clock that was set back since."""
TRIES = 5
"""So often the state database is waited for that others keep locked, before each process goes by itself."""
LOOK_S, LOOKS = 0.25, 40
"""How often, and how many times, it is looked whether what is under way took less than was held for it."""

_SPENT = (
    "coalesce(sum(requests), 0), coalesce(sum(input_tokens + output_tokens), 0), coalesce(sum(cost_pico), 0)"
)
_HELD = "coalesce(sum(requests), 0), coalesce(sum(tokens), 0), coalesce(sum(pico), 0)"

COMPONENT = Component(
    "budget",
    1,
    (
        "CREATE TABLE budget_raised (day TEXT PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID",
        """
        CREATE TABLE budget_told (
            period TEXT, cap TEXT, most INTEGER, level INTEGER, PRIMARY KEY (period, cap, most, level)
        ) WITHOUT ROWID
        """,
    ),
)


class BudgetUsedUpError(Exception):
    """A cap does not allow for a request; the message says which one, and how to go on."""

    def __init__(self, cap: Cap, spent: int, wanted: int, period: str = "") -> None:
        until = "midnight" if cap.period == "day" else "the next full hour"
        super().__init__(
            f"{cap.words} does not allow for another request ({cap.shown(spent)} spent, and this one may "
            f"take {cap.shown(wanted)}); nothing is sent until {until}. To go on, run the command "
            f"kibitz.raiseBudget in the editor, give --ignore-budget on the command line, or set "
            f"{cap.setting} higher"
        )
        self.cap = cap
        self.until = until
        self.period = period
        """The hour or day that it is about."""


@dataclass(frozen=True, slots=True)
class Warned:
    """A part of a cap is spent; told once by all processes together."""

    cap: Cap
    level: int
    spent: int

    @property
    def is_all(self) -> bool:
        """Whether nothing is left, or not enough for a request."""
        return self.level >= LEVELS[-1]

    @property
    def message(self) -> str:
        """For people."""
        cap = self.cap
        part = "is used up" if self.is_all else f"is used to {self.level} %"
        return f"{cap.words} {part} ({cap.shown(self.spent)} spent; setting {cap.setting})"


@dataclass(frozen=True, slots=True)
class Standing:
    """How the caps stand."""

    spent: Mapping[Period, Amount]
    held: Amount
    raised: int = 0

    def of(self, caps: Sequence[Cap]) -> list[tuple[Cap, int]]:
        """The caps as they are today, and what is spent of each."""
        raised = [replace(cap, most=cap.most * (1 + self.raised)) for cap in caps]
        return [(cap, self.spent[cap.period].of(cap.kind)) for cap in raised]


class Budget:
    """See the module. Belongs to one event loop."""

    def __init__(
        self,
        ledger: Ledger,
        database: Database | None,
        caps: Sequence[Cap],
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Do no I/O. ``clock`` is the time of day: processes share it."""
        self.caps = tuple(caps)
        self.on_warning: Callable[[Warned], None] | None = None
        """Is told when half, four fifths and all of a cap are spent."""
        self.on_unpriced: Callable[[str], None] | None = None
        """Is told, once for each model, that caps in dollars do not hold what it costs."""
        self._refusal: BudgetUsedUpError | None = None
        self._unpriced: set[str] = set()
        self._ledger = ledger
        self._database = database
        self._clock = clock
        self._sleep = sleep
        self._own: dict[str, Amount] = {}
        """What is held here, for as long as there is no database."""
        self._raised = 0
        self._told: set[tuple[str, Cap, int]] = set()
        self._errands: set[asyncio.Task[None]] = set()
        if database is not None:
            database.register(COMPONENT)

    async def hold(self, wanted: Amount, seconds: float, *, name: str = "") -> str:
        """Hold so much for as long as it may take; the name under which the ledger lets go of it.

        Raises:
            BudgetUsedUpError: there is not as much left.
        """
        name = name or secrets.token_hex(8)
        for look in range(LOOKS + 1):
            try:
                verdict = await self._taken(name, wanted, seconds)
            except asyncio.CancelledError:
                self.let_go(name)  # it may have been taken all the same
                raise
            if verdict.refused is None:
                self._refusal = None
                return name
            if not verdict.waits or look == LOOKS:
                break
            await self._sleep(LOOK_S)
        assert verdict.refused is not None  # noqa: S101 - else it was returned
        cap = verdict.refused
        period = _period(cap, self._ledger.now())
        self._refusal = BudgetUsedUpError(cap, verdict.spent, wanted.of(cap.kind), period)
        raise self._refusal

    @property
    def refusal(self) -> BudgetUsedUpError | None:
        """Why the last request was not sent; None once one was, or another hour or day begins."""
        found = self._refusal
        return found if found and _period(found.cap, self._ledger.now()) == found.period else None

    def unpriced(self, model: str) -> None:
        """A request is sent that has no known price."""
        if model in self._unpriced or not any(cap.kind == "usd" for cap in self.caps):
            return
        self._unpriced.add(model)
        if self.on_unpriced is not None:
            self.on_unpriced(
                f"the price of {model} is not known, so no budget in dollars holds it back, and only caps on "
                "requests and tokens do; say what it costs under prices in the user file"
            )

    def let_go(self, name: str) -> None:
        """What was held is not needed. Waits for nothing."""
        self.settled(name)
        if self._database is not None:
            task = asyncio.get_running_loop().create_task(self._let_go(self._database, name))
            self._errands.add(task)
            task.add_done_callback(self._errands.discard)

    def settled(self, name: str) -> None:
        """What was held is in the ledger now."""
        self._own.pop(name, None)

    async def raise_today(self) -> None:
        """As much again may be spent today, in all windows."""
        self._raised += 1
        security.note(Event.BUDGET_RAISED)
        self._refusal = None
        if self._database is not None:
            day = self._ledger.now().date().isoformat()
            try:
                await self._database.run(partial(_raise, day))
            except StateUnavailable:
                return  # the database has said so; it holds in this window

    async def standing(self) -> Standing:
        """What is spent of the caps. For people; the next request looks again."""
        moment = self._ledger.now()
        if self._database is not None:
            await self._ledger.written()
            try:
                return await self._database.read(partial(standing_at, moment=moment))
            except StateUnavailable:
                pass
        return self._own_standing(moment)

    async def aclose(self) -> None:
        """Finish what is under way."""
        while self._errands:
            await asyncio.wait(self._errands)

    async def _taken(self, name: str, wanted: Amount, seconds: float) -> Verdict:
        moment = self._ledger.now()
        if self._database is not None:
            job = partial(self._take, name, wanted, seconds, moment)
            for _ in range(TRIES):
                try:
                    verdict, news = await self._database.run(job)
                except StateUnavailable as error:
                    if error.lasting != "no":
                        break  # the database has said so
                else:
                    self._tell(news)
                    return verdict
        return self._taken_alone(name, wanted, moment)

    def _take(
        self,
        name: str,
        wanted: Amount,
        seconds: float,
        moment: datetime,
        connection: sqlite3.Connection,
    ) -> tuple[Verdict, list[Warned]]:
        now = self._clock()
        # Of processes that died; and of a time that is yet to come.
        connection.execute("DELETE FROM ledger_holds WHERE until <= ? OR until > ?", (now, now + LONGEST_S))
        standing = standing_at(connection, moment)
        verdict = judge(self.caps, standing.spent, standing.held, wanted, standing.raised)
        if verdict.refused is None:
            values = (name, now + min(seconds, LONGEST_S - 1), wanted.requests, wanted.tokens, wanted.pico)
            connection.execute("INSERT OR REPLACE INTO ledger_holds VALUES (?, ?, ?, ?, ?)", values)
        return verdict, _news(connection, verdict, moment)

    def _taken_alone(self, name: str, wanted: Amount, moment: datetime) -> Verdict:
        standing = self._own_standing(moment)
        verdict = judge(self.caps, standing.spent, standing.held, wanted, standing.raised)
        if verdict.refused is None:
            self._own[name] = wanted
        news = []
        for cap, level, spent in verdict.told:
            what = (_period(cap, moment), cap, level)
            if what not in self._told:
                self._told.add(what)
                news.append(Warned(cap, level, spent))
        self._tell(news)
        return verdict

    def _own_standing(self, moment: datetime) -> Standing:
        spent: dict[Period, Amount] = {
            "hour": amount_of(self._ledger.own_since(hour_of(moment))),
            "day": amount_of(self._ledger.own_since(moment.date().isoformat())),
        }
        return Standing(spent, sum(self._own.values(), Amount()), self._raised)

    def _tell(self, news: Sequence[Warned]) -> None:
        for each in news:
            if each.is_all:
                security.note(Event.BUDGET_USED_UP, cap=each.cap.setting)
        if self.on_warning is not None:
            for each in news:
                self.on_warning(each)

    async def _let_go(self, database: Database, name: str) -> None:
        try:
            await database.run(
                lambda connection: connection.execute(
                    "DELETE FROM ledger_holds WHERE name = ?", (name,)
                ).close()
            )
        except StateUnavailable:
            return  # it lapses


def amount_of(counts: Counts) -> Amount:
    """What counts for the caps."""
    return Amount(counts.requests, counts.tokens, pico(counts.cost_usd) or 0)


def _period(cap: Cap, moment: datetime) -> str:
    return hour_of(moment) if cap.period == "hour" else moment.date().isoformat()


def standing_at(connection: sqlite3.Connection, moment: datetime) -> Standing:
    """What is spent and held, as all processes together know it."""
    day, hour = moment.date().isoformat(), hour_of(moment)
    # What is later today, or tomorrow, was booked before the clock was set back: it counts. What is later
    # still was never a real day.
    end = (moment.date() + timedelta(2)).isoformat()
    query = f"SELECT {_SPENT} FROM ledger_entries WHERE period >= ? AND period < ?"  # noqa: S608 - words of ours
    spent: dict[Period, Amount] = {
        "hour": Amount(*connection.execute(query, (hour, end)).fetchone()),
        "day": Amount(*connection.execute(query, (day, end)).fetchone()),
    }
    held = connection.execute(
        f"SELECT {_HELD} FROM ledger_holds"  # noqa: S608 - as above
    ).fetchone()
    raised = connection.execute("SELECT coalesce(max(times), 0) FROM budget_raised WHERE day = ?", (day,))
    return Standing(spent, Amount(*held), raised.fetchone()[0])


def _news(connection: sqlite3.Connection, verdict: Verdict, moment: datetime) -> list[Warned]:
    """What nobody was told of yet."""
    news = []
    for cap, level, spent in verdict.told:
        values = (_period(cap, moment), cap.setting, cap.most, level)
        if connection.execute("INSERT OR IGNORE INTO budget_told VALUES (?, ?, ?, ?)", values).rowcount:
            news.append(Warned(cap, level, spent))
    if news:
        day = (moment.date() - timedelta(1)).isoformat()
        connection.execute("DELETE FROM budget_told WHERE period < ?", (day,))
        connection.execute("DELETE FROM budget_raised WHERE day < ?", (day,))
    return news


def _raise(day: str, connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO budget_raised VALUES (?, 1) ON CONFLICT (day) DO UPDATE SET times = times + 1", (day,)
    )
