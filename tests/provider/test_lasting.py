"""Which piece fails how, and for good or not: over real HTTP, proved by the requests that arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.provider.clients import client
from tests.support import fake_faults
from tests.support.fake_provider import FakeProvider, Reply, reviewer

from kibitz.provider.errors import (
    APIError,
    ConfigError,
    InvalidResponse,
    OpenAIError,
    RateLimitExceeded,
    Timeout,
)
from kibitz.provider.lasting import lasting
from kibitz.provider.models import Piece

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tests.support.fake_provider import Answer, Prompt

PIECES = [Piece(f"def f{n:02}(a, b):\n    return a - b  # BUG: - => +\n", "python") for n in range(16)]
CONTEXT = "import os\n" * 50
FILTERED = fake_faults.status(400, "content_filter")
BAD = fake_faults.status(400, "invalid_request_error", message="no")


def refusing(answer: Callable[[Prompt], Answer], *guilty: int) -> Callable[[Prompt], Answer]:
    """A provider that gives ``answer`` to requests which hold a guilty piece."""

    def reply(prompt: Prompt) -> Answer:
        return answer(prompt) if any(f"def f{n:02}(" in prompt.text for n in guilty) else reviewer()(prompt)

    return reply


async def ask(
    fake: FakeProvider, pieces: list[Piece] = PIECES, **changes: Any
) -> tuple[dict[int, OpenAIError], set[int]]:
    """Why which pieces failed, and which were answered."""
    failures: dict[int, OpenAIError] = {}
    answered: set[int] = set()
    async with client(fake, **changes) as tested:
        with pytest.raises(OpenAIError) as raised:
            await tested.process_pieces(
                pieces, on_piece=lambda index, _: answered.add(index), on_failure=failures.__setitem__
            )
    assert raised.value in failures.values()
    assert answered.isdisjoint(failures)
    return failures, answered


def others(guilty: Collection[int]) -> set[int]:
    return set(range(len(PIECES))) - set(guilty)


ANSWERS: dict[str, Callable[[Prompt], Answer]] = {
    "refused": lambda _: Reply("", refusal="no"),
    "stopped by a filter": lambda prompt: reviewer()(prompt).but(finish="content_filter"),
    "filtered before the model": lambda _: FILTERED,
    "a bad request": lambda _: BAD,
    "not processable": lambda _: fake_faults.status(422, message="no"),
    "too long": lambda _: fake_faults.status(400, "context_length_exceeded"),
    "cut off": lambda prompt: reviewer()(prompt).but(finish="length"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("guilty", [0, 9, 15])
async def test_the_one_guilty_piece_is_found_and_all_others_are_answered(
    answer: Callable[[Prompt], Answer], guilty: int
) -> None:
    async with FakeProvider(refusing(answer, guilty)) as fake:
        failures, answered = await ask(fake)
        assert len(fake.requests) == 9, "one, and two for each of four halvings"
    assert failures.keys() == {guilty}
    assert answered == others({guilty})
    assert lasting(failures[guilty])


async def test_two_that_are_refused_are_found_too() -> None:
    async with FakeProvider(refusing(lambda _: FILTERED, 3, 12)) as fake:
        failures, answered = await ask(fake)
    assert answered == others({3, 12})
    assert failures.keys() == {3, 12}
    assert all(map(lasting, failures.values()))


async def test_the_search_ends_where_everything_is_refused() -> None:
    async with FakeProvider(lambda _: FILTERED) as fake:
        failures, _ = await ask(fake)
        assert len(fake.requests) <= 4 * 5 + 2
    assert failures.keys() == set(range(16))
    assert not any(lasting(error) for error in failures.values() if error.pieces > 1)


async def test_a_bad_request_that_is_for_no_piece_is_not_looked_for() -> None:
    async with FakeProvider(lambda _: BAD) as fake:
        failures, _ = await ask(fake)
        assert len(fake.requests) == 3, "both halves fail alike: it must be something else"
    assert failures.keys() == set(range(16))
    assert not any(map(lasting, failures.values()))


async def test_a_bad_request_about_one_piece_alone_proves_nothing() -> None:
    async with FakeProvider(lambda _: BAD) as fake:
        failures, _ = await ask(fake, PIECES[:1])
        assert len(fake.requests) == 1
    assert not lasting(failures[0])


@pytest.mark.parametrize("answer", [FILTERED, Reply("", refusal="no")])
async def test_a_refusal_of_one_piece_alone_lasts(answer: Answer) -> None:
    async with FakeProvider(lambda _: answer) as fake:
        failures, _ = await ask(fake, PIECES[:1])
    assert lasting(failures[0])


async def test_a_piece_that_is_too_long_lasts_only_once_its_context_is_no_excuse() -> None:
    too_long = fake_faults.status(400, "context_length_exceeded")
    async with FakeProvider(lambda _: too_long) as fake:
        failures, _ = await ask(fake, [Piece(PIECES[0].text, "python", CONTEXT)])
        assert len(fake.requests) == 2
    assert lasting(failures[0])


PASSING: dict[str, Answer] = {
    "a limit": fake_faults.status(429),
    "no credit": fake_faults.status(429, "insufficient_quota"),
    "more than a minute's tokens": fake_faults.status(429, message="Request too large for fake-1"),
    "a key": fake_faults.status(401),
    "no permission": fake_faults.status(403),
    "no model": fake_faults.status(404, "model_not_found"),
    "a broken server": fake_faults.status(500),
    "a server that does not do it": fake_faults.status(501),
    "no JSON": Reply("sorry?"),
    "nothing": Reply(""),
    "a cut connection": fake_faults.reset(),
}


@pytest.mark.parametrize("answer", PASSING.values(), ids=PASSING)
async def test_what_may_pass_is_told_of_every_piece_and_does_not_last(answer: Answer) -> None:
    async with FakeProvider(lambda _: answer) as fake:
        failures, _ = await ask(fake, PIECES[:1], timeout_ms=2000)
    assert failures.keys() == {0}
    assert not lasting(failures[0])


@pytest.mark.parametrize(
    "error",
    [
        Timeout("slow", after_ms=1),
        RateLimitExceeded("later", code="content_filter"),
        ConfigError("wrong", code="invalid_prompt", status=400),
        APIError("refused", code="content_filter", retryable=True),
        InvalidResponse("odd", code="malformed"),
        APIError("away", code="unreachable"),
        APIError("bad", status=400),
    ],
)
def test_what_another_key_setting_or_time_may_change_does_not_last(error: OpenAIError) -> None:
    assert not lasting(error)


async def test_in_rewrite_mode_each_piece_fails_by_itself() -> None:
    async with FakeProvider(refusing(lambda _: Reply("", refusal="no"), 1)) as fake:
        failures, answered = await ask(fake, PIECES[:3], review="rewrite")
    assert answered == {0, 2}
    assert failures.keys() == {1}
    assert lasting(failures[1])


async def test_a_piece_that_is_not_sent_fails_and_costs_nothing() -> None:
    secrets = "\n".join(f'KEY_{n} = "AKIAQ3EGRIXJ5ZQ7W{n:03}"' for n in range(100, 200))
    pieces = [PIECES[0], Piece(secrets, "python")]
    async with FakeProvider() as fake:
        failures, answered = await ask(fake, pieces)
        assert len(fake.requests) == 1
    assert failures.keys() == {1}
    assert answered == {0}
    assert not lasting(failures[1]), "it is found again at no cost"
