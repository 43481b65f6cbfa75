from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tests.support.clock import FakeClock
from tests.support.reviewing import FakeOutcome, marked

from kibitz.lsp.capabilities import Client
from kibitz.lsp.documents import Document, Documents
from kibitz.lsp.publisher import REFRESH_SECONDS, Publisher
from kibitz.text.lines import Encoding, Position
from kibitz.text.snapshot import TextChange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lsprotocol import types

URI = "untitled:a.py"


@dataclass
class Screen:
    sent: list[tuple[str, int | None, int]] = field(default_factory=list)
    refreshed: int = 0

    def publish(self, uri: str, version: int | None, diagnostics: Sequence[types.Diagnostic]) -> None:
        self.sent.append((uri, version, len(diagnostics)))

    def refresh(self) -> None:
        self.refreshed += 1


class Desk:
    """A publisher with one document."""

    def __init__(self, text: str = "x = bug1\n") -> None:
        self.screen, self.clock, self.documents = Screen(), FakeClock(), Documents()
        self.publisher = Publisher(self.screen, Client(), self.clock)
        self.document: Document = self.documents.open(URI, 1, "python", text)

    def find(self) -> None:
        run = self.document.begin()
        self.document.land(run, FakeOutcome(marked(self.document.snapshot.text)), final=True)
        self.publisher.publish(self.document)

    def type(self, at: Position, text: str) -> None:
        version = self.document.snapshot.version + 1
        self.documents.change(URI, version, [TextChange((at, at), text)], Encoding.UTF16)
        self.publisher.publish(self.document)

    def pull(self, previous: str | None = None) -> tuple[str | None, int | None]:
        report = self.publisher.report(self.document, previous)
        items = getattr(report, "items", None)
        return report.result_id, None if items is None else len(items)

    def rest(self) -> int:
        """How often the editor was told to ask again, once time has passed."""
        self.clock.advance(10 * REFRESH_SECONDS)
        return self.screen.refreshed


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_only_what_changed_is_sent_with_the_version_it_is_for(desk: Desk) -> None:
    desk.publisher.publish(desk.document)
    desk.find()
    desk.find()
    assert desk.screen.sent == [(URI, 1, 1)]
    desk.type(Position(0, 0), "\n")
    assert desk.screen.sent[1:] == [(URI, 2, 1)]
    desk.publisher.clear(desk.document)
    assert desk.screen.sent[2:] == [(URI, None, 0)]
    assert desk.rest() == 0


def test_what_stays_by_somebody_elses_word_is_not_cleared(desk: Desk) -> None:
    desk.find()
    desk.publisher.clear(desk.document, stays=True)
    assert desk.screen.sent == [(URI, 1, 1)]


def test_who_pulls_is_told_once_of_news_and_sent_nothing(desk: Desk) -> None:
    desk.publisher.switch(pulls=True, documents=[desk.document])
    assert desk.rest() == 0, "there is nothing"
    desk.find()
    desk.find()
    assert desk.rest() == 1
    assert desk.pull()[1] == 1
    desk.find()
    desk.type(Position(0, 0), "\n")
    assert desk.rest() == 1, "it has moved what it shows, and asks when it likes"
    desk.document.forget()
    desk.publisher.publish(desk.document)
    assert desk.rest() == 2
    assert desk.screen.sent == []


def test_results_are_the_same_only_if_all_that_is_shown_is(desk: Desk) -> None:
    desk.publisher.switch(pulls=True, documents=[])
    nothing, _ = desk.pull()
    assert desk.pull(nothing) == (nothing, None)
    desk.find()
    one, count = desk.pull(nothing)
    assert (one != nothing, count) == (True, 1)
    desk.type(Position(0, 0), " ")
    assert desk.pull(one)[1] == 1, "it moved"


def test_who_is_about_to_be_sent_them_hears_of_none(desk: Desk) -> None:
    desk.publisher.switch(pulls=True, documents=[])
    desk.find()
    known, _ = desk.pull()
    desk.publisher.withholds = True
    assert desk.pull(known)[1] == 0


def test_a_switch_clears_what_came_by_the_other_way(desk: Desk) -> None:
    desk.find()
    desk.publisher.switch(pulls=True, documents=[desk.document])
    assert desk.screen.sent == [(URI, 1, 1), (URI, None, 0)]
    assert desk.rest() == 1
    desk.publisher.switch(pulls=True, documents=[desk.document])
    desk.publisher.switch(pulls=False, documents=[desk.document])
    assert desk.screen.sent[2:] == [(URI, 1, 1)]


def test_a_closed_document_is_cleared_by_whoever_pulled_it(desk: Desk) -> None:
    desk.publisher.switch(pulls=True, documents=[desk.document])
    desk.find()
    desk.publisher.clear(desk.document)
    assert desk.screen.sent == []
