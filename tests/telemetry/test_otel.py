from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from kibitz.telemetry.access import Attempt
from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.otel import TOKENS, Bridge

if TYPE_CHECKING:
    from collections.abc import Iterator

OPENAI = "https://api.openai.com:443"
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt",
    "server.address": "api.openai.com",
    "server.port": 443,
}


class Sdk:
    """The real SDK, with a reader that keeps what it reads."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self._reader = InMemoryMetricReader()
        self._provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.bridge = Bridge(self.metrics, lambda gauge: gauge.family(), self._provider.get_meter("kibitz"))

    def read(self) -> dict[str, Any]:
        data = self._reader.get_metrics_data()
        found = data.resource_metrics if data is not None else []
        return {
            metric.name: metric
            for resource in found
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def points(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        metric = self.read().get(name)
        return [] if metric is None else [(dict(p.attributes), p) for p in metric.data.data_points]

    def close(self) -> None:
        self._provider.shutdown()


@pytest.fixture
def sdk() -> Iterator[Sdk]:
    sdk = Sdk()
    yield sdk
    sdk.close()


def test_requests_are_told_by_the_conventions(sdk: Sdk) -> None:
    sdk.bridge.over(
        Attempt(OPENAI, "gpt", "findings", "answered", 1.5, input_tokens=900, output_tokens=80), None
    )
    sdk.bridge.over(Attempt(OPENAI, "gpt", "findings", "server_error", 0.5, status=500), "api_error")
    sdk.bridge.over(Attempt(OPENAI, "gpt", "findings", "cancelled", 0.25), None)
    seconds = {
        attributes.pop("error.type", None): (attributes, point.count, point.sum)
        for attributes, point in sdk.points("gen_ai.client.operation.duration")
    }
    assert seconds == {
        None: (CHAT, 1, 1.5),
        "api_error": (CHAT, 1, 0.5),
        "cancelled": (CHAT, 1, 0.25),
    }
    tokens = {
        attributes["gen_ai.token.type"]: (point.sum, point.explicit_bounds)
        for attributes, point in sdk.points("gen_ai.client.token.usage")
    }
    assert tokens == {"input": (900, TOKENS), "output": (80, TOKENS)}
    found = sdk.read()
    assert found["gen_ai.client.operation.duration"].unit == "s"
    assert found["gen_ai.client.token.usage"].unit == "{token}"


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        (
            "https://mine.openai.azure.com:443",
            {"gen_ai.provider.name": "azure.ai.openai", "server.address": "mine.openai.azure.com"},
        ),
        ("http://[::1]:8080", {"server.address": "::1", "server.port": 8080}),
    ],
)
def test_whoever_is_asked_is_named(sdk: Sdk, origin: str, said: dict[str, object]) -> None:
    sdk.bridge.over(Attempt(origin, "gpt", "findings", "answered", 1.0), None)
    ((attributes, _),) = sdk.points("gen_ai.client.operation.duration")
    assert attributes == CHAT | said


def test_the_first_chunk_counts_where_there_was_one(sdk: Sdk) -> None:
    sdk.bridge.over(Attempt(OPENAI, "gpt", "findings", "answered", 1.0), None)
    assert sdk.points("gen_ai.client.operation.time_to_first_chunk") == []
    sdk.bridge.over(Attempt(OPENAI, "gpt", "findings", "answered", 1.0, first_seconds=0.25), None)
    ((attributes, point),) = sdk.points("gen_ai.client.operation.time_to_first_chunk")
    assert (attributes, point.count, point.sum) == (CHAT, 1, 0.25)


def test_kibitz_own_are_there_too(sdk: Sdk) -> None:
    metrics = sdk.metrics
    metrics.findings.add("off-by-one", "shown", amount=2)
    metrics.cost.add("gpt", amount=0.25)
    metrics.waits.observe(0.3, "gpt")
    metrics.breakers.read = lambda: [(("gpt at api", "0a1b"), 2.0)]
    ((attributes, point),) = sdk.points("kibitz.findings")
    assert (attributes, point.value) == ({"kibitz.rule": "off-by-one", "kibitz.fate": "shown"}, 2)
    assert sdk.read()["kibitz.cost_usd"].unit == "{USD}"
    ((attributes, point),) = sdk.points("kibitz.queue_wait_seconds")
    assert (attributes, point.count, point.sum) == ({"kibitz.model": "gpt"}, 1, 0.3)
    assert point.explicit_bounds == metrics.waits.bounds
    ((attributes, point),) = sdk.points("kibitz.breaker_state")
    assert (attributes, point.value) == ({"kibitz.target": "gpt at api", "kibitz.key": "0a1b"}, 2)


def test_once_closed_it_passes_on_nothing_more(sdk: Sdk) -> None:
    sdk.bridge.close()
    sdk.metrics.retries.add("http_503")
    assert sdk.points("kibitz.retries") == []
    assert sdk.points("kibitz.resident_memory_bytes") == []


def test_without_anybody_who_exports_nothing_happens() -> None:
    metrics = Metrics()
    bridge = Bridge(metrics, lambda gauge: gauge.family())
    bridge.over(Attempt(OPENAI, "gpt", "findings", "answered", 1.0), None)
    metrics.retries.add("http_503")
    bridge.close()
    assert metrics.retries.family().numbers == {("http_503",): 1}
