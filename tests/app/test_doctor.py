from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from kibitz.app.doctor import Line, State, examine
from kibitz.config import load
from kibitz.state.places import VARIABLE
from kibitz.telemetry.targets import announce, folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setenv("KIBITZ_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.chdir(tmp_path)


async def metrics(**environ: str) -> list[Line]:
    loaded = load(environ={"KIBITZ_BASE_URL": "http://127.0.0.1:9/v1", **environ})
    return [line async for line in examine(loaded, offline=True) if line.what.startswith("metrics:")]


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
