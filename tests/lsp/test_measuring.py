from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import pytest
from tests.app.test_exports import scrape
from tests.lsp.test_backend import LISTENER, review
from tests.support.clock import FakeClock
from tests.support.fake_provider import Bug, FakeProvider, reviewer

from kibitz.lsp.backend import AppBackend
from kibitz.lsp.measuring import Measuring
from kibitz.state.places import VARIABLE
from kibitz.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUG = Bug("len(value)", "len(values)", title="Undefined name", trigger="mean([1]) raises NameError")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "state"))
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    logs.close()


async def test_it_outlives_the_services_whose_settings_change(tmp_path: Path) -> None:
    measuring = Measuring(FakeClock())
    backend = AppBackend(measuring=measuring)
    async with FakeProvider(reviewer(BUG)) as fake:
        for model in ("gpt-6-luna", "gpt-6-sol"):
            user = {"base_url": fake.base_url, "model": model, "prometheus_ports": "any"}
            await backend.load({}, user, {})
            url = measuring.as_json()["prometheus"]
            service = await backend.build([tmp_path.as_uri()], LISTENER)
            await review(service)
            await service.aclose()
            assert measuring.as_json()["prometheus"] == url
    numbers = measuring.metrics.requests.family().numbers
    assert {model for model, _, _ in numbers} == {"gpt-6-luna", "gpt-6-sol"}
    assert url.startswith("http://127.0.0.1:")
    await measuring.close()
    assert measuring.as_json()["prometheus"] is None
    with pytest.raises(OSError, match="refused"):
        await scrape(url)


async def test_the_editor_cannot_have_it_read() -> None:
    measuring = Measuring(FakeClock())
    backend = AppBackend(measuring=measuring)
    loading = await backend.load(
        {"prometheusPorts": "any", "opentelemetry": True}, {"base_url": "http://127.0.0.1:9/v1"}, {}
    )
    assert len(loading.problems) == 2
    assert measuring.as_json()["prometheus"] is None
    assert measuring._exports is None
    await measuring.close()


async def test_why_nobody_can_read_is_told_with_the_problems_of_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "kibitz.telemetry.prometheus", None)
    measuring = Measuring(FakeClock())
    backend = AppBackend(measuring=measuring)
    loading = await backend.load({}, {"base_url": "http://127.0.0.1:9/v1", "prometheus_ports": "any"}, {})
    (problem,) = loading.problems
    assert "pip install 'kibitz[prometheus]'" in problem
    await measuring.close()
