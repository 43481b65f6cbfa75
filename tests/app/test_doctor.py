from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from kibitz.app.doctor import Line, State, examine
from kibitz.config import load
from kibitz.state.database import Database
from kibitz.state.places import VARIABLE, database_path
from kibitz.telemetry.counts import Account, Counts
from kibitz.telemetry.ledger import Ledger
from kibitz.telemetry.targets import announce, folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setenv("KIBITZ_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.chdir(tmp_path)


async def looked(**environ: str) -> list[Line]:
    loaded = load(environ={"KIBITZ_BASE_URL": "http://127.0.0.1:9/v1", **environ})
    return [line async for line in examine(loaded, offline=True)]


async def metrics(**environ: str) -> list[Line]:
    return [line for line in await looked(**environ) if line.what.startswith("metrics:")]


async def test_where_nobody_reads_nothing_is_said() -> None:
    assert await metrics() == []


async def test_it_names_the_servers_that_prometheus_can_read() -> None:
    announce("127.0.0.1", 41234)
    assert await metrics() == [
        Line(State.OK, "metrics: a server tells them to Prometheus at http://127.0.0.1:41234/metrics")
    ]
    told = await metrics(KIBITZ_PROMETHEUS_PORTS="any")
    assert told[1:] == [Line(State.NOTE, f"metrics: where servers are is in {folder()}")]


async def test_where_it_will_be_is_told_before() -> None:
    assert await metrics(KIBITZ_PROMETHEUS_PORTS="any") == [
        Line(State.NOTE, f"metrics: no server runs; it would be in {folder()}")
    ]


async def test_what_is_missing_is_a_problem_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("prometheus_client", "opentelemetry"):
        monkeypatch.setitem(sys.modules, module, None)
    told = await metrics(KIBITZ_PROMETHEUS_PORTS="any", KIBITZ_OPENTELEMETRY="true")
    assert [(line.state, line.advice) for line in told[:2]] == [
        (State.PROBLEM, "Install it: pip install 'kibitz[prometheus]'"),
        (State.PROBLEM, "Install it: pip install 'kibitz[otel]'"),
    ]


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("ENABLED", "false", "nothing is reviewed in editors (setting enabled)"),
        ("TRIGGER", "save", "in editors, reviews begin when you save (setting trigger)"),
        ("TRIGGER", "manual", "in editors, reviews begin when you ask for them (setting trigger)"),
        ("LANGUAGES", "go,rust", "in editors, only go, rust is reviewed (setting languages)"),
        ("IGNORE_BUDGET", "true", "budgets hold nothing back (setting ignore_budget)"),
    ],
)
async def test_what_makes_editors_quiet_is_told(name: str, value: str, what: str) -> None:
    told = [line.what for line in await looked()]
    assert what not in told
    assert [line.state for line in await looked(**{f"KIBITZ_{name}": value}) if line.what == what] == [
        State.NOTE
    ]


async def test_a_log_file_is_told_with_its_size_or_why_it_is_of_no_use(tmp_path: Path) -> None:
    log = tmp_path / "kibitz.log"
    log.write_text("x" * 5000)
    assert Line(State.NOTE, f"log: {log} (5 kB)") in await looked(KIBITZ_LOG_FILE=str(log))
    for useless in (tmp_path, tmp_path / "no" / "such"):
        (problem,) = [
            line
            for line in await looked(KIBITZ_LOG_FILE=str(useless))
            if line.what.startswith("the log file")
        ]
        assert problem.state is State.PROBLEM
        assert f"{useless} cannot be written" in problem.what
        assert "log_file" in problem.advice


async def test_use_that_is_not_like_the_user_s_is_a_problem_and_is_noted_by_nobody_else(
    tmp_path: Path,
) -> None:
    database = Database(database_path())
    ledger = Ledger(database)
    ledger.add(Account("gpt", "", "review"), Counts(5000, 1000))
    await ledger.aclose()
    await database.aclose()
    (unusual,) = [line for line in await looked() if "not like yours" in line.what]
    assert unusual.state is State.PROBLEM
    assert "what you do not ask for is not sent" in unusual.what
    assert "kibitz.raiseBudget" in unusual.advice
    assert not [line for line in await looked(KIBITZ_UNUSUAL_USAGE="off") if "not like yours" in line.what]
    assert not (tmp_path / "security.jsonl").exists()
