from __future__ import annotations

import re
import sys
from decimal import Decimal

import pytest

from kibitz.telemetry.cachecounts import CacheCounts
from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.metrics import Counter
from kibitz.telemetry.metrics_json import as_json


def test_names_are_as_prometheus_wants_them() -> None:
    names = [each.described.name for each in Metrics()]
    assert len(set(names)) == len(names)
    for each in Metrics():
        assert re.fullmatch(r"kibitz_[a-z_]+", each.described.name)
        assert each.described.name.endswith("_total") == isinstance(each, Counter)
        unit = each.described.unit
        assert f"_{unit}" in each.described.name
        assert each.described.help.endswith(".")


def test_one_process_has_one_of_each() -> None:
    one, other = Metrics(), Metrics()
    one.requests.add("model", "findings", "answered")
    assert other.requests.family().numbers == {}


def test_a_look_into_the_cache_is_counted_by_what_came_of_it() -> None:
    metrics = Metrics()
    metrics.looked_up("memory", CacheCounts(looked_up=5, hits=2, stale=1))
    metrics.looked_up(
        "disk",
        CacheCounts(
            looked_up=2,
            hits=1,
            misses=1,
            saved_input_tokens=900,
            saved_output_tokens=80,
            saved_usd=Decimal("0.25"),
        ),
    )
    assert metrics.lookups.family().numbers == {
        ("memory", "hit"): 2,
        ("memory", "stale"): 1,
        ("memory", "passed"): 2,
        ("disk", "hit"): 1,
        ("disk", "miss"): 1,
    }
    assert metrics.saved.family().numbers == {("disk",): 0.25}
    assert metrics.saved_tokens.family().numbers == {("disk", "input"): 900, ("disk", "output"): 80}


@pytest.mark.skipif(sys.platform == "win32", reason="there, it is not known")
def test_memory_is_what_this_process_takes() -> None:
    (taken,) = Metrics().memory.family().numbers.values()
    assert 10e6 < taken < 10e9


def test_as_json_it_says_everything_with_percentiles() -> None:
    metrics = Metrics()
    metrics.retries.add("http_503")
    metrics.latency.observe(0.4, "gpt", "findings")
    told = {each["name"]: each for each in as_json(metrics.families())}
    assert told["kibitz_retries_total"] == {
        "name": "kibitz_retries_total",
        "kind": "counter",
        "unit": "",
        "help": metrics.retries.described.help,
        "series": [{"labels": {"reason": "http_503"}, "value": 1.0}],
    }
    (series,) = told["kibitz_request_seconds"]["series"]
    assert series["labels"] == {"model": "gpt", "purpose": "findings"}
    assert (series["count"], series["sum"]) == (1, 0.4)
    assert 0.25 < series["p50"] <= series["p95"] <= series["p99"] <= 0.5
    assert told["kibitz_findings_total"]["series"] == []
