"""What is asked when something does not answer: over real HTTP, proved by the requests that arrive."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import NoneType
from typing import TYPE_CHECKING, Any

import pytest
from tests.provider.clients import CODE, config, planted
from tests.support import fake_faults
from tests.support.fake_provider import FakeProvider, Reply, reviewer
from tests.support.lsp_wire import until

from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import RetryConfig
from kibitz.provider.errors import APIError, ConfigError, InvalidResponse, OpenAIError, RateLimitExceeded
from kibitz.provider.fallback import BREAKER_OPEN, CONSENT, Kind
from kibitz.provider.keys.consent import ConsentNeeded, Consents
from kibitz.provider.keys.fixed import FixedKeys
from kibitz.provider.keys.key import Key
from kibitz.provider.keys.pool import KeyPool
from kibitz.provider.models import Piece
from kibitz.provider.status import EngineStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.support.fake_provider import Answer, Prompt

    from kibitz.provider.fallback import Step
    from kibitz.provider.models import Usage
    from kibitz.telemetry.access import Attempt

FIRST, SECOND = "sk-test-first-0123456789", "sk-test-second-0123456789"


class Steps:
    """An observer that keeps the steps."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.unconsented_at: list[str] = []

    def admitted(self, *, model: str, waited: float) -> None: ...

    def over(self, attempt: Attempt, error: OpenAIError | None) -> None: ...

    def answered(self, *, model: str, seconds: float, usage: Usage, request_id: str | None) -> None: ...

    def failed(self, error: OpenAIError, *, model: str, seconds: float, usage: Usage) -> None: ...

    def retrying(self, error: OpenAIError, *, wait: float) -> None: ...

    def stepped(self, step: Step) -> None:
        self.steps.append(step)

    def unconsented(self, error: ConsentNeeded) -> None:
        self.unconsented_at.append(error.origin)

    @property
    def kinds(self) -> list[Kind]:
        return [step.kind for step in self.steps]


class Clock:
    """Seconds that a test turns on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def engine(
    fake: FakeProvider, *keys: str, clock: Clock | None = None, **changes: Any
) -> AsyncIterator[tuple[OpenAIClient, Steps]]:
    steps = Steps()
    clock = clock or Clock()
    pool = KeyPool(FixedKeys([Key(key, "a test") for key in keys or (FIRST,)]), clock)
    client = OpenAIClient(
        config(fake, **changes), keys=pool, sleep=lambda _: asyncio.sleep(0), clock=clock, observer=steps
    )
    async with client:
        yield client, steps


def by_key(**answers: Answer) -> Callable[[Prompt], Answer]:
    """Answers by the key that a request is signed with."""
    found = reviewer()

    def answer(prompt: Prompt) -> Answer:
        sent = prompt.exchange.headers["authorization"]
        name = "first" if sent == f"Bearer {FIRST}" else "second"
        result = answers.get(name)
        return found(prompt) if result is None else result

    return answer


def by_model(**answers: Answer) -> Callable[[Prompt], Answer]:
    """Answers by the model that a request names."""
    found = reviewer()
    return lambda prompt: answers.get(prompt.body["model"]) or found(prompt)


def keys_of(fake: FakeProvider) -> list[str]:
    return [seen.headers["authorization"].removeprefix("Bearer ") for seen in fake.requests]


def models_of(fake: FakeProvider) -> list[str]:
    return [seen.body["model"] for seen in fake.requests]


NO_CREDIT = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
]


@pytest.mark.parametrize(
    "refusal",
    [
        fake_faults.status(401),
        fake_faults.status(429, retry_after=30),
        *(fake_faults.status(429, code) for code in NO_CREDIT),
    ],
)
async def test_the_next_key_has_its_turn_at_once(refusal: Answer) -> None:
    async with FakeProvider(by_key(first=refusal)) as fake, engine(fake, FIRST, SECOND) as (client, steps):
        await client.process_code(CODE)
        assert keys_of(fake) == [FIRST, SECOND]
        assert steps.kinds == [Kind.NEXT_KEY]
        # And from then on it is the one that is used.
        await client.process_code(CODE + "\n")
        assert keys_of(fake) == [FIRST, SECOND, SECOND]


async def test_requests_side_by_side_that_take_one_step_tell_it_once() -> None:
    clock = Clock()
    async with (
        FakeProvider(by_key(first=fake_faults.status(401))) as fake,
        engine(fake, FIRST, SECOND, clock=clock) as (client, steps),
    ):
        await client.warm()
        await asyncio.gather(*(client.process_code(CODE + "\n" * n) for n in range(4)))
        assert keys_of(fake).count(SECOND) == 4
        assert steps.kinds == [Kind.NEXT_KEY]
        clock.now += 61
        client._connection.note(steps.steps[0])
        assert steps.kinds == [Kind.NEXT_KEY, Kind.NEXT_KEY]


async def test_a_key_without_credit_is_tried_again_after_a_quarter_of_an_hour() -> None:
    clock = Clock()
    async with (
        FakeProvider(by_key(first=fake_faults.status(429, "insufficient_quota"))) as fake,
        engine(fake, FIRST, SECOND, clock=clock) as (client, _),
    ):
        await client.process_code(CODE)
        fake.answer = by_key(second=fake_faults.status(429, "insufficient_quota"))
        clock.now += 901
        await client.process_code(CODE + "\n")
        assert keys_of(fake) == [FIRST, SECOND, SECOND, FIRST]


async def test_without_credit_on_any_key_nothing_is_sent_any_more() -> None:
    broke = fake_faults.status(429, "insufficient_quota")
    async with FakeProvider(lambda _: broke) as fake, engine(fake, FIRST, SECOND) as (client, _):
        for _ in range(3):
            with pytest.raises(RateLimitExceeded) as error:
                await client.process_code(CODE)
            assert not error.value.retryable
        assert keys_of(fake) == [FIRST, SECOND]
        assert "credit" in error.value.message
        assert FIRST not in str(error.value)


async def test_another_key_does_not_mend_what_is_no_fault_of_the_key() -> None:
    async with (
        FakeProvider(lambda _: fake_faults.status(400)) as fake,
        engine(fake, FIRST, SECOND) as (client, steps),
    ):
        with pytest.raises(APIError):
            await client.process_code(CODE)
        assert keys_of(fake) == [FIRST]
        assert steps.kinds == []


async def test_a_missing_model_leads_to_the_fallback_model_with_one_message() -> None:
    missing = fake_faults.status(404, "model_not_found")
    async with (
        FakeProvider(by_model(old=missing)) as fake,
        engine(fake, model="old", fallback_model="new") as (client, steps),
    ):
        for line in range(3):
            analysis = await client.process_code(CODE + "\n" * line)
        assert models_of(fake) == ["old", "new", "new", "new"]
        assert steps.kinds == [Kind.MODEL_MISSING, Kind.FALLBACK_MODEL]
        told = [step.message for step in steps.steps if step.message]
        assert len(told) == 1
        assert "setting model" in told[0]
        assert "'old'" in told[0]
        assert "new" in told[0]
        assert analysis.usage.requests == 1
        status = client.status()
        assert status.using.startswith("new at ")
        assert status.targets[0].down


async def test_a_missing_model_without_a_fallback_names_the_setting() -> None:
    async with (
        FakeProvider(lambda _: fake_faults.status(404, "model_not_found")) as fake,
        engine(fake, model="old") as (client, steps),
    ):
        for _ in range(2):
            with pytest.raises(ConfigError, match="setting model"):
                await client.process_code(CODE)
        assert len(fake.requests) == 1
        assert steps.kinds == [Kind.MODEL_MISSING]


async def test_a_missing_model_is_looked_for_again_after_an_hour() -> None:
    clock = Clock()
    async with (
        FakeProvider(by_model(old=fake_faults.status(404, "model_not_found"))) as fake,
        engine(fake, clock=clock, model="old", fallback_model="new") as (client, steps),
    ):
        await client.process_code(CODE)
        fake.answer = reviewer()
        clock.now += 3601
        await client.process_code(CODE + "\n")
        assert models_of(fake) == ["old", "new", "old"]
        assert steps.kinds[-1] is Kind.RECOVERED


@pytest.mark.parametrize(
    "failure", [fake_faults.status(503), fake_faults.status(429, retry_after=100), fake_faults.html()]
)
async def test_the_fallback_model_answers_while_the_first_cannot(failure: Answer) -> None:
    async with (
        FakeProvider(by_model(first=failure)) as fake,
        engine(fake, model="first", fallback_model="second") as (client, steps),
    ):
        batch = await client.process_pieces([Piece(CODE, "python")])
        assert models_of(fake) == ["first", "second"]
        assert Kind.FALLBACK_MODEL in steps.kinds
        assert batch.pieces[0].answered_by.startswith("second at ")


@pytest.mark.parametrize("code", ["refusal", "content_filter", "context_length_exceeded"])
async def test_what_would_fail_everywhere_is_asked_once(code: str) -> None:
    answers: dict[str, Callable[[Prompt], Answer]] = {
        "refusal": lambda prompt: reviewer()(prompt).but(refusal="no"),
        "content_filter": lambda prompt: reviewer()(prompt).but(finish="content_filter"),
        "context_length_exceeded": lambda _: fake_faults.status(400, "context_length_exceeded"),
    }
    async with (
        FakeProvider(answers[code]) as fake,
        engine(fake, model="first", fallback_model="second") as (client, _),
    ):
        with pytest.raises((InvalidResponse, APIError)) as error:
            await client.process_code(CODE)
        assert error.value.code == code
        assert models_of(fake) == ["first"]


async def test_the_fallback_endpoint_answers_when_the_first_cannot_be_reached() -> None:
    async with FakeProvider() as away:
        async with FakeProvider() as gone:
            pass
        async with engine(
            gone,
            fallback_base_url=away.base_url,
            fallback_api_key=SECOND,
            organization="ours",
            retry_config=RetryConfig(max_retries=1),
        ) as (client, steps):
            analysis = await client.process_code(CODE)
        assert analysis.usage.requests == 3
        # Neither the first one's key nor its organization goes there.
        assert keys_of(away) == [SECOND]
        assert "openai-organization" not in away.requests[0].headers
        assert steps.kinds == [Kind.FALLBACK_ENDPOINT]
        assert steps.steps[0].why == "unreachable"


async def test_when_all_fails_the_first_error_is_raised_and_all_usage_is_in_it() -> None:
    async with (
        FakeProvider(lambda _: fake_faults.status(500)) as away,
        FakeProvider(lambda _: fake_faults.status(503)) as fake,
        engine(fake, fallback_model="other", fallback_base_url=away.base_url) as (client, steps),
    ):
        with pytest.raises(APIError, match="503") as error:
            await client.process_code(CODE)
        assert error.value.usage is not None
        assert error.value.usage.requests == 3
        assert len(fake.requests) == 2
        assert len(away.requests) == 1
        assert steps.kinds == []


async def test_a_breaker_opens_and_exactly_one_request_looks_when_it_is_half_open() -> None:
    clock = Clock()
    async with (
        FakeProvider(lambda _: fake_faults.status(503)) as fake,
        engine(fake, clock=clock) as (client, steps),
    ):
        for _ in range(10):
            with pytest.raises(APIError):
                await client.process_code(CODE)
        assert steps.kinds == [Kind.BREAKER_OPENED]
        with pytest.raises(APIError, match="left alone") as error:
            await client.process_code(CODE)
        assert error.value.code == BREAKER_OPEN
        assert len(fake.requests) == 10

        clock.now += 19
        fake.answer, fake.gate = reviewer(), asyncio.Event()
        asked = [asyncio.create_task(client.process_code(CODE)) for _ in range(20)]
        await fake.seen(11)
        await until(lambda: sum(task.done() for task in asked) == 19)
        fake.gate.set()
        await asyncio.gather(*asked, return_exceptions=True)
        assert sum(task.exception() is None for task in asked) == 1
        assert {type(task.exception()) for task in asked} == {APIError, NoneType}
        assert len(fake.requests) == 11
        assert steps.kinds[-1] is Kind.BREAKER_CLOSED
        await client.process_code(CODE)


async def test_an_open_breaker_sends_straight_to_the_fallback() -> None:
    async with (
        FakeProvider(by_model(first=fake_faults.status(503))) as fake,
        engine(fake, model="first", fallback_model="second") as (client, _),
    ):
        for _ in range(12):
            await client.process_code(CODE)
        assert models_of(fake).count("first") == 10
        assert models_of(fake)[-2:] == ["second", "second"]


async def test_refused_requests_do_not_open_the_breaker() -> None:
    async with FakeProvider(lambda _: fake_faults.status(400)) as fake, engine(fake) as (client, steps):
        for _ in range(15):
            with pytest.raises(APIError):
                await client.process_code(CODE)
        assert len(fake.requests) == 15
        assert steps.kinds == []


async def test_an_answer_that_was_cut_off_is_asked_for_once_more_with_more_room() -> None:
    async with FakeProvider() as fake, engine(fake, max_tokens=8000) as (client, _):
        fake.push(Reply("{", finish="length"), {"line": 2, "word": "ready"})
        await client.probe()
        bounds = [seen.body.get("max_tokens") or seen.body["max_completion_tokens"] for seen in fake.requests]
        assert len(bounds) == 2
        assert bounds[0] < bounds[1] == 8000


async def test_a_piece_that_is_too_long_is_asked_about_without_its_context() -> None:
    context = "import os\n" * 50

    def answer(prompt: Prompt) -> Answer:
        if "import os" in prompt.text:
            return fake_faults.status(400, "context_length_exceeded")
        return reviewer()(prompt)

    async with FakeProvider(answer) as fake, engine(fake) as (client, steps):
        batch = await client.process_pieces([Piece(CODE, "python", context)])
        assert len(fake.requests) == 2
        assert batch.pieces[0].answered_by
        assert steps.kinds == [Kind.NO_CONTEXT]


async def test_a_request_that_is_larger_than_a_minute_is_halved() -> None:
    too_large = fake_faults.status(
        429, "rate_limit_exceeded", message="Request too large for fake-1 on tokens per min (TPM): Limit 10"
    )
    pieces = [Piece(CODE.replace("mean", f"mean{n}"), "python") for n in range(4)]
    async with planted() as fake, engine(fake) as (client, steps):
        fake.push(too_large)
        batch = await client.process_pieces(pieces)
        assert len(fake.requests) == 3
        assert [len(piece.findings) for piece in batch.pieces] == [1] * 4
        assert steps.kinds == [Kind.FEWER_UNITS]


async def test_a_key_goes_nowhere_new_without_consent(tmp_path: Path) -> None:
    consents, steps = Consents(tmp_path / "consents.json"), Steps()
    pool = KeyPool(FixedKeys([Key(FIRST, "environment variable OPENAI_API_KEY")]))
    async with FakeProvider() as fake:
        elsewhere = config(fake, base_url="https://models.example.com/v1")
        async with OpenAIClient(elsewhere, keys=pool, consents=consents, observer=steps) as client:
            with pytest.raises(
                ConfigError, match=r"kibitz key allow https://models\.example\.com:443"
            ) as error:
                await client.process_code(CODE)
            assert error.value.code == CONSENT
            assert steps.unconsented_at == ["https://models.example.com:443"]
            consents.allow("https://models.example.com:443", "environment variable OPENAI_API_KEY")
            with pytest.raises(APIError, match="cannot be reached"):
                await client.process_code(CODE)
        assert not fake.requests


async def test_a_missing_consent_is_told_though_another_endpoint_answers(tmp_path: Path) -> None:
    steps = Steps()
    pool = KeyPool(FixedKeys([Key(FIRST, "a test")]))
    async with planted() as fake:
        elsewhere = config(fake, base_url="https://models.example.com/v1", fallback_base_url=fake.base_url)
        consents = Consents(tmp_path / "consents.json")
        async with OpenAIClient(elsewhere, keys=pool, consents=consents, observer=steps) as client:
            assert (await client.process_code(CODE)).findings
    assert steps.unconsented_at == ["https://models.example.com:443"]
    assert steps.kinds == [Kind.FALLBACK_ENDPOINT]


async def test_status_tells_all_and_no_key() -> None:
    async with (
        FakeProvider(by_key(first=fake_faults.status(401))) as fake,
        engine(fake, FIRST, SECOND, fallback_model="other") as (client, _),
    ):
        await client.process_code(CODE)
        status = client.status()
        assert isinstance(status, EngineStatus)
        assert [target.name.partition(" ")[0] for target in status.targets] == ["gpt-6-luna", "other"]
        assert [key.state.value for key in status.targets[0].keys] == ["refused", "in use"]
        assert status.steps[0].kind is Kind.NEXT_KEY
        assert FIRST not in repr(status)
        assert SECOND not in repr(status)


async def test_keys_can_be_looked_for_again() -> None:
    async with FakeProvider(key=SECOND) as fake, engine(fake, FIRST) as (client, _):
        with pytest.raises(ConfigError):
            await client.process_code(CODE)
        fake.key = FIRST
        with pytest.raises(ConfigError, match="kibitz key status"):
            await client.process_code(CODE)
        await client.reload_keys()
        await client.process_code(CODE)
