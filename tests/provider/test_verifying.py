"""The second stage of a review, through the real SDK and a real socket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.provider.clients import KEY_IN_CODE, client
from tests.support import fake_faults
from tests.support.fake_provider import Bug, FakeProvider, Prompt, Reply, reviewer

from kibitz.findings.verify import ANSWER_TOKENS
from kibitz.provider.errors import APIError
from kibitz.provider.models import Piece, PieceAnalysis

if TYPE_CHECKING:
    from tests.support.fake_provider import Seen

GOOD = Bug("a - b", "a + b", title="Minus in place of plus")
BAD = Bug("a < b", "a <= b", title="Equality is forgotten")
PIECES = (
    Piece("def plus(a, b):\n    return a - b\n", "python"),
    Piece("def quiet(a):\n    return a\n", "python"),
    Piece("def both(a, b):\n    c = a - b\n    return c if a < b else b\n", "python"),
)
REFUTES = ("Equality",)


def provider(**changes: Any) -> FakeProvider:
    return FakeProvider(reviewer(GOOD, BAD, refuted=REFUTES), **changes)


def questions(fake: FakeProvider) -> list[Seen]:
    """The requests that put claims to a verifier."""
    return [seen for seen in fake.requests if "verdicts" in (seen.prompt.schema or {}).get("properties", {})]


def claims(seen: Seen) -> int:
    return seen.prompt.text.count("\n?| ")


def titles(analysis: PieceAnalysis) -> list[str]:
    return [finding.title for finding in analysis.findings]


async def test_what_is_refuted_is_dropped_and_counted() -> None:
    async with provider() as fake, client(fake, verify="on") as tested:
        batch = await tested.process_pieces(PIECES)
        (asked,) = questions(fake)
        assert claims(asked) == 3
    assert [titles(piece) for piece in batch.pieces] == [[GOOD.title], [], [GOOD.title]]
    assert [piece.dropped.get("refuted", 0) for piece in batch.pieces] == [0, 0, 1]
    checked = batch.verification
    assert (checked.confirmed, checked.refuted, checked.unanswered, checked.errors) == (2, 1, 0, ())
    assert checked.usage.requests == 1
    assert checked.usage.input_tokens > 0
    assert batch.usage.requests == 2
    assert batch.usage.input_tokens > checked.usage.input_tokens


async def test_the_verifier_sees_pieces_with_claims_only_and_no_fix() -> None:
    async with provider() as fake, client(fake, verify="on") as tested:
        await tested.process_pieces(PIECES)
        text = questions(fake)[0].prompt.text
    assert "def quiet" not in text
    assert "a + b" not in text
    assert "?| 1 (line 2, " in text
    assert "?| 2 (line 4, " in text, "lines are numbered on over the pieces that are shown"


async def test_a_piece_without_findings_is_there_before_the_others_are_checked() -> None:
    order: list[int] = []
    async with provider() as fake, client(fake, verify="on") as tested:

        def on_piece(index: int, _: PieceAnalysis) -> None:
            order.append(index)
            assert bool(questions(fake)) == (index != 1)

        await tested.process_pieces(PIECES, on_piece=on_piece)
    assert order == [1, 0, 2]


async def test_a_rewrite_is_verified_too() -> None:
    async with provider() as fake, client(fake, verify="on", review="rewrite") as tested:
        batch = await tested.process_pieces(PIECES)
        (asked,) = questions(fake)
        assert claims(asked) == sum(len(piece.findings) for piece in batch.pieces) > 0


@pytest.mark.parametrize(
    ("verify", "asked", "checked"),
    [("off", True, 0), ("on", False, 1), ("on-demand", False, 0), ("on-demand", True, 1)],
)
async def test_who_asks_for_it_gets_it(verify: str, *, asked: bool, checked: int) -> None:
    async with provider() as fake, client(fake, verify=verify) as tested:
        await tested.process_pieces(PIECES, verify=asked)
        assert len(questions(fake)) == checked


async def test_code_that_is_asked_about_by_itself_is_asked_for_on_demand() -> None:
    async with provider() as fake, client(fake, verify="on-demand") as tested:
        analysis = await tested.process_code(PIECES[2].text)
    assert (analysis.verification.confirmed, analysis.verification.refuted) == (1, 1)


async def test_nothing_is_asked_where_nothing_was_found() -> None:
    async with provider() as fake, client(fake, verify="on") as tested:
        batch = await tested.process_pieces(PIECES[1:2])
        assert len(fake.requests) == 1
    assert batch.verification.usage.requests == 0


async def test_what_was_found_before_is_only_checked() -> None:
    async with provider() as fake, client(fake, verify="on-demand") as tested:
        before = await tested.process_pieces(PIECES)
        known = {0: before.pieces[0], 2: before.pieces[2]}
        batch = await tested.process_pieces(PIECES, verify=True, known=known)
        assert len(fake.requests) == 3
        assert "def quiet" in fake.requests[1].prompt.text
        assert "def plus" not in fake.requests[1].prompt.text
    assert [titles(piece) for piece in batch.pieces] == [[GOOD.title], [], [GOOD.title]]


async def test_claims_share_requests_up_to_the_limits() -> None:
    pieces = PIECES[:1] * 6
    async with provider() as fake, client(fake, verify="on", max_tokens=2 * ANSWER_TOKENS) as tested:
        await tested.process_pieces(pieces)
        assert [claims(seen) for seen in questions(fake)] == [2, 2, 2]
    async with provider() as fake, client(fake, verify="on", max_request_tokens=64) as tested:
        await tested.process_pieces(pieces)
        assert [claims(seen) for seen in questions(fake)] == [1] * 6


async def test_another_model_verifies_if_one_is_named() -> None:
    async with provider() as fake, client(fake, verify="on", model="finds", verify_model="checks") as tested:
        batch = await tested.process_pieces(PIECES)
        assert [seen.body["model"] for seen in fake.requests] == ["finds", "checks"]
        assert [target.name.split()[0] for target in tested.status().targets] == ["finds", "checks"]
    assert batch.model == "finds"
    assert all(not piece.answered_by for piece in batch.pieces)


async def test_a_verifier_that_is_missing_is_stood_in_for_and_named() -> None:
    def answer(prompt: Prompt) -> Any:
        if prompt.body["model"] == "checks":
            return fake_faults.status(404, "model_not_found")
        return reviewer(GOOD, BAD, refuted=REFUTES)(prompt)

    async with (
        FakeProvider(answer) as fake,
        client(fake, verify="on", model="finds", verify_model="checks") as tested,
    ):
        batch = await tested.process_pieces(PIECES)
        (step,) = tested.status().steps[:1]
    assert "verify_model" in step.message
    assert batch.verification.refuted == 1
    assert [bool(piece.answered_by) for piece in batch.pieces] == [True, False, True]


@pytest.mark.parametrize(
    "answer",
    [
        {"verdicts": []},
        {"verdicts": [{"claim": 7, "trace": "x", "verdict": "refuted"}]},
        {
            "verdicts": [
                {"claim": 1, "trace": "x", "verdict": "refuted"},
                {"claim": 1, "trace": "x", "verdict": "confirmed"},
            ]
        },
    ],
)
async def test_what_is_not_clearly_refuted_stays(answer: dict[str, Any]) -> None:
    def say(prompt: Prompt) -> Any:
        verifying = "verdicts" in (prompt.schema or {}).get("properties", {})
        return answer if verifying else reviewer(GOOD)(prompt)

    async with FakeProvider(say) as fake, client(fake, verify="on") as tested:
        batch = await tested.process_pieces(PIECES[:1])
    assert titles(batch.pieces[0]) == [GOOD.title]
    assert batch.verification.refuted == 0
    assert batch.verification.confirmed + batch.verification.unanswered == 1


@pytest.mark.parametrize(
    "fault",
    [
        fake_faults.status(500),
        fake_faults.status(429, "insufficient_quota"),
        fake_faults.status(403),
        fake_faults.body("{}"),
        fake_faults.html(),
        fake_faults.truncated(),
        Reply("no JSON"),
        Reply('{"verdicts": 7}'),
        Reply("", refusal="no"),
    ],
)
async def test_findings_stay_when_the_verifier_fails_and_the_failure_is_told(fault: Any) -> None:
    def say(prompt: Prompt) -> Any:
        verifying = "verdicts" in (prompt.schema or {}).get("properties", {})
        return fault if verifying else reviewer(GOOD)(prompt)

    async with FakeProvider(say) as fake, client(fake, verify="on") as tested:
        batch = await tested.process_pieces(PIECES)
    assert [len(piece.findings) for piece in batch.pieces] == [1, 0, 1]
    assert [piece.unverified for piece in batch.pieces] == [True, False, True]
    assert not any(piece.answered_by for piece in batch.pieces)
    (error,) = batch.verification.errors
    assert type(error) is APIError
    assert "could not be verified" in str(error)
    assert batch.verification.unanswered == 2
    assert batch.verification.usage.requests >= 1


async def test_an_answer_that_is_cut_off_is_asked_for_in_halves() -> None:
    def say(prompt: Prompt) -> Any:
        reply = reviewer(GOOD, BAD, refuted=REFUTES)(prompt)
        verifying = "verdicts" in (prompt.schema or {}).get("properties", {})
        return reply.but(finish="length") if verifying and prompt.text.count("\n?| ") > 2 else reply

    async with (
        FakeProvider(say) as fake,
        client(fake, verify="on") as tested,
    ):
        batch = await tested.process_pieces(PIECES)
        assert [claims(seen) for seen in questions(fake)][-2:] == [1, 2]
    assert (batch.verification.confirmed, batch.verification.refuted) == (2, 1)


async def test_a_piece_that_failed_does_not_keep_others_from_being_checked() -> None:
    landed: dict[int, PieceAnalysis] = {}
    many = Piece("".join(f"k{i} = 'AKIA{i:016d}'\n" for i in range(3000)), "python")
    async with provider() as fake, client(fake, verify="on") as tested:
        with pytest.raises(APIError) as caught:
            await tested.process_pieces([many, PIECES[2]], on_piece=landed.__setitem__)
    assert titles(landed[1]) == [GOOD.title]
    assert caught.value.verification is not None
    assert caught.value.verification.refuted == 1


async def test_secrets_stay_hidden_from_the_verifier_and_come_back() -> None:
    code = f'def f(a, b):\n    key = "{KEY_IN_CODE}"; return a - b\n'
    async with provider() as fake, client(fake, verify="on") as tested:
        batch = await tested.process_pieces([Piece(code, "python")])
        assert len(questions(fake)) == 1
        assert KEY_IN_CODE not in json.dumps([seen.body for seen in fake.requests])
    (finding,) = batch.pieces[0].findings
    assert KEY_IN_CODE in finding.quote


async def test_with_a_verifier_nothing_is_shown_early() -> None:
    early: list[int] = []
    async with provider() as fake, client(fake, verify="on") as tested:
        await tested.process_pieces(PIECES, on_finding=lambda index, _: early.append(index))
        assert not any("stream" in seen.body for seen in fake.requests)
    assert early == []
