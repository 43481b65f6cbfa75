from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.review.test_sharing import IDENTITY, Client, document
from tests.support.answers import answers, kept_in
from tests.support.tiers import MemoryTier

from kibitz.review import entries, splits
from kibitz.review.reviewer import Reviewer
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from kibitz.review.entries import Entry

SOURCE = document(a="bug", b="good", c="good")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were split, in order."""
    texts: list[str] = []
    real = entries.entries_of

    def entries_of(text: str, *rest: Any, **how: Any) -> tuple[Entry, ...]:
        texts.append(text)
        return real(text, *rest, **how)

    monkeypatch.setattr(splits, "entries_of", entries_of)
    return texts


async def test_what_is_prepared_is_split_once_and_reviewed_as_ever(read: list[str]) -> None:
    client = Client()
    reviewer = Reviewer(client, answers(), IDENTITY)
    await reviewer.prepare(SOURCE)
    assert client.asked == [], "nothing is sent before the review"
    prepared = await reviewer.review(SOURCE)
    assert read == [SOURCE.text]
    assert prepared.findings == (await Reviewer(Client(), answers(), IDENTITY).review(SOURCE)).findings
    assert len(prepared.findings) == 1
    read.clear()
    await reviewer.review(SOURCE)
    assert read == [SOURCE.text], "it is kept for one review"
    await reviewer.aclose()


@pytest.mark.parametrize("other", [replace(SOURCE, edited=(Span(0, 3),)), document(a="good", b="bug")])
async def test_what_is_prepared_for_something_else_is_not_used(other: Any, read: list[str]) -> None:
    reviewer = Reviewer(Client(), answers(), IDENTITY)
    await reviewer.prepare(SOURCE)
    await reviewer.prepare(SOURCE)
    await reviewer.review(other)
    await reviewer.review(SOURCE)
    assert sorted(read) == sorted([SOURCE.text, other.text]), "it waits for its own review"
    await reviewer.aclose()


async def test_what_is_known_as_a_whole_is_not_prepared(read: list[str]) -> None:
    reviewer = Reviewer(Client(), answers(kept_in(MemoryTier())), IDENTITY)
    await reviewer.review(SOURCE)
    await reviewer.save()
    read.clear()
    before = reviewer.cache_stats()
    await reviewer.prepare(SOURCE)
    assert (read, reviewer.cache_stats()) == ([], before)
    await reviewer.aclose()
