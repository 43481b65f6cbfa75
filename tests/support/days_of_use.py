"""Days of use as a developer makes them, written into a state database through the real books.

Seeded, so that the same days come out each time: work on weekdays, busy hours, three models, a cache that
gets warm, now and then a provider that is down, findings that are fixed or dismissed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from kibitz.state.database import Database
from kibitz.telemetry.cachebook import CacheBook, CacheCounts
from kibitz.telemetry.catalogue import DISMISSED, FIXED, SHOWN, Metrics
from kibitz.telemetry.counts import Account, Counts
from kibitz.telemetry.history import History
from kibitz.telemetry.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

MODELS = {
    "gpt-6-luna": (Decimal("0.10"), Decimal("0.01"), Decimal("0.50"), 1.1),
    "gpt-6-sol": (Decimal(2), Decimal("0.20"), Decimal(10), 2.6),
    "gpt-5.4-mini": (Decimal("0.75"), Decimal("0.075"), Decimal("4.50"), 1.7),
}
"""US dollars per million tokens in, cached and out; and the seconds that an answer takes."""
PURPOSES = {"review": 12, "verify": 4, "suggest": 1, "explain": 1, "warm": 2}
RULES = {
    "off-by-one": 9,
    "unhandled-error": 8,
    "wrong-condition": 7,
    "resource-leak": 5,
    "none-dereference": 5,
    "race-condition": 3,
    "wrong-operator": 3,
    "dead-code": 2,
    "sql-injection": 1,
    "mutable-default": 1,
}
_MORNING, _HOURS = 8, 10
_MILLION = 1_000_000


@dataclass
class Use:
    """Somebody who works. One of them makes the same days from the same seed."""

    path: Path
    """Of the state database."""
    until: date
    seed: int = 6
    a_day: int = 90
    """Requests on an ordinary day."""
    documents: int = 45

    async def days(self, count: int) -> None:
        """Work for so many days, of which the last is ``until``."""
        chance = random.Random(self.seed)  # noqa: S311 - not for secrets
        books = _Books(self.path, self.until - timedelta(count - 1))
        for number in range(count):
            books.clock.now = books.clock.begin + timedelta(number)
            _day(chance, self, books, warmth=number / count)
            books.history.note()
            await books.ledger.written()
        for each in (books.history, books.cache, books.ledger, books.database):
            await each.aclose()


class _Clock:
    def __init__(self, first: date) -> None:
        self.begin = self.now = datetime.combine(first, time()).astimezone()

    def __call__(self) -> datetime:
        return self.now

    def day(self) -> date:
        return self.now.date()


class _Books:
    def __init__(self, path: Path, first: date) -> None:
        self.clock = _Clock(first)
        self.database, self.metrics = Database(path), Metrics()
        self.ledger = Ledger(self.database, now=self.clock)
        self.cache = CacheBook(self.database, day=self.clock.day)
        self.history = History(self.database, self.metrics, day=self.clock.day)


def _day(chance: random.Random, use: Use, books: _Books, *, warmth: float) -> None:
    clock = books.clock
    is_weekend = clock.now.weekday() >= 5
    if is_weekend and chance.random() < 0.7:
        return
    requests = round(use.a_day * (0.15 if is_weekend else 1) * chance.lognormvariate(0, 0.45))
    trouble = 0.25 if chance.random() < 0.06 else 0.012
    day = clock.now
    for _ in range(requests):
        clock.now = day + timedelta(hours=_MORNING + min(chance.expovariate(0.25), _HOURS), minutes=1)
        _request(chance, use, books, trouble)
    clock.now = day + timedelta(hours=_MORNING)
    _look_ups(chance, books.cache, requests, warmth)
    for _ in range(requests // 6):
        _finding(chance, books.metrics)


def _request(chance: random.Random, use: Use, books: _Books, trouble: float) -> None:
    metrics = books.metrics
    (model,) = chance.choices([*MODELS], (20, 2, 4))
    (purpose,) = chance.choices([*PURPOSES], [*PURPOSES.values()])
    given, cached, output, seconds = MODELS[model]
    tokens = round(chance.lognormvariate(7.8, 0.5))
    known, written = round(tokens * chance.choice((0, 0, 0.5, 0.7))), round(chance.lognormvariate(5.3, 0.7))
    took = seconds * chance.lognormvariate(0, 0.5) * (1 + 3 * (chance.random() < 0.03))
    failed, again = chance.random() < trouble, chance.random() < 2 * trouble
    cost = ((tokens - known) * given + known * cached + written * output) / _MILLION
    counts = Counts(1, tokens, known, written, written // 3, cost, retries=int(again))
    if failed:
        counts = Counts(1, cost_usd=Decimal(0), failed=1, retries=int(again))
    name = f"src/{chance.choice('abc')}/module_{round(chance.paretovariate(0.9)) % use.documents}.py"
    about = name if purpose != "warm" or chance.random() < 0.5 else ""
    books.ledger.book(Account(model, "0123456789abcdef", purpose), counts, document=about)
    outcome = chance.choice(("timeout", "http_503", "rate_limit_exceeded")) if failed else "answered"
    metrics.requests.add(model, purpose, outcome)
    metrics.latency.observe(took, model, purpose)
    metrics.waits.observe(chance.expovariate(20), model)
    if purpose == "review":
        metrics.first_finding.observe(took * 0.8)
    if again:
        metrics.retries.add(chance.choice(("http_429", "http_503", "timeout")))


def _look_ups(chance: random.Random, book: CacheBook, requests: int, warmth: float) -> None:
    """Each request is a miss; the warmer the cache, the more answers it has beside those."""
    known = round(requests * (0.8 + 2.2 * warmth) * chance.uniform(0.8, 1.2))
    shares = {"memory": 0.62, "disk": 0.28, "team": 0.1}
    passed = requests + known
    for tier, share in shares.items():
        hits = round(known * share)
        last = tier == "team"
        stale = round(known * 0.03) if tier == "disk" else 0
        misses = requests if last else 0
        saved = CacheCounts(passed, hits, stale, misses, hits * 2500, hits * 210, hits * Decimal("0.00036"))
        book.add(tier, saved)
        passed -= hits + stale


def _finding(chance: random.Random, metrics: Metrics) -> None:
    (rule,) = chance.choices([*RULES], [*RULES.values()])
    metrics.findings.add(rule, SHOWN)
    fate = chance.random()
    if fate < 0.55:
        metrics.findings.add(rule, FIXED)
    elif fate < 0.7:
        metrics.findings.add(rule, DISMISSED)
    if chance.random() < 0.2:
        metrics.dropped.add(chance.choice(("quote-not-found", "refuted", "low-confidence")))
