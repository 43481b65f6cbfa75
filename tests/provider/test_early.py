"""Findings that are shown while their answer is being written, through the real SDK and a real socket."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.provider.clients import KEY_IN_CODE, client
from tests.support import fake_faults
from tests.support.fake_answers import reviewer
from tests.support.fake_provider import FakeProvider, Prompt, Reply

from kibitz.provider.config import RetryConfig
from kibitz.provider.errors import APIError, InvalidResponse, OpenAIError, RateLimitExceeded, Timeout
from kibitz.provider.models import Piece

if TYPE_CHECKING:
    from kibitz.findings.finding import Finding
    from kibitz.provider.client import OpenAIClient
    from kibitz.provider.models import BatchAnalysis, PieceAnalysis

APIS = ("chat", "responses")
ONE = "def less(a, b):\n    return a - b  # BUG: - => +\n"
TWO = "def more(a, b):\n    return a + b  # BUG: + => -\n"
PIECES = (Piece(ONE, "python"), Piece(TWO, "python"))
TRIES = RetryConfig(max_retries=2, initial_backoff_ms=1)


def content(prompt: Prompt) -> str:
    """What the fake would say of the two pieces."""
    return reviewer()(prompt).content


def after_first(text: str) -> int:
    """Characters up to the end of the first finding, however the fake cuts them."""
    return text.index("}") + 1


def breaking(breaks: str, **changes: Any) -> Any:
    """A stream that goes wrong once, after its first finding; later answers are whole."""
    times = iter([breaks])

    def answer(prompt: Prompt) -> Reply:
        text = content(prompt)
        return Reply(text, breaks=next(times, ""), breaks_after=after_first(text), **changes)

    return answer


@dataclass
class Seen:
    """What a review told on its way."""

    order: list[str] = field(default_factory=list)
    early: list[tuple[int, Finding]] = field(default_factory=list)
    pieces: dict[int, PieceAnalysis] = field(default_factory=dict)
    something: asyncio.Event = field(default_factory=asyncio.Event)

    def on_finding(self, index: int, finding: Finding) -> None:
        self.order.append(f"finding {index}")
        self.early.append((index, finding))
        self.something.set()

    def on_piece(self, index: int, analysis: PieceAnalysis) -> None:
        self.order.append(f"piece {index}")
        self.pieces[index] = analysis

    async def review(self, tested: OpenAIClient) -> BatchAnalysis:
        return await tested.process_pieces(PIECES, on_finding=self.on_finding, on_piece=self.on_piece)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("portion", [None, 1])
async def test_findings_come_one_by_one_and_again_with_their_pieces(api: str, portion: int | None) -> None:
    seen = Seen()
    async with FakeProvider(lambda prompt: Reply(content(prompt), portion=portion)) as fake:
        async with client(fake, api=api) as tested:
            batch = await seen.review(tested)
        assert seen.order == ["finding 0", "finding 1", "piece 0", "piece 1"]
        assert [finding for _, finding in seen.early] == [piece.findings[0] for piece in batch.pieces]
        assert all(finding.fix is not None for _, finding in seen.early)
        body = fake.requests[0].body
        assert body["stream"] is True
        assert body.get("stream_options") == ({"include_usage": True} if api == "chat" else None)
        assert fake.requests[0].headers["accept"] == "text/event-stream"
    assert batch.usage.requests == 1
    assert batch.usage.input_tokens > 0
    assert batch.usage.output_tokens > 0


@pytest.mark.parametrize("api", APIS)
async def test_a_finding_is_shown_while_the_answer_is_still_being_written(api: str) -> None:
    seen, holds = Seen(), asyncio.Event()
    async with FakeProvider(breaking("", holds=holds)) as fake, client(fake, api=api) as tested:
        review = asyncio.create_task(seen.review(tested))
        await seen.something.wait()
        assert seen.order == ["finding 0"]
        assert not fake.requests[0].answered
        holds.set()
        await review
    assert seen.order == ["finding 0", "finding 1", "piece 0", "piece 1"]


async def test_without_a_listener_nothing_is_streamed() -> None:
    async with FakeProvider() as fake, client(fake) as tested:
        await tested.process_pieces(PIECES)
        assert "stream" not in fake.requests[0].body


async def test_a_connection_that_was_streamed_over_serves_again() -> None:
    async with FakeProvider() as fake, client(fake) as tested:
        for _ in range(3):
            await Seen().review(tested)
        assert fake.connections == 1


BROKEN: dict[str, tuple[type[OpenAIError], str | None]] = {
    "cut": (APIError, "connection"),
    "end": (APIError, "connection"),
    "silent": (APIError, "connection"),
    "malformed": (InvalidResponse, "malformed"),
    "error": (APIError, "server_error"),
    "stall": (Timeout, None),
}


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("breaks", BROKEN)
async def test_a_stream_that_breaks_after_a_finding_is_not_asked_again(api: str, breaks: str) -> None:
    kind, code = BROKEN[breaks]
    seen = Seen()
    async with FakeProvider(breaking(breaks)) as fake:
        tested = client(fake, api=api, retry_config=TRIES, timeout_ms=700 if breaks == "stall" else 20_000)
        async with tested:
            with pytest.raises(kind) as caught:
                await seen.review(tested)
        assert len(fake.requests) == 1
    error = caught.value
    assert type(error) is kind
    assert error.code == code
    assert seen.order[0] == "finding 0"
    assert seen.pieces == {}
    # Something was written, and paid for: how much, nobody says.
    assert error.usage is not None
    assert (error.usage.requests, error.usage.cost_usd) == (1, None)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("breaks", ["cut", "end", "malformed", "error"])
async def test_a_stream_that_breaks_before_any_finding_is_asked_again(api: str, breaks: str) -> None:
    times = iter([breaks])

    def answer(prompt: Prompt) -> Reply:
        return Reply(content(prompt), breaks=next(times, ""), breaks_after=20)

    seen = Seen()
    async with FakeProvider(answer) as fake, client(fake, api=api, retry_config=TRIES) as tested:
        await seen.review(tested)
        assert len(fake.requests) == 2
    assert seen.order == ["finding 0", "finding 1", "piece 0", "piece 1"]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_refusal_before_the_stream_is_asked_again(api: str, status: int) -> None:
    seen = Seen()
    async with FakeProvider() as fake, client(fake, api=api, retry_config=TRIES) as tested:
        fake.push(fake_faults.status(status, retry_after_ms=1))
        await seen.review(tested)
        assert len(fake.requests) == 2
    assert len(seen.early) == 2


async def test_a_limit_that_is_told_in_the_stream_is_a_limit() -> None:
    reply = Reply("", breaks="error", error={"code": "rate_limit_exceeded", "message": "slow down"})
    async with FakeProvider(lambda _: reply) as fake, client(fake) as tested:
        with pytest.raises(RateLimitExceeded) as caught:
            await Seen().review(tested)
    assert caught.value.retryable


@pytest.mark.parametrize("api", APIS)
async def test_giving_up_closes_the_connection_in_the_middle(api: str) -> None:
    seen, holds = Seen(), asyncio.Event()
    async with FakeProvider(breaking("", holds=holds)) as fake, client(fake, api=api) as tested:
        review = asyncio.create_task(seen.review(tested))
        await seen.something.wait()
        review.cancel()
        with pytest.raises(asyncio.CancelledError):
            await review
        await fake.until(lambda: fake.requests[0].disconnected)


@pytest.mark.parametrize("api", APIS)
async def test_a_stream_is_read_no_further_than_its_limit(api: str) -> None:
    async with FakeProvider(lambda _: Reply("x" * 5000)) as fake:
        async with client(fake, api=api, max_response_bytes=4000, retry_config=TRIES) as tested:
            with pytest.raises(InvalidResponse) as caught:
                await Seen().review(tested)
        assert len(fake.requests) == 1
    assert caught.value.code == "too-large"


async def test_packaging_without_end_is_not_read_either() -> None:
    noise = b": keep-alive\n\n" * 20_000
    fault = fake_faults.body(noise, content_type="text/event-stream")
    async with FakeProvider(lambda _: fault) as fake, client(fake, max_response_bytes=4000) as tested:
        with pytest.raises(InvalidResponse) as caught:
            await Seen().review(tested)
    assert caught.value.code == "too-large"


@pytest.mark.parametrize("api", APIS)
async def test_a_server_that_does_not_stream_answers_all_the_same(api: str) -> None:
    def whole(prompt: Prompt) -> Reply:
        del prompt.body["stream"]
        return Reply(content(prompt))

    seen = Seen()
    async with FakeProvider(whole) as fake, client(fake, api=api) as tested:
        await seen.review(tested)
    assert seen.order == ["piece 0", "piece 1"]


async def test_an_answer_in_one_piece_keeps_its_own_limit() -> None:
    fault = fake_faults.body("x" * 5000)
    async with FakeProvider(lambda _: fault) as fake, client(fake, max_response_bytes=4000) as tested:
        with pytest.raises(InvalidResponse) as caught:
            await Seen().review(tested)
    assert caught.value.code == "too-large"


@pytest.mark.parametrize(("param", "streams"), [("stream_options", True), ("stream", False)])
async def test_what_an_endpoint_refuses_of_streaming_is_given_up(param: str, *, streams: bool) -> None:
    """OpenAI streams some models for verified organizations only; old servers know no ``stream_options``."""

    def answer(prompt: Prompt) -> Any:
        if param in prompt.body:
            detail = {"message": "no", "param": param, "code": "unsupported_value"}
            return fake_faults.body(json.dumps({"error": detail}), status=400)
        return Reply(content(prompt))

    seen = Seen()
    async with FakeProvider(answer) as fake, client(fake) as tested:
        await seen.review(tested)
        await seen.review(tested)
        assert len(fake.requests) == 3, "refused once, then not asked for again"
        assert ("stream" in fake.requests[-1].body) is streams
    assert len(seen.early) == (4 if streams else 0)


@pytest.mark.parametrize(
    "message",
    [
        "Your organization must be verified to stream this model.",
        "Streaming is not supported by this deployment",
        "this model does not support streaming",
    ],
)
async def test_a_refusal_to_stream_is_understood_in_words_too(message: str) -> None:
    async with FakeProvider() as fake, client(fake) as tested:
        fake.push(fake_faults.status(400, "unsupported_value", message=message))
        await Seen().review(tested)
        assert "stream" not in fake.requests[1].body


async def test_a_gateways_broken_stream_is_no_refusal_to_stream() -> None:
    async with FakeProvider() as fake, client(fake, retry_config=TRIES) as tested:
        fake.push(fake_faults.status(502, "x", message="stream error: stream ID 5; INTERNAL_ERROR"))
        await Seen().review(tested)
        assert fake.requests[1].body["stream"] is True


async def test_what_is_not_in_the_code_or_not_in_the_schema_is_not_shown_early() -> None:
    def answer(prompt: Prompt) -> dict[str, Any]:
        good = json.loads(content(prompt))["findings"][0]
        return {
            "findings": [{**good, "quote": "not there"}, {**good, "rule": "no-such-rule"}, {"x": 1}, good]
        }

    seen = Seen()
    async with FakeProvider(answer) as fake, client(fake) as tested:
        batch = await seen.review(tested)
    assert [finding for _, finding in seen.early] == list(batch.pieces[0].findings)
    assert len(seen.early) == 1


async def test_early_findings_have_their_secrets_back_and_the_provider_never_saw_them() -> None:
    code = f'def f():\n    key = "{KEY_IN_CODE}"; return 1 - 1  # BUG: - => +\n'
    found: list[Finding] = []
    async with FakeProvider() as fake, client(fake) as tested:
        await tested.process_pieces(
            [Piece(code, "python")], on_finding=lambda _, finding: found.append(finding)
        )
        assert KEY_IN_CODE not in json.dumps(fake.requests[0].body)
    assert KEY_IN_CODE in found[0].quote


async def test_a_listener_that_fails_ends_the_call_as_it_is() -> None:
    def broken(_index: int, _finding: Finding) -> None:
        raise ZeroDivisionError

    async with FakeProvider() as fake, client(fake) as tested:
        with pytest.raises(ZeroDivisionError):
            await tested.process_pieces(PIECES, on_finding=broken)


async def test_rewriting_is_not_streamed() -> None:
    seen = Seen()
    async with FakeProvider() as fake, client(fake, review="rewrite") as tested:
        await seen.review(tested)
        assert not any("stream" in request.body for request in fake.requests)
    assert seen.early == []


@pytest.mark.parametrize("api", APIS)
async def test_a_stream_tells_what_it_used_as_one_post_does(api: str) -> None:
    def answer(prompt: Prompt) -> Reply:
        return Reply(
            content(prompt), input_tokens=900, output_tokens=80, cached_tokens=512, reasoning_tokens=7
        )

    async with FakeProvider(answer) as fake, client(fake, api=api) as tested:
        streamed = await Seen().review(tested)
        posted = await tested.process_pieces(PIECES)
    assert streamed.usage == posted.usage
    assert streamed.usage.input_tokens == 900
    assert (streamed.model, streamed.pieces) == (posted.model, posted.pieces)


async def test_the_fallback_model_streams_when_the_first_one_cannot_answer() -> None:
    def answer(prompt: Prompt) -> Any:
        spare = prompt.body["model"] == "spare"
        return Reply(content(prompt)) if spare else Reply(content(prompt), breaks="cut", breaks_after=20)

    seen = Seen()
    async with FakeProvider(answer) as fake, client(fake, fallback_model="spare") as tested:
        batch = await seen.review(tested)
        assert [request.body["model"] for request in fake.requests][-1] == "spare"
    assert seen.order == ["finding 0", "finding 1", "piece 0", "piece 1"]
    assert all("spare" in piece.answered_by for piece in batch.pieces)


async def test_nobody_else_is_asked_once_a_finding_was_shown() -> None:
    seen = Seen()
    async with FakeProvider(breaking("cut")) as fake, client(fake, fallback_model="spare") as tested:
        with pytest.raises(APIError):
            await seen.review(tested)
        assert len(fake.requests) == 1


async def test_an_answer_that_is_too_long_is_asked_for_in_halves_all_the_same() -> None:
    """It was not lost: it is known not to fit. What was shown comes again with the halves."""

    def answer(prompt: Prompt) -> Reply:
        whole = prompt.text.count("### Piece") > 1
        return Reply(content(prompt), finish="length" if whole else "stop")

    seen = Seen()
    async with FakeProvider(answer) as fake, client(fake) as tested:
        await seen.review(tested)
        assert len(fake.requests) == 3
    assert seen.order == ["finding 0", "finding 1", "finding 0", "piece 0", "finding 1", "piece 1"]
