"""What a request took, by piece: the parts add up to the whole."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.provider.clients import client
from tests.support import fake_faults
from tests.support.fake_provider import FakeProvider, Reply, reviewer

from kibitz.provider.config import RetryConfig
from kibitz.provider.models import Piece, PieceAnalysis, Usage
from kibitz.provider.shares import shares

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.fake_provider import Prompt

COUNTS = st.integers(0, 10**9)
USAGES = st.builds(
    Usage,
    *[COUNTS] * 6,
    st.none() | st.decimals(0, 1000, places=9),
)
PIECES = [
    Piece("def plus(a, b):\n    return a - b  # BUG: - => +\n", "python"),
    Piece("def quiet():\n    return 1\n" * 5, "python", "import os\n"),
    Piece("def minus(a, b):\n    return a + b  # BUG: + => -\n", "python"),
]


def total(parts: Iterable[Usage]) -> Usage:
    return sum(parts, start=Usage())


@given(USAGES, st.lists(COUNTS, min_size=1, max_size=50))
def test_shares_add_up_exactly(usage: Usage, weights: list[int]) -> None:
    parts = shares(usage, weights)
    assert len(parts) == len(weights)
    assert total(parts) == usage or usage.is_nothing
    assert all(getattr(part, name) >= 0 for part in parts for name in ("input_tokens", "output_tokens"))


@given(USAGES, st.lists(st.integers(1, 10**6), min_size=1, max_size=50))
def test_a_share_goes_by_weight(usage: Usage, weights: list[int]) -> None:
    for part, weight in zip(shares(usage, weights), weights, strict=True):
        assert abs(part.input_tokens - usage.input_tokens * weight / sum(weights)) < 2


def test_the_price_of_a_share_without_a_request_of_its_own_counts() -> None:
    parts = shares(Usage(1, 100, cost_usd=Decimal("0.3")), [1, 1, 1])
    assert [part.requests for part in parts] == [0, 0, 1]
    assert [part.cost_usd for part in parts] == [Decimal("0.1")] * 3
    assert total(parts).cost_usd == Decimal("0.3")


def test_nothing_asked_leaves_a_price_known_and_an_unknown_one_does_not() -> None:
    known = Usage(1, 10, cost_usd=Decimal(1))
    assert (known + Usage()).cost_usd == Decimal(1)
    assert (known + Usage(input_tokens=1)).cost_usd is None


async def paid(fake: FakeProvider, pieces: list[Piece] = PIECES, **changes: Any) -> tuple[Usage, Usage]:
    """What the pieces say that was paid for them, and what the call says."""
    landed: dict[int, PieceAnalysis] = {}
    async with client(fake, **changes) as tested:
        batch = await tested.process_pieces(pieces, on_piece=landed.__setitem__)
    assert [landed[index] for index in range(len(pieces))] == list(batch.pieces)
    assert all(piece.paid.input_tokens > 0 for piece in batch.pieces)
    return total(piece.paid for piece in batch.pieces), batch.usage


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"max_request_tokens": 64},
        {"verify": "on"},
        {"verify": "on", "max_request_tokens": 64, "verify_model": "fake-2"},
        {"review": "rewrite"},
        {"review": "rewrite", "verify": "on"},
    ],
    ids=str,
)
async def test_the_pieces_of_a_call_add_up_to_its_usage(changes: dict[str, Any]) -> None:
    async with FakeProvider() as fake:
        pieces, call = await paid(fake, **changes)
        assert call.requests == len(fake.requests) > 0
    assert pieces == call


async def test_what_halving_took_in_vain_is_nobodys_share() -> None:
    def answer(prompt: Prompt) -> Reply:
        halved = "def plus" in prompt.text and "def minus" in prompt.text
        return replace(reviewer()(prompt), finish="length" if halved else "stop")

    async with FakeProvider(answer) as fake:
        pieces, call = await paid(fake)
        assert len(fake.requests) == 3
    assert pieces.requests == 2
    assert call.requests == 3


async def test_a_failed_attempt_is_nobodys_share() -> None:
    async with FakeProvider() as fake:
        fake.push(fake_faults.status(500))
        pieces, call = await paid(fake, retry_config=RetryConfig(max_retries=1, initial_backoff_ms=0))
        assert (pieces.requests, call.requests) == (1, 2)
        assert pieces.input_tokens == call.input_tokens


async def test_what_was_found_before_brings_its_share_along() -> None:
    async with FakeProvider() as fake, client(fake, verify="on-demand") as tested:
        before = await tested.process_pieces(PIECES)
        known = dict(enumerate(before.pieces))
        after = await tested.process_pieces(PIECES, verify=True, known=known)
        assert total(piece.paid for piece in after.pieces) == before.usage + after.usage
