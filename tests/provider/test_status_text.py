from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from kibitz.provider.breaker import BreakerStatus
from kibitz.provider.breaker import State as BreakerState
from kibitz.provider.fallback import Kind, Step
from kibitz.provider.keys.pool import KeyStatus
from kibitz.provider.keys.pool import State as KeyState
from kibitz.provider.limits.gate import GateStatus
from kibitz.provider.status import EngineStatus, LaneStatus, TargetStatus
from kibitz.provider.status_text import counts_line, engine_lines, key_lines
from kibitz.telemetry.counts import Counts

GATE = GateStatus(60, 200_000, 4, in_flight=1, queued=2, paused_for=0)
CLOSED = BreakerStatus(BreakerState.CLOSED, 0, 0, 3)
KEY = KeyStatus("0a1b2c3d", "environment variable OPENAI_API_KEY", KeyState.IN_USE)
FIRST = TargetStatus(
    "gpt-6-luna at api.openai.com", down="", lanes=(LaneStatus(KEY.id, GATE, CLOSED),), keys=(KEY,)
)
LIMITS = "limits: 60 requests and 200000 tokens a minute, 4 at a time; 1 under way, 2 waiting"


def test_one_endpoint_in_good_order() -> None:
    status = EngineStatus(using=FIRST.name, targets=(FIRST,), steps=())
    assert engine_lines(status) == (
        "asks gpt-6-luna at api.openai.com",
        LIMITS,
        "key 0a1b2c3d from environment variable OPENAI_API_KEY: in use",
    )


def test_a_ladder_in_trouble() -> None:
    refused = KeyStatus("ffffffff", "file /x/key", KeyState.REFUSED, "the provider refuses it")
    opened = BreakerStatus(BreakerState.OPEN, 14.4, 12, 20)
    first = replace(
        FIRST,
        down="the endpoint does not have this model",
        lanes=(
            LaneStatus(KEY.id, replace(GATE, paused_for=11.6), opened),
            LaneStatus("ffffffff", GATE, replace(opened, state=BreakerState.HALF_OPEN)),
        ),
        keys=(KEY, refused),
        problem="the file /x/key may be read by others; run chmod 600 on it",
    )
    second = TargetStatus("gpt-6-nova at api.openai.com", "", (), keys=(KEY, refused))
    steps = tuple(
        Step(Kind.NEXT_KEY, "401", f"key {number} for m", "another key", "for the user")
        for number in range(9)
    )
    closed = Step(Kind.BREAKER_CLOSED, "a request succeeded", FIRST.name, FIRST.name)
    status = EngineStatus(using=second.name, targets=(first, second), steps=(*steps, closed))
    assert engine_lines(status) == (
        "asks gpt-6-luna at api.openai.com; not asked now: the endpoint does not have this model",
        f"with key 0a1b2c3d: {LIMITS}; paused for 12 s",
        "with key 0a1b2c3d: left alone: 12 of the last 20 requests failed; one request tries again in 14 s",
        f"with key ffffffff: {LIMITS}",
        "with key ffffffff: left alone: 12 of the last 20 requests failed; one request tries again now",
        "falls back to gpt-6-nova at api.openai.com; in use",
        "key 0a1b2c3d from environment variable OPENAI_API_KEY: in use",
        "key ffffffff from file /x/key: refused (the provider refuses it)",
        "trouble with keys: the file /x/key may be read by others; run chmod 600 on it",
        *(f"lately: next key, key {number} for m to another key (401)" for number in (5, 6, 7, 8)),
        "lately: breaker closed, gpt-6-luna at api.openai.com (a request succeeded)",
    )
    assert key_lines(status) == engine_lines(status)[6:9]


def test_counts() -> None:
    assert counts_line("this run", Counts(requests=1, input_tokens=5, output_tokens=2)) == (
        "this run: 1 request, 5 tokens in, 2 out"
    )
    all_of_them = Counts(12, 3400, 1200, 560, 300, Decimal("0.01234"), 2)
    assert counts_line("today", all_of_them) == (
        "today: 12 requests (2 failed), 3400 tokens in (1200 cached), 560 out (300 of them thoughts), $0.0123"
    )
