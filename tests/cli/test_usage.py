from __future__ import annotations

import asyncio
import json
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.cli.entry import run
from kibitz.cli.output.usage_course import sparkline
from kibitz.cli.usage import LONGEST_DAYS, first_day
from kibitz.state.database import Database
from kibitz.state.places import database_path
from kibitz.telemetry.cachebook import CacheBook, CacheCounts
from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.counts import Account, Counts
from kibitz.telemetry.history import History
from kibitz.telemetry.ledger import Ledger, local_now
from kibitz.telemetry.tables import local_day

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 11, 24)
LUNA = Counts(10, 9_000, 4_000, 800, 300, Decimal("0.0123"), failed=1, retries=2)
FREE = Counts(2, 500, 0, 60, unpriced=2)
HIT = CacheCounts(looked_up=4, hits=3, misses=1, saved_input_tokens=900, saved_output_tokens=80)


@pytest.fixture
def used() -> None:
    """What windows did: some today, some eight days ago."""

    async def use(day: date, account: Account, counts: Counts) -> None:
        database, metrics = Database(database_path()), Metrics()
        now = local_now().replace(year=day.year, month=day.month, day=day.day)
        ledger, book = Ledger(database, now=lambda: now), CacheBook(database, day=lambda: day)
        history = History(database, metrics, day=lambda: day)
        ledger.add(account, counts)
        book.add("memory", HIT)
        metrics.requests.add(account.model, "findings", "answered", amount=9)
        metrics.requests.add(account.model, "findings", "rate_limit_exceeded")
        metrics.latency.observe(0.4, account.model, "findings")
        metrics.retries.add("http_429")
        metrics.findings.add("off-by-one", "shown", amount=3)
        metrics.findings.add("off-by-one", "fixed")
        metrics.dropped.add("quote-not-found")
        for each in (history, book, ledger, database):
            await each.aclose()

    asyncio.run(use(local_day(), Account("gpt-6-luna", purpose="review"), LUNA))
    asyncio.run(use(local_day() - timedelta(8), Account("\x1b[31mhostile", purpose="verify"), FREE))


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run(["usage", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("used")
def test_all_of_it_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys)
    assert told["until"] == local_day().isoformat()
    assert told["total"] == {
        "requests": 12,
        "failed": 1,
        "retries": 2,
        "input_tokens": 9_500,
        "cached_tokens": 4_000,
        "cache_write_tokens": 0,
        "output_tokens": 860,
        "reasoning_tokens": 300,
        "cost_usd": 0.0123,
        "unpriced": 2,
    }
    assert list(told["days"]) == [(local_day() - timedelta(8)).isoformat(), local_day().isoformat()]
    assert list(told["models"]) == ["gpt-6-luna", "\x1b[31mhostile"]
    assert told["purposes"]["review"]["cost_usd"] == 0.0123
    assert told["purposes"]["verify"]["cost_usd"] is None
    assert told["cache"]["memory"]["hits"] == told["cache"]["all"]["hits"] == 6
    metrics = {each["name"]: each["series"] for each in told["metrics"]}
    assert metrics["kibitz_retries_total"] == [{"labels": {"reason": "http_429"}, "value": 2.0}]
    assert sum(each["count"] for each in metrics["kibitz_request_seconds"]) == 2
    assert 0.25 < metrics["kibitz_request_seconds"][0]["p50"] <= 0.5


@pytest.mark.usefixtures("used")
def test_every_sum_is_that_of_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys)
    for name in ("requests", "input_tokens", "output_tokens", "failed", "unpriced"):
        for parts in ("days", "models", "purposes"):
            assert sum(each[name] for each in told[parts].values()) == told["total"][name]


@pytest.mark.usefixtures("used")
def test_since_leaves_out_what_was_before(capsys: pytest.CaptureFixture[str]) -> None:
    for since in ("today", "8d", local_day().isoformat()):
        told = shown(capsys, "--since", since)
        assert told["total"]["requests"] == 10
        assert told["cache"]["all"]["hits"] == 3
    assert shown(capsys, "--since", "9d")["total"]["requests"] == 12


@pytest.mark.usefixtures("used")
def test_at_a_terminal_there_are_tables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert run(["usage"]) == 0
    out = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "gpt-6-luna 10 1 9,000 4,000 800 300 $0.0123" in lines
    assert "12 requests, 10,360 tokens, $0.0123 + ?; the price of 2 requests is not known" in lines
    assert "off-by-one 6 2 0" in lines
    assert "retries: http_429 2" in lines
    assert "not answered: rate_limit_exceeded 2" in lines
    assert "dropped: quote-not-found 2" in lines
    assert any(line.startswith("cache, in these days: 75 % of 8 answers cost nothing") for line in lines)
    assert any(line.startswith("request 2 0.") for line in lines)
    assert "\x1b[31m" not in out
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.usefixtures("used")
def test_a_day_stays_whole_where_there_is_little_room(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["usage"]) == 0
    out = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert f"{local_day()} 10 1 9,000 4,000 800 300 $0.0123" in lines
    assert max(map(len, out.splitlines())) <= 80


def test_where_nothing_was_asked_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["usage"]) == 0
    assert "nothing was asked" in capsys.readouterr().out
    assert shown(capsys)["total"]["requests"] == 0


def test_a_database_that_cannot_be_read_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KIBITZ_STATE_DIR", str(tmp_path / "file"))
    assert run(["usage", "--json"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "state" in told.err


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("today", "2026-11-24"),
        ("1d", "2026-11-24"),
        ("7d", "2026-11-18"),
        ("1w", "2026-11-18"),
        ("2026-11-01", "2026-11-01"),
        ("9999w", "2025-10-21"),
        ("1999-01-01", "2025-10-21"),
    ],
)
def test_days(text: str, first: str) -> None:
    assert first_day(text, TODAY) == date.fromisoformat(first)


@pytest.mark.parametrize("text", ["", "0d", "d", "7", "7x", "2026-13-01", "2026-11-25", "\x1b[31m", "7d "])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        first_day(text, TODAY)


@given(st.text(max_size=12))
def test_whatever_is_said_it_is_a_day_that_is_kept_or_refused(text: str) -> None:
    try:
        first = first_day(text, TODAY)
    except click.BadParameter:
        return
    assert TODAY - timedelta(LONGEST_DAYS) < first <= TODAY


def test_a_wrong_day_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["usage", "--since", "\x1b[31mnever"]) == 2
    told = capsys.readouterr().err
    assert "say today, 7d, 4w" in told
    assert "\x1b" not in told


def test_a_long_time_is_told_by_month(capsys: pytest.CaptureFixture[str]) -> None:
    async def use() -> None:
        database = Database(database_path())
        for ago in range(70):
            now = local_now() - timedelta(ago)
            ledger = Ledger(database, now=lambda now=now: now)  # type: ignore[misc]  # bound at once
            ledger.add(Account("gpt-6-luna", purpose="review"), LUNA)
            await ledger.aclose()
        await database.aclose()

    asyncio.run(use())
    assert run(["usage", "--since", "70d"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    months = {line[0]: int(line[1]) for line in lines if line and line[0][:2] == "20" and len(line[0]) == 7}
    assert 3 <= len(months) <= 4
    assert sum(months.values()) == 700


def test_the_page_goes_to_whoever_takes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["usage", "--html"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert told.out.endswith("</html>\n")
    assert not (database_path().parent / "usage.html").exists()


@pytest.mark.usefixtures("used")
def test_at_a_terminal_the_page_becomes_a_file_of_the_users_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    path = database_path().parent / "usage.html"
    for _ in range(2):
        assert run(["usage", "--html", "--since", "9d"]) == 0
        assert capsys.readouterr().out == f"{path.as_uri()}\n"
        assert path.stat().st_mode & 0o777 == 0o600
    assert "gpt-6-luna" in path.read_text(encoding="utf-8")
    assert [each.name for each in path.parent.iterdir() if each.name.startswith("usage")] == ["usage.html"]
    path.unlink()
    path.mkdir()
    assert run(["usage", "--html"]) == 2
    told = capsys.readouterr()
    assert (told.out, "Send it elsewhere: kibitz usage --html > FILE" in told.err) == ("", True)


def test_a_page_is_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["usage", "--html", "--json"]) == 2
    assert "--json or --html, not both" in capsys.readouterr().err


@pytest.mark.usefixtures("used")
def test_what_is_spent_of_budgets_and_on_documents_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use() -> None:
        database = Database(database_path())
        ledger = Ledger(database)
        for name, times in (("src/a.py", 1), ("src/b.py", 2)):
            for _ in range(times):
                ledger.book(Account("gpt-6-luna", "0" * 16, "review"), LUNA, document=name)
        await ledger.aclose()
        await database.aclose()

    asyncio.run(use())
    monkeypatch.setenv("KIBITZ_BUDGET_REQUESTS_PER_DAY", "100")
    told = shown(capsys)
    assert [(each["name"], each["requests"], each["cost_usd"]) for each in told["documents"]] == [
        ("src/b.py", 20, 0.0246),
        ("src/a.py", 10, 0.0123),
    ]
    assert told["budgets"][1] == {"setting": "budget_requests_per_day", "most": 100, "spent": 40}
    assert told["budgets"][0] == {"setting": "budget_usd_per_day", "most": 10.0, "spent": 0.0492}
    monkeypatch.setenv("COLUMNS", "100")
    assert run(["usage"]) == 0
    out = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "src/b.py 20 18,000 1,600 $0.0246" in lines
    assert any(
        re.fullmatch(r"today's budget of 100 requests .*40 %, 40 requests spent", line) for line in lines
    )
    assert any(re.fullmatch(r"requests +▁ +█ +42 *", line) for line in out.splitlines())
    assert max(map(len, out.splitlines())) <= 100
    monkeypatch.setenv("KIBITZ_IGNORE_BUDGET", "true")
    assert shown(capsys)["budgets"] == []


@pytest.mark.usefixtures("used")
def test_where_there_is_only_ascii_nothing_is_drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rich.console.Console.encoding", "ascii")
    assert run(["usage"]) == 0
    assert not set("▁█") & set(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("values", "line"),
    [([], ""), ([0, None], "  "), ([1, 2, 4, 8], "▁▂▄█"), ([8, 0.001], "█▁"), ([None, 0.5], " █")],
)
def test_small_bars(values: list[float | None], line: str) -> None:
    assert sparkline(values) == line


def test_what_there_was_none_of_is_no_column(capsys: pytest.CaptureFixture[str]) -> None:
    async def use() -> None:
        database = Database(database_path())
        ledger = Ledger(database)
        ledger.add(Account("local", purpose="review"), Counts(2, 500, 0, 60, cost_usd=Decimal(0)))
        for each in (ledger, database):
            await each.aclose()

    asyncio.run(use())
    assert run(["usage"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "model requests tokens in out cost" in lines
    assert "local 2 500 60 $0.0000" in lines
