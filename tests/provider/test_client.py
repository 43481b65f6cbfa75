from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from tests.provider.clients import BUG, CANARY, CODE, client, config, mended, planted
from tests.support import fake_faults
from tests.support.fake_provider import FakeProvider, Prompt, Reply, reviewer

from kibitz.findings.finding import Confidence, Severity
from kibitz.findings.guidance import Guidance
from kibitz.provider import pricing
from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import OpenAIConfig, RetryConfig
from kibitz.provider.endpoint import OPENAI_URL, Endpoint
from kibitz.provider.errors import (
    APIError,
    ConfigError,
    InvalidResponse,
    OpenAIError,
    RateLimitExceeded,
    Timeout,
)
from kibitz.provider.models import Piece, PieceAnalysis, Usage

if TYPE_CHECKING:
    from kibitz.provider.fallback import Step
    from kibitz.provider.keys.consent import ConsentNeeded
    from kibitz.telemetry.access import Attempt

RETRY = RetryConfig(max_retries=2, initial_backoff_ms=1, max_backoff_ms=1)


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_process_code_finds_anchors_and_mends(api: str) -> None:
    async with planted() as fake, client(fake, api=api) as tested:
        analysis = await tested.process_code(CODE)
        (finding,) = analysis.findings
        assert finding.span.of(CODE) == finding.quote == "return sum(values) / len(value)"
        assert (finding.title, finding.severity, finding.confidence) == (
            "Wrong name",
            Severity.ERROR,
            Confidence.LIKELY,
        )
        assert mended(CODE, finding) == CODE.replace("len(value)", "len(values)")
        assert (analysis.model, analysis.request_id, analysis.redactions) == ("gpt-6-luna", "req_1", 0)
        assert analysis.usage.requests == 1
        assert analysis.usage.input_tokens > 0
        assert analysis.usage.cost_usd == 0, "this machine"


async def test_the_request_is_as_it_should_be() -> None:
    async with planted() as fake, client(fake, api="responses") as tested:
        await tested.process_code(CODE, language="python", context="import math")
        seen = fake.requests[0]
    assert seen.path == "/v1/responses"
    assert seen.body["store"] is False
    assert seen.body["text"]["format"]["strict"] is True
    assert "-| import math" in seen.prompt.text
    assert seen.headers["authorization"] == f"Bearer {CANARY}"
    assert not [name for name in seen.headers if name.startswith(("x-stainless", "openai"))]


async def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "OPENAI_API_KEY": "sk-from-the-environment",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "OPENAI_ORG_ID": "org-x",
        "OPENAI_PROJECT_ID": "proj-x",
        "OPENAI_CUSTOM_HEADERS": "X-Evil: 1\nAuthorization: Bearer evil",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    async with planted() as fake, client(fake, organization="mine") as tested:
        assert (await tested.process_code(CODE)).findings
        headers = fake.requests[0].headers
    assert headers["authorization"] == f"Bearer {CANARY}"
    assert headers["openai-organization"] == "mine"
    assert not headers.keys() & {"x-evil", "openai-project"}


def test_construction_wants_a_key_except_for_this_machine() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        OpenAIClient(OpenAIConfig())
    with pytest.raises(ConfigError, match=r"other\.example needs an API key"):
        OpenAIClient(OpenAIConfig(base_url="https://other.example/v1"))
    OpenAIClient(OpenAIConfig(base_url="http://127.0.0.1:1/v1"))
    assert CANARY not in repr(OpenAIClient(OpenAIConfig(api_key=SecretStr(CANARY))))


async def test_without_a_key_this_machine_gets_a_placeholder() -> None:
    async with planted() as fake, client(fake, api_key=None) as tested:
        assert (await tested.process_code(CODE)).findings
        assert fake.requests[0].headers["authorization"] == "Bearer none"


async def test_a_closed_client_says_so() -> None:
    async with planted() as fake:
        tested = client(fake)
        await tested.process_code(CODE)
        await tested.aclose()
        with pytest.raises(ConfigError, match="closed"):
            await tested.process_code(CODE)


PIECES = [Piece(f"def f{i}(value, values):\n    return {i} / len(value)\n", "python") for i in range(12)]


async def test_pieces_share_a_request_and_keep_their_own_findings() -> None:
    landed: list[tuple[int, PieceAnalysis]] = []
    async with planted() as fake, client(fake) as tested:
        batch = await tested.process_pieces(PIECES, on_piece=lambda i, analysis: landed.append((i, analysis)))
        assert len(fake.requests) == 1
    assert [index for index, _ in landed] == list(range(12))
    assert [analysis for _, analysis in landed] == list(batch.pieces)
    for piece, analysis in zip(PIECES, batch.pieces, strict=True):
        (finding,) = analysis.findings
        assert mended(piece.text, finding) == piece.text.replace("len(value)", "len(values)")


async def test_pieces_are_spread_over_requests_that_run_side_by_side() -> None:
    async with planted() as fake, client(fake, max_request_tokens=1_400, max_concurrency=4) as tested:
        fake.gate = asyncio.Event()
        work = asyncio.ensure_future(tested.process_pieces(PIECES))
        await fake.seen(3)
        fake.gate.set()
        batch = await work
        assert batch.usage.requests == len(fake.requests) >= 3
        assert all(len(analysis.findings) == 1 for analysis in batch.pieces)


async def test_nothing_to_review_asks_nothing() -> None:
    async with planted() as fake, client(fake) as tested:
        batch = await tested.process_pieces([])
        assert (batch.pieces, batch.usage, fake.requests) == ((), Usage(), [])


async def test_an_answer_that_is_cut_off_is_asked_again_in_halves() -> None:
    async with planted() as fake, client(fake) as tested:
        fake.push(Reply("", finish="length"))
        batch = await tested.process_pieces(PIECES)
        assert len(fake.requests) == 3
        assert batch.usage.requests == 3
        assert all(len(analysis.findings) == 1 for analysis in batch.pieces)


async def test_a_request_that_is_too_long_is_asked_again_in_halves() -> None:
    async with planted() as fake, client(fake) as tested:
        fake.push(fake_faults.status(400, "context_length_exceeded"))
        batch = await tested.process_pieces(PIECES[:2])
        assert len(fake.requests) == 3
        assert all(len(analysis.findings) == 1 for analysis in batch.pieces)


async def test_one_failed_request_does_not_lose_the_answers_of_others() -> None:
    def answer(prompt: Prompt) -> Any:
        return fake_faults.status(400) if "def f0(" in prompt.text else reviewer(BUG)(prompt)

    landed: dict[int, PieceAnalysis] = {}
    async with FakeProvider(answer) as fake, client(fake, max_request_tokens=1_400) as tested:
        with pytest.raises(APIError, match="status 400") as caught:
            await tested.process_pieces(PIECES, on_piece=landed.__setitem__)
        total = len(fake.requests)
    assert 0 not in landed
    assert landed[11].findings
    assert caught.value.usage is not None
    assert caught.value.usage.requests == total


@pytest.mark.parametrize(
    "fault",
    [fake_faults.status(500), fake_faults.reset(), fake_faults.body("{nope"), fake_faults.status(429)],
)
async def test_what_passes_is_tried_again(fault: fake_faults.Fault) -> None:
    async with planted() as fake, client(fake, retry_config=RETRY) as tested:
        fake.push(fault)
        analysis = await tested.process_code(CODE)
        assert len(analysis.findings) == 1
        assert analysis.usage.requests == len(fake.requests) == 2


async def test_an_answer_off_the_schema_is_asked_for_once_more() -> None:
    async with planted() as fake, client(fake, retry_config=RETRY) as tested:
        fake.push("Certainly! There are no bugs.")
        assert len((await tested.process_code(CODE)).findings) == 1
        fake.push("nonsense", "nonsense", "nonsense")
        with pytest.raises(InvalidResponse):
            await tested.process_code(CODE)
        assert len(fake.requests) == 4


async def test_used_up_credit_is_not_tried_again() -> None:
    async with planted() as fake, client(fake, retry_config=RETRY) as tested:
        fake.push(fake_faults.status(429, "insufficient_quota"))
        with pytest.raises(RateLimitExceeded):
            await tested.process_code(CODE)
        assert len(fake.requests) == 1


async def test_a_wait_longer_than_the_deadline_stops_this_call_and_the_next_ones() -> None:
    async with planted() as fake, client(fake, retry_config=RETRY) as tested:
        fake.push(fake_faults.status(429, retry_after=3600))
        for _ in range(2):
            with pytest.raises(RateLimitExceeded) as caught:
                await tested.process_code(CODE)
            assert caught.value.retry_after == pytest.approx(3600, abs=5)
        assert len(fake.requests) == 1


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_formats_degrade_and_are_remembered(api: str) -> None:
    async with planted() as fake, client(fake, api=api) as tested:
        fake.accepts = frozenset({"text"})
        assert len((await tested.process_code(CODE)).findings) == 1
        assert len(fake.requests) == 3
        last = fake.requests[-1].body
        assert not last.keys() & {"response_format", "text"}
        assert len((await tested.process_code(CODE)).findings) == 1
        assert len(fake.requests) == 4


async def test_concurrent_requests_learn_the_dialect_together() -> None:
    def answer(prompt: Prompt) -> Any:
        # An old server: json_object only, and the old name of the bound.
        if "json_schema" in json.dumps(prompt.body.get("response_format")):
            return fake_faults.status(400, message="response_format json_schema is not supported")
        return '```json\n{"findings": []}\n```'

    async with FakeProvider(answer) as fake, client(fake, max_request_tokens=1_400) as tested:
        await tested.process_pieces(PIECES)
        assert fake.requests[-1].body["response_format"] == {"type": "json_object"}
        before = len(fake.requests)
        await tested.process_code(CODE)
        assert len(fake.requests) == before + 1


async def test_the_other_name_of_the_bound_is_tried() -> None:
    def answer(prompt: Prompt) -> Any:
        if "max_tokens" in prompt.body:
            return fake_faults.status(
                400, "unsupported_parameter", message="Use 'max_completion_tokens' instead of 'max_tokens'."
            )
        return {"findings": []}

    async with FakeProvider(answer) as fake, client(fake) as tested:
        await tested.process_code(CODE)
        assert "max_completion_tokens" in fake.requests[-1].body


@pytest.mark.parametrize(
    ("field", "value"), [("temperature", 0.5), ("reasoning_effort", "high"), ("max_tokens", 999_999)]
)
async def test_a_setting_that_was_made_and_is_refused_is_named(field: str, value: object) -> None:
    async with planted() as fake, client(fake, **{field: value}) as tested:
        fake.push(
            fake_faults.status(400, "unsupported_value", message=f"'{field}' does not support this value")
        )
        with pytest.raises(ConfigError, match=f"setting {field}"):
            await tested.process_code(CODE)
        assert len(fake.requests) == 1


async def test_cancelling_ends_the_request_on_the_wire() -> None:
    async with planted() as fake, client(fake) as tested:
        fake.push(fake_faults.hang())
        work = asyncio.ensure_future(tested.process_code(CODE))
        seen = await fake.seen()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        await fake.until(lambda: seen.disconnected)
        assert (await tested.process_code(CODE)).findings


async def test_cancelling_while_the_sdk_loads_leaves_a_working_client() -> None:
    async with planted() as fake, client(fake) as tested:
        work = asyncio.ensure_future(tested.process_code(CODE))
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert (await tested.process_code(CODE)).findings


async def test_no_more_requests_are_under_way_than_allowed() -> None:
    running = most = 0
    full = asyncio.Event()

    async def answer(prompt: Prompt) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            full.set()
        await full.wait()
        running -= 1
        return reviewer(BUG)(prompt)

    async with FakeProvider(answer) as fake, client(fake, max_concurrency=3) as tested:
        await asyncio.gather(*(tested.process_code(CODE) for _ in range(12)))
    assert most == 3


async def test_fifty_calls_at_once_all_get_their_own_answer() -> None:
    async with planted() as fake, client(fake, max_concurrency=50) as tested:
        codes = [f"def g{i}(value, values):\n    return {i} + len(value)\n" for i in range(50)]
        started = time.monotonic()
        results = await asyncio.gather(*(tested.process_code(code) for code in codes))
        assert time.monotonic() - started < 10
    for code, analysis in zip(codes, results, strict=True):
        assert mended(code, analysis.findings[0]) == code.replace("len(value)", "len(values)")


class Watch:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def admitted(self, *, model: str, waited: float) -> None:
        assert waited >= 0
        self.told.append(f"admitted {model}")

    def over(self, attempt: Attempt, error: OpenAIError | None) -> None:
        assert (error is None) == (attempt.outcome == "answered")
        self.told.append(f"over {attempt.model} {attempt.outcome}")

    def answered(self, *, model: str, seconds: float, usage: Usage, request_id: str | None) -> None:
        assert seconds >= 0
        self.told.append(f"answered {model} {request_id} {usage.requests}")

    def failed(self, error: OpenAIError, *, model: str, seconds: float, usage: Usage) -> None:
        assert seconds >= 0
        self.told.append(f"failed {model} {error.code} {usage.requests}")

    def retrying(self, error: OpenAIError, *, wait: float) -> None:
        assert wait >= 0
        self.told.append(f"retrying {error.code}")

    def stepped(self, step: Step) -> None:
        self.told.append(f"stepped {step.kind}")

    def unconsented(self, error: ConsentNeeded) -> None:
        self.told.append(f"unconsented {error.origin}")


async def test_an_observer_is_told() -> None:
    watch = Watch()
    async with planted() as fake:
        fake.push(fake_faults.status(500, "oops"))
        tested = OpenAIClient(
            config(fake, retry_config=RETRY), sleep=lambda _: asyncio.sleep(0), observer=watch
        )
        async with tested:
            await tested.process_code(CODE)
    assert watch.told == [
        "admitted gpt-6-luna",
        "over gpt-6-luna oops",
        "failed gpt-6-luna oops 1",
        "retrying oops",
        "admitted gpt-6-luna",
        "answered gpt-6-luna req_2 1",
        "over gpt-6-luna answered",
    ]


async def test_the_deadline_holds_over_all_attempts() -> None:
    async with planted() as fake, client(fake, timeout_ms=400, retry_config=RETRY) as tested:
        fake.push(fake_faults.status(500), fake_faults.hang())
        started = time.monotonic()
        with pytest.raises(Timeout):
            await tested.process_code(CODE)
        assert 0.3 < time.monotonic() - started < 5
        assert len(fake.requests) == 2


async def test_costs_are_known_at_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    # Only the price list is told another address: the fake stands in for OpenAI.
    real = pricing.cost
    monkeypatch.setattr(pricing, "cost", lambda model, usage, _: real(model, usage, Endpoint(OPENAI_URL)))
    free = Reply('{"findings": []}')
    async with planted() as fake, client(fake, retry_config=RETRY) as tested:
        fake.push(fake_faults.status(500), free.but(input_tokens=10_000, output_tokens=1_000))
        usage = (await tested.process_code(CODE)).usage
        assert str(usage.cost_usd) == "0.0015"
        fake.push(free.but(usage=False))
        assert (await tested.process_code(CODE)).usage.cost_usd is None


async def test_a_server_that_does_not_know_store_is_asked_without_it() -> None:
    async with FakeProvider(reviewer(BUG)) as fake, client(fake) as tested:
        fake.push(fake_faults.status(400, "invalid_request_error", message="property 'store' is unsupported"))
        assert (await tested.process_code(CODE)).findings
        assert (await tested.process_code(CODE)).findings
        assert ["store" in seen.body for seen in fake.requests] == [True, False, False]


async def test_pieces_of_projects_that_add_something_else_go_apart() -> None:
    one, other = (Guidance(f"### Project\n=| about {name}", ((f"project/{name}", None),)) for name in "ab")
    pieces = [Piece(CODE, "python", guidance=guidance) for guidance in (None, one, one, other)]
    async with planted() as fake, client(fake) as tested:
        answer = await tested.process_pieces(pieces)
    assert [len(piece.findings) for piece in answer.pieces] == [1, 1, 1, 1]
    texts = [seen.prompt.text for seen in fake.requests]
    sent = sorted((text.count("### Piece"), "=| about" in text) for text in texts)
    assert sent == [(1, False), (1, True), (2, True)]
    told = [json.dumps(seen.prompt.schema) for seen in fake.requests]
    assert sorted(("project/a" in schema, "project/b" in schema) for schema in told) == [
        (False, False),
        (False, True),
        (True, False),
    ]


async def test_what_a_project_adds_holds_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "plain-words-of-a-token")
    guidance = Guidance(f"=| use {CANARY}, or plain-words-of-a-token", ())
    async with planted() as fake, client(fake, api_key=SecretStr(CANARY)) as tested:
        await tested.process_pieces([Piece(CODE, "python", guidance=guidance)], verify=True)
    for seen in fake.requests:
        assert CANARY not in json.dumps(seen.body)
        assert "plain-words" not in json.dumps(seen.body)
