from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest

from kibitz.app.exports import Exports, ports_of
from kibitz.config import Settings
from kibitz.provider.errors import Timeout
from kibitz.state.places import VARIABLE
from kibitz.telemetry.access import Attempt
from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.targets import folder, targets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

OFF = Settings()


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))


@pytest.fixture
async def exports() -> AsyncIterator[Exports]:
    exports = Exports(Metrics())
    yield exports
    await exports.aclose()


def on(ports: str = "any") -> Settings:
    return Settings(prometheus_ports=ports)


async def scrape(url: str) -> str:
    def read() -> str:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own
            return str(answer.read().decode())

    return await asyncio.to_thread(read)


async def test_by_default_nobody_reads(exports: Exports) -> None:
    assert await exports.use(OFF) == exports.url == ""
    assert not folder().exists()


async def test_prometheus_reads_what_belongs_to_the_event_loop(
    exports: Exports, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    exports._metrics.breakers.read = lambda: [
        (("gpt", "0a1b"), 2.0 if asyncio.get_running_loop() is loop else 0.0)
    ]
    assert await exports.use(on()) == ""
    assert 'kibitz_breaker_state{key="0a1b",target="gpt"} 2.0' in await scrape(exports.url)
    (target,) = targets()
    assert exports.url == f"http://{target.address}/metrics"
    assert exports.url in caplog.text


async def test_it_is_opened_and_closed_as_the_settings_say(exports: Exports) -> None:
    await exports.use(on())
    first = exports.url
    assert await exports.use(on()) == ""
    assert exports.url == first
    await exports.use(OFF)
    assert exports.url == ""
    assert list(targets()) == []
    with pytest.raises(OSError, match="refused"):
        await scrape(first)


async def test_two_servers_share_a_range(exports: Exports) -> None:
    other = Exports(Metrics())
    await exports.use(on())
    port = int(exports.url.rpartition(":")[2].removesuffix("/metrics"))
    assert await other.use(on(f"{port}-{port + 20}")) == ""
    assert len(list(targets())) == 2
    assert "kibitz_resident_memory_bytes" in await scrape(other.url)
    await other.aclose()
    assert [each.address for each in targets()] == [f"127.0.0.1:{port}"]


async def test_a_range_that_is_taken_is_told_with_what_to_do(exports: Exports) -> None:
    await exports.use(on())
    port = exports.url.rpartition(":")[2].removesuffix("/metrics")
    other = Exports(Metrics())
    why = await other.use(on(port))
    assert why == (
        f"Prometheus cannot read the metrics on the ports {port}: all of the ports are taken. Name others "
        "with the setting prometheus_ports"
    )
    await exports.aclose()
    assert await other.use(on(port)) == ""
    await other.aclose()


async def test_a_missing_extra_is_told_with_what_to_do(
    exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kibitz.telemetry.prometheus", None)
    monkeypatch.setitem(sys.modules, "kibitz.telemetry.otel", None)
    why = await exports.use(Settings(prometheus_ports="any", opentelemetry=True))
    assert "pip install 'kibitz[prometheus]'" in why
    assert "pip install 'kibitz[otel]'" in why


async def test_where_it_is_need_not_be_written_down(exports: Exports) -> None:
    folder().write_text("in the way")
    assert "not written down" in await exports.use(on())
    assert "kibitz_" in await scrape(exports.url)


async def test_a_loop_that_has_no_time_is_not_waited_for(
    exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kibitz.app.exports.READ_S", 0.01)
    assert exports._gauge(exports._metrics.memory) is None  # asked for on the loop itself, which waits


async def test_opentelemetry_is_told_of_requests(exports: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    attempt = Attempt("https://api.openai.com:443", "gpt", "findings", "timeout", 1.0)
    exports.over(attempt, None)  # nobody is there to be told
    await exports.use(Settings(opentelemetry=True))
    assert exports._bridge is not None
    monkeypatch.setattr(exports._bridge, "over", lambda *what: told.append(what))
    exports.over(attempt, Timeout("too late", after_ms=1000))
    exports.over(attempt, None)
    assert told == [(attempt, "request_timeout"), (attempt, None)]
    assert await exports.use(Settings(opentelemetry=True)) == ""
    await exports.use(OFF)
    exports.over(attempt, None)
    assert len(told) == 2


async def test_what_ends_with_opentelemetry_open_is_closed() -> None:
    exports = Exports(Metrics())
    await exports.use(Settings(opentelemetry=True))
    await exports.aclose()
    assert all(instrument.told is None for instrument in exports._metrics)


def test_ports() -> None:
    assert list(ports_of("any")) == [0]
    assert list(ports_of("9464")) == [9464]
    assert list(ports_of("9464-9466")) == [9464, 9465, 9466]


def test_what_prometheus_finds_is_json() -> None:
    assert json.loads("[]") == list(targets())
