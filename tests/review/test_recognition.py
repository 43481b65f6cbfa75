"""Documents that were reviewed as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.review.test_sharing import IDENTITY, Client, document
from tests.support.answers import answers, kept_in
from tests.support.tiers import MemoryTier

from kibitz.cache.tier import Kept
from kibitz.provider.errors import APIError
from kibitz.review import splits
from kibitz.review.reviewer import Reviewer, ReviewSettings, Source
from kibitz.telemetry.cachecounts import CacheCounts
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from kibitz.provider.models import PieceAnalysis

SOURCE = document(a="bug", b="good", c="good")


def restarted(client: Client, disk: MemoryTier, **how: Any) -> Reviewer:
    return Reviewer(client, answers(kept_in(disk)), IDENTITY, **how)


def parses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*_: object) -> None:
        raise AssertionError("it was parsed")

    monkeypatch.setattr(splits, "entries_of", parse)


async def reviewed(disk: MemoryTier, source: Source = SOURCE, client: Client | None = None) -> Client:
    client = client or Client()
    reviewer = restarted(client, disk)
    await reviewer.review(source)
    await reviewer.aclose()
    client.asked.clear()
    return client


def records(disk: MemoryTier) -> list[str]:
    return [digest for digest, kept in disk.rows.items() if kept.value.startswith('{"whole"')]


async def test_what_was_reviewed_as_it_is_is_not_even_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = MemoryTier()
    client = await reviewed(disk)
    parses_nothing(monkeypatch)
    reviewer = restarted(client, disk)
    again = await reviewer.review(SOURCE)
    assert [finding.span.of(SOURCE.text) for finding in again.findings] == ["bug"]
    assert (again.stats.units, again.stats.cached_units, again.complete) == (3, 3, True)
    assert await reviewer.missing(SOURCE) == ([], 3)
    assert client.asked == []


async def test_other_settings_show_other_findings_of_what_is_recognised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = MemoryTier()
    client = await reviewed(disk)
    parses_nothing(monkeypatch)
    hidden = ReviewSettings(rules_off=frozenset({"wrong-value"}))
    review = await restarted(client, disk, settings=hidden).review(SOURCE)
    assert (review.findings, review.stats.hidden) == ((), 1)


async def test_units_of_files_that_are_recognised_count_as_known() -> None:
    disk = MemoryTier()
    client = await reviewed(disk)
    counts: dict[str, CacheCounts] = {}
    known = answers(kept_in(disk))
    known._count = lambda tier, more: counts.update({tier: counts.get(tier, CacheCounts()) + more})
    await Reviewer(client, known, IDENTITY).review(SOURCE)
    assert counts["disk"].hits == 3
    assert sum(count.misses for count in counts.values()) == 0


@pytest.mark.parametrize("lost", ["answer", "age", "nonsense", "elsewhere"])
async def test_what_is_not_all_there_is_looked_up_unit_by_unit(lost: str) -> None:
    disk = MemoryTier()
    client = await reviewed(disk)
    (record,) = records(disk)
    row = disk.rows[record]
    match lost:
        case "answer":
            found = next(digest for digest, kept in disk.rows.items() if '"rule"' in kept.value)
            del disk.rows[found]
        case "age":
            disk.rows[record] = replace(row, fresh_s=-1)
        case "nonsense":
            disk.rows[record] = Kept("{}", 10, 10)
        case _:
            disk.rows[record] = replace(row, value=row.value.replace("[[0,", "[[1,"))
    review = await restarted(client, disk).review(SOURCE)
    assert len(review.findings) == 1
    # An answer about another place than the record says is none, and has to be asked for again.
    assert client.asked == (["a"] if lost in {"answer", "elsewhere"} else [])


class Substitute(Client):
    def analyse(self, text: str) -> PieceAnalysis:
        return replace(super().analyse(text), answered_by="another")


@pytest.mark.parametrize("client", [Substitute(), Client(errors={"good": APIError("no", retryable=True)})])
async def test_what_left_something_open_is_not_remembered_as_a_whole(client: Client) -> None:
    disk = MemoryTier()
    await reviewed(disk, client=client)
    assert records(disk) == []


async def test_an_empty_document_is_recognised_too() -> None:
    disk = MemoryTier()
    await reviewed(disk, Source("# nothing\n", "python"))
    assert len(records(disk)) == 1


async def test_another_language_or_identity_is_another_document() -> None:
    disk = MemoryTier()
    client = await reviewed(disk)
    await restarted(client, disk).review(replace(SOURCE, language="ruby"))
    asked = len(client.asked)
    assert asked
    await Reviewer(client, answers(kept_in(disk)), replace(IDENTITY, model="other")).review(SOURCE)
    assert len(client.asked) == asked + 3


async def test_of_a_document_only_the_wanted_parts_are_asked_about() -> None:
    disk = MemoryTier()
    client = Client()
    at = SOURCE.text.index("bug")
    part = replace(SOURCE, parts=(Span(at, at + 1),))
    reviewer = restarted(client, disk)
    review = await reviewer.review(part)
    assert [finding.span.of(SOURCE.text) for finding in review.findings] == ["bug"]
    assert (review.stats.units, review.complete, review.unreviewed) == (1, True, ())
    assert len(client.asked) == 1
    assert (await reviewer.review(replace(SOURCE, parts=()))).stats.units == 0
    await reviewer.aclose()
    assert records(disk) == [], "of the whole, nothing is known"
    await reviewed(disk, client=client)
    assert len(records(disk)) == 1


async def test_what_is_known_as_a_whole_serves_for_its_parts_too() -> None:
    disk = MemoryTier()
    client = await reviewed(disk)
    review = await restarted(client, disk).review(replace(SOURCE, parts=(Span(0, 1),)))
    assert len(review.findings) == 1
    assert client.asked == []
