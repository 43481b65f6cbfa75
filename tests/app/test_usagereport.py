"""The usage report: its numbers are those of the books, it obeys nobody, and asks for nothing."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import math
import re
import sqlite3
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.days_of_use import Use
from tests.support.usage_page import Page

from kibitz.app.periods import Periods
from kibitz.app.usage_overview import Usage, usage
from kibitz.app.usagereport.figures import ticks
from kibitz.app.usagereport.page import page
from kibitz.app.usagereport.words import MONEY, SECONDS, SHARES, TOKENS
from kibitz.guard.invisible import strip_invisible
from kibitz.state.places import database_path
from kibitz.telemetry.cachebook import CacheCounts
from kibitz.telemetry.caps import Cap
from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.counts import Account, Counts
from kibitz.telemetry.documents import Document
from kibitz.telemetry.ledger import Entry
from kibitz.telemetry.ledger_table import PICO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TODAY = date.today()  # noqa: DTZ011 - the day where the user is
CAPS = (Cap("usd", "day", PICO // 10), Cap("requests", "hour", 200))


class Books:
    """What SQLite has, asked without kibitz."""

    def __init__(self, days: int) -> None:
        self.since = (TODAY - timedelta(days - 1)).isoformat()
        self._connection = sqlite3.connect(database_path())

    def close(self) -> None:
        self._connection.close()

    def sums(self, what: str, table: str, day: str, by: str) -> dict[str, Decimal]:
        """The sum of a column by something, without what comes to nothing."""
        query = f"SELECT {by}, sum({what}) FROM {table} WHERE {day} >= ? GROUP BY 1"  # noqa: S608 - words of ours
        rows = self._connection.execute(query, (self.since,))
        return {str(name): Decimal(number) for name, number in rows if number}

    def ledger(self, what: str, by: str = "''") -> dict[str, Decimal]:
        return self.sums(what, "ledger_entries", "period", by)

    def documents(self, what: str) -> dict[str, Decimal]:
        return self.sums(what, "documents_days", "day", "name")

    def cache(self, what: str, by: str = "''") -> dict[str, Decimal]:
        return self.sums(what, "savings_counts", "day", by)

    def counted(self, metric: str, label: int) -> dict[str, Decimal]:
        """Of a metric that is kept by day, by one of its labels."""
        return self.sums(
            "total",
            "metrics_days",
            f"json_extract(series, '$[0]') = '{metric}' AND day",
            f"json_extract(series, '$[{label}]')",
        )

    def latencies(self, by: str = "''") -> dict[str, Decimal]:
        """How many requests were measured."""
        query = (
            f"SELECT {by}, sum(value) FROM metrics_days, json_each(counts) "  # noqa: S608 - words of ours
            "WHERE json_extract(series, '$[0]') = 'kibitz_request_seconds' AND day >= ? GROUP BY 1"
        )
        return {name: Decimal(number) for name, number in self._connection.execute(query, (self.since,))}


def week(name: str) -> str:
    """The Monday of a day or hour, in SQL."""
    return f"date(substr({name}, 1, 10), '-6 days', 'weekday 1')"


def built(folder: Path, days: int, **use: int) -> Iterator[tuple[Page, Books]]:
    """The page about some days, and the books that it was made from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIBITZ_STATE_DIR", str(folder))
        asyncio.run(Use(database_path(), TODAY, **use).days(days))
        html = page(asyncio.run(usage(TODAY - timedelta(days - 1), TODAY, CAPS)))
        books = Books(days)
    yield Page(html), books
    books.close()


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, Books]]:
    yield from built(tmp_path_factory.mktemp("month"), 30)


@pytest.fixture
def half_a_year(tmp_path: Path) -> Iterator[tuple[Page, Books]]:
    yield from built(tmp_path, 190, a_day=6)


def dollars(found: dict[str, Decimal]) -> dict[str, Decimal]:
    return {name: number.scaleb(-12) for name, number in found.items()}


def test_every_number_adds_up_with_the_books(month: tuple[Page, Books]) -> None:
    page, books = month
    costs, day = dollars(books.ledger("cost_pico", "substr(period, 1, 10)")), "substr(period, 1, 10)"
    (whole,) = dollars(books.ledger("cost_pico")).values()
    over_time = page.tables["Cost by day and model"]
    assert over_time.column("all") == costs
    assert over_time.sum("all") == whole
    for model, cost in dollars(books.ledger("cost_pico", "model")).items():
        assert over_time.sum(model) == sum(over_time.column(model).values()) == cost
        assert page.tables["By model"].column("cost")[model] == cost
    columns = {
        "requests": "requests",
        "tokens in": "input_tokens",
        "of these cached": "cached_tokens",
        "tokens out": "output_tokens",
        "of these thoughts": "reasoning_tokens",
    }
    for caption, by in (("By model", "model"), ("By purpose", "purpose")):
        for head, column in columns.items():
            assert page.tables[caption].column(head) == books.ledger(column, by)
            assert page.tables[caption].sum(head) == sum(books.ledger(column).values())
        assert page.tables[caption].sum("cost") == whole
    tokens = page.tables["Tokens by day"]
    assert tokens.column("all") == books.ledger("input_tokens + output_tokens", day)
    assert tokens.sum("written") == sum(books.ledger("output_tokens").values())
    troubles = page.tables["Errors and retries by day"]
    for head, column in (("requests", "requests"), ("failed", "failed"), ("tried again", "retries")):
        told = {name: number for name, number in troubles.column(head).items() if number}
        assert told == books.ledger(column, day)
        assert troubles.sum(head) == sum(told.values())


def test_documents_the_cache_and_what_is_measured_add_up(month: tuple[Page, Books]) -> None:
    page, books = month
    documents = page.tables["Documents"]
    for head, column in (("requests", "requests"), ("tokens in", "input_tokens"), ("cost", "cost_pico")):
        told, known = documents.column(head), books.documents(column)
        whole, scale = sum(books.ledger(column).values(), Decimal(0)), -12 if head == "cost" else 0
        assert documents.sum(head) == sum(told.values()) == Decimal(whole).scaleb(scale)
        named = {name: number.scaleb(-scale) for name, number in told.items() if name[0] != "("}
        assert len(named) == 50
        assert named.items() <= known.items()
        (more,) = (number for name, number in told.items() if name.endswith(" more)"))
        assert more == Decimal(sum(known.values()) - sum(named.values())).scaleb(scale)
    tiers, by_day = page.tables["Hits by tier"], page.tables["Hits by day"]
    for head in ("looked_up", "hits", "stale", "misses"):
        told = {name: number for name, number in tiers.column(head.replace("_", " ")).items() if number}
        assert told == books.cache(head, "tier")
    assert tiers.sum("hits") == sum(books.cache("hits").values())
    assert tiers.sum("looked up") == sum(books.cache("hits + stale + misses").values())
    assert float(tiers.sum("hit rate")) == pytest.approx(float(tiers.sum("hits") / tiers.sum("looked up")))
    assert tiers.sum("saved") == sum(Decimal(str(usd)) for usd in tiers.column("saved").values())
    assert by_day.column("answers") == books.cache("hits + stale + misses", "day")
    assert by_day.sum("memory") == sum(by_day.column("memory").values()) == tiers.column("hits")["memory"]
    latency = page.tables["Latency by day"]
    assert latency.column("requests") == books.latencies("day")
    assert latency.sum("requests") == sum(books.latencies().values())
    rules = page.tables["Findings by rule"]
    shown = {rule: rules.column("shown")[rule] for rule in rules.column("shown")}
    assert sum(shown.values()) == rules.sum("shown") == books.counted("kibitz_findings_total", 2)["shown"]
    assert set(shown) == set(books.counted("kibitz_findings_total", 1))
    outcomes = page.tables["What came of requests"].column("requests")
    assert outcomes == books.counted("kibitz_requests_total", 3)
    assert page.tables["Why it was tried again"].column("retries") == books.counted("kibitz_retries_total", 1)
    assert page.tables["What was not shown"].column("dropped") == books.counted("kibitz_dropped_total", 1)


def test_the_weeks_of_half_a_year_add_up_too(half_a_year: tuple[Page, Books]) -> None:
    page, books = half_a_year
    assert page.tables["Cost by week and model"].sum("all") == sum(
        dollars(books.ledger("cost_pico")).values()
    )
    begin = books.since
    told = page.tables["Errors and retries by week"].column("requests")
    # The first week begins with the first day.
    weeks = {max(name, begin): number for name, number in books.ledger("requests", week("period")).items()}
    assert told == weeks
    answers = books.cache("hits + stale + misses", week("day"))
    assert page.tables["Hits by week"].column("answers") == {max(k, begin): n for k, n in answers.items()}


def headline(page: Page) -> dict[str, tuple[str, str]]:
    begin = page.texts.index("Cost")
    said = page.texts[begin : begin + 18]
    return {said[at]: (said[at + 1], said[at + 2]) for at in range(0, 18, 3)}


def test_the_large_numbers_are_those_of_the_tables(month: tuple[Page, Books]) -> None:
    page, books = month
    told = headline(page)
    (cost,), (requests,) = books.ledger("cost_pico").values(), books.ledger("requests").values()
    assert told["Cost"] == (f"${cost.scaleb(-12):.2f}", f"{requests:,} requests")
    (failed,), (retries,) = books.ledger("failed").values(), books.ledger("retries").values()
    assert told["Failed"] == (f"{failed}", f"and {retries} retries")
    rate = page.tables["Hits by tier"].sum("hit rate")
    assert told["From the cache"][0] == f"{math.floor(100 * rate)}\N{NO-BREAK SPACE}%"
    fates = books.counted("kibitz_findings_total", 2)
    assert told["Findings"] == (
        f"{fates['shown']:,.0f}",
        f"{fates['fixed']:.0f} fixed, {fates['dismissed']:.0f} dismissed",
    )
    today = books.sums("cost_pico", "ledger_entries", "period", "substr(period, 1, 10)").get(
        TODAY.isoformat(), 0
    )
    share = f"{math.floor(100 * today / CAPS[0].most)}\N{NO-BREAK SPACE}%"
    assert share in page.texts[page.texts.index("Budgets") :]


# What others wrote

HOSTILE = [
    "</style><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<!-- -->]]><![CDATA[",
    "&lt;script&gt;&amp;",
    "\x1b[31m\u202egnp.exe\u0000\ud800",
    "</title></svg></desc>",
    "a" * 2000,
    " ",
]
NAMES = st.text(st.characters(codec=None), min_size=1, max_size=60) | st.sampled_from(HOSTILE)


def made(model: str, document: str, rule: str, purpose: str = "review") -> Usage:
    """A day on which things had these names."""
    metrics = Metrics()
    metrics.requests.add(model, purpose, rule)
    metrics.latency.observe(1.0, model, purpose)
    metrics.retries.add(rule)
    metrics.findings.add(rule, "shown")
    metrics.dropped.add(rule)
    families = [each.family() for each in metrics]
    counts = Counts(1, 100, 20, 10, cost_usd=Decimal("0.01"), failed=1, retries=1)
    day = TODAY.isoformat()
    return Usage(
        TODAY,
        TODAY,
        Periods.between(TODAY, TODAY),
        [Entry(day, Account(model, "0" * 16, purpose), counts)],
        {day: {"memory": CacheCounts(2, 1, misses=1)}},
        {day: families},
        families,
        {Document("0" * 16, document): counts, Document("1" * 16, document): counts},
        [(CAPS[0], PICO)],
    )


def shape(page: Page) -> list[tuple[str, tuple[str, ...]]]:
    return [(tag, tuple(sorted(attributes))) for tag, attributes in page.tags]


PLAIN = shape(Page(page(made("model", "document", "rule", "purpose"))))


def obeyed_by_nobody(model: str, document: str, rule: str) -> None:
    found = Page(page(made(model, document, rule, rule)).encode("utf-8").decode())
    assert shape(found) == PLAIN, "no name makes an element, or an attribute"
    text = " ".join(found.texts)
    assert strip_invisible(text) == text
    assert strip_invisible(model) in text
    assert strip_invisible(document) in text


@pytest.mark.parametrize("names", [tuple(HOSTILE[at : at + 3]) for at in range(0, len(HOSTILE), 3)])
def test_names_are_shown_and_not_obeyed(names: tuple[str, str, str]) -> None:
    obeyed_by_nobody(*names)


@pytest.mark.deep
@settings(max_examples=100, deadline=None)
@given(NAMES, NAMES, NAMES)
def test_no_name_is_obeyed(model: str, document: str, rule: str) -> None:
    obeyed_by_nobody(model, document, rule)


def checks(html: str) -> Iterator[str]:
    """What a page must not have."""
    found = Page(html)
    for tag, attributes in found.tags:
        if tag in {"script", "link", "img", "iframe", "object", "embed", "base", "form", "a", "image", "use"}:
            yield f"<{tag}>"
        yield from (name for name in attributes if name.startswith("on") or name in {"style", "src", "href"})
    rest = html.replace("http://www.w3.org/2000/svg", "")
    yield from re.findall(r"(?:https?:)?//[\w.]+|url\([^)]*\)|@import|data:[a-z]+/", rest)


def test_the_page_needs_nothing_but_itself() -> None:
    html = page(made("gpt-6-luna", "src/orders.py", "off-by-one"))
    assert list(checks(html)) == []
    found = Page(html)
    (policy,) = (each["content"] for each in found.of("meta") if "http-equiv" in each)
    digest = base64.b64encode(hashlib.sha256(found.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_plots_are_named_within_reach_of_the_keyboard_and_spelt_out() -> None:
    found = Page(page(made("gpt-6-luna", "src/orders.py", "off-by-one")))
    plots = found.of("svg")
    assert len(plots) == 8
    names = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(names) == len(set(names))
    for plot in plots:
        assert (plot["role"], plot["tabindex"]) == ("img", "0")
        assert set((plot["aria-labelledby"] or "").split()) < set(names)
    assert all(each["tabindex"] == "0" and each["aria-label"] for each in found.of("div") if "role" in each)
    assert "src/orders.py (0000), cost: $0.0100" in found.texts, "each mark says what it is"
    assert len(found.tables) >= 12
    assert found.of("html") == [{"lang": "en"}]


async def test_of_nothing_there_is_a_page_that_says_so() -> None:
    found = Page(page(await usage(TODAY, TODAY)))
    assert found.of("svg") == []
    for said in (
        "Nothing was asked in these days.",
        "No budget is set, so nothing holds back what is spent.",
    ):
        assert said in found.texts
    assert found.tables["By model"].sum("requests") == 0


def test_what_has_no_price_is_not_counted_as_free() -> None:
    counts = Counts(3, 300, unpriced=2, cost_usd=Decimal("0.5"))
    day = TODAY.isoformat()
    entries = [Entry(day, Account("a"), counts), Entry(day, Account("b"), Counts(1, unpriced=1))]
    metrics = [each.family() for each in Metrics()]
    found = Page(
        page(
            Usage(
                TODAY, TODAY, Periods.between(TODAY, TODAY), entries, course={day: metrics}, metrics=metrics
            )
        )
    )
    assert "$0.5000 + ?" in found.texts
    assert "not known" in found.texts
    assert any("The price of 3 of them is not known." in text for text in found.texts)
    free = [Entry(day, Account("a"), Counts(2, cost_usd=Decimal(0)))]
    written = page(Usage(TODAY, TODAY, Periods.between(TODAY, TODAY), free, metrics=metrics))
    found = Page(written)
    assert "Requests over time" in found.texts, "of what costs nothing, requests are shown"
    assert "2 requests, none of which cost money." in found.texts
    first = written.partition("</svg>")[0]
    assert re.findall(r'<text x="-5"[^>]*>([^<]*)</text>', first) == ["0", "1", "2"]


@given(st.floats(1e-9, 1e15))
def test_an_axis_has_a_few_round_numbers_and_room_for_all(most: float) -> None:
    found = ticks(most)
    assert found[0] == 0
    assert found[-2] < most <= found[-1] * (1 + 1e-9)
    assert 2 <= len(found) <= 7
    step = found[1]
    assert re.fullmatch(r"[125]\.0+e[+-]\d+", f"{step:.6e}")


@pytest.mark.parametrize(("most", "marks"), [(1, [0, 1]), (3, [0, 1, 2, 3]), (6, [0, 2, 4, 6])])
def test_what_is_counted_has_no_marks_between_whole_numbers(most: float, marks: list[float]) -> None:
    assert list(ticks(most, least=1.0)) == marks


@pytest.mark.parametrize("most", [0.0, -1.0, math.nan, math.inf])
def test_an_axis_of_nothing_has_two(most: float) -> None:
    assert list(ticks(most)) == [0.0, 1.0]


def test_numbers_are_short_beside_an_axis_and_exact_in_tables() -> None:
    assert [TOKENS.mark(each) for each in (0, 500, 2_000, 1_500_000, 2e9)] == [
        "0",
        "500",
        "2\N{NO-BREAK SPACE}k",
        "1.5\N{NO-BREAK SPACE}M",
        "2\N{NO-BREAK SPACE}G",
    ]
    assert [MONEY.mark(each) for each in (0, 0.1, 1.5, 1200, 0.0005)] == [
        "$0",
        "$0.10",
        "$1.50",
        "$1,200",
        "$0.0005",
    ]
    assert [SECONDS.mark(each) for each in (0.5, 20)] == ["0.5\N{NO-BREAK SPACE}s", "20\N{NO-BREAK SPACE}s"]
    assert (SHARES.say(0.999), SHARES.say(1), SHARES.say(0.29)) == (
        "99\N{NO-BREAK SPACE}%",
        "100\N{NO-BREAK SPACE}%",
        "29\N{NO-BREAK SPACE}%",
    )
    assert MONEY.exactly(Decimal("0.000000000003")).exact == Decimal("0.000000000003")
    assert MONEY.exactly(None).exact is None
