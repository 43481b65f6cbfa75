"""Whatever an editor, a user and a provider do, in any order: what is shown is true of the text as it is.

Hypothesis plays all three against a session, and holds what the session publishes against a slow, obvious
model of the documents (``Mirror``). A run ends with all questions answered; what is shown then is what a
fresh review finds.
"""

from __future__ import annotations

import asyncio
import logging
from operator import methodcaller
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.support.clock import FakeClock
from tests.support.hints import without_hints
from tests.support.mirror import Mirror, Model, changed, seen
from tests.support.oracle import DISMISSED, HALF_TYPED, Oracle, complaints
from tests.support.texts import encodings, naive_position

from kibitz.lsp.capabilities import Client
from kibitz.lsp.reviews import Defaults
from kibitz.lsp.session import Session
from kibitz.text.lines import Encoding, Position
from kibitz.text.snapshot import TextChange

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.oracle import Question

    Place = tuple[int, tuple[int, int]]

pytestmark = pytest.mark.deep
SHARDS = 4
RUNS = 2000
STEPS = 25
URIS = ("untitled:a.py", "untitled:b.py")
HUGE = 2**31 - 1
_LINES = ("bug1", "    bug1 😀", "é = bug2", "😀 bug3", "x = 1", "", "  y", HALF_TYPED, "bug1 = 'é'")
_WORDS = ("bug1", "bug2", "bug3", "x", " ", "\n", "\r\n", "\r", "😀", "é", "\u2028", "\ud83d", HALF_TYPED)

uris = st.sampled_from(URIS)
any_uri = st.sampled_from((*URIS, None))
numbers = st.integers(0, 9)
snippets = st.lists(st.sampled_from(_WORDS), max_size=3).map("".join)
ends = st.sampled_from(("\n", "\n", "\n", "\r\n", "\r", ""))
texts = st.lists(st.tuples(st.sampled_from(_LINES), ends).map("".join), max_size=8).map("".join)
astray = st.sampled_from(((0, 0),) * 6 + ((0, 1), (0, HUGE), (1, 0), (HUGE, 0)))
places = st.tuples(st.integers(0, 120), astray)
"""An offset (modulo the text's length), and how far beyond in lines and columns: often nothing is there."""
edits = st.tuples(places, places, snippets)
changes = st.lists(st.one_of(edits, edits, edits, texts), min_size=1, max_size=3)
follows = st.sampled_from((1,) * 12 + (2, 0, -1))
"""By how much a version exceeds the one before."""
answers = st.sampled_from(("more",) * 3 + ("whole",) * 3 + ("broken_off", "fails", "wrong"))
triggers = st.sampled_from(("change", "change", "save", "manual"))
mostly = st.sampled_from((True, True, True, False))


class Conversation(RuleBasedStateMachine):
    """One session, from its first document to its last answer."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.trouble: list[object] = []
        self.loop.set_exception_handler(lambda _loop, context: self.trouble.append(context))
        self.clock = FakeClock()
        self.paused, self.knobs = False, Defaults()

    @initialize(encoding=encodings, text=texts)
    def begin(self, encoding: Encoding, text: str) -> None:
        self.do(lambda: self._begin(encoding))
        self.open(URIS[0], text, 0)

    def _begin(self, encoding: Encoding) -> None:
        self.oracle = Oracle()
        self.quotes: dict[str, str] = {}
        self.oracle.quotes = self.quotes
        self.mirror = Mirror(encoding, self.quotes)
        self.session = without_hints(Session(self.mirror, self.clock, Client(encoding=encoding)))
        self.session.use(self.knobs, self.oracle)

    def do(self, something: Callable[[], object]) -> None:
        """Let it happen on the loop, and whatever follows from it at once."""

        async def happen() -> None:
            something()
            for _ in range(12):
                await asyncio.sleep(0)

        self.loop.run_until_complete(happen())

    @property
    def models(self) -> dict[str, Model]:
        return self.mirror.models

    @property
    def active(self) -> bool:
        """Whether anything is reviewed."""
        return self.knobs.enabled and not self.paused

    @property
    def by_itself(self) -> bool:
        """Whether what is typed is reviewed."""
        return self.active and self.knobs.trigger == "change"

    # The editor

    @precondition(lambda self: len(self.models) < len(URIS))
    @rule(uri=uris, text=texts, version=st.integers(-1, 2))
    def open(self, uri: str, text: str, version: int) -> None:
        self.models[uri] = Model(text, version, owed=self.by_itself)
        self.do(lambda: self.session.opened(uri, version, "python", text))

    @rule(uri=uris, wanted=changes, by=follows)
    def change(self, uri: str, wanted: list[tuple[Place, Place, str] | str], by: int) -> None:
        model = self.models.get(uri)
        told, text = [], "" if model is None else model.text
        for each in wanted:
            told.append(self._change(text, each))
            text = changed(text, told[-1], self.mirror.encoding)
        self._tell(uri, told, by)

    @rule(number=numbers, at=numbers, rubbed_out=st.integers(0, 4), text=snippets)
    def type_in_a_finding(self, number: int, at: int, rubbed_out: int, text: str) -> None:
        every = [(uri, each.range) for uri, shown in self.mirror.screen.items() for each in shown]
        if not every:
            self._answer(number, "whole", at)
            return
        uri, where = every[number % len(every)]
        start = Position(where.start.line, where.start.character + at)
        self._tell(uri, [TextChange((start, Position(start.line, start.character + rubbed_out)), text)], 1)

    @rule(number=numbers)
    def undo(self, number: int) -> None:
        undone = [(uri, text) for uri, model in self.models.items() for text in model.before[-1:]]
        if undone:
            uri, text = undone[number % len(undone)]
            self._tell(uri, [TextChange(None, text)], 1)

    def _tell(self, uri: str, told: list[TextChange], by: int) -> None:
        model = self.models.get(uri)
        version = by if model is None else model.version + by
        if model is not None:
            model.change(version, told, self.mirror.encoding)
            model.owed = self.by_itself
        self.do(lambda: self.session.changed(uri, version, told))

    def _change(self, text: str, wanted: tuple[Place, Place, str] | str) -> TextChange:
        if isinstance(wanted, str):
            return TextChange(None, wanted)
        start, end = (self._place(text, where) for where in wanted[:2])
        return TextChange((start, end), wanted[2])

    def _place(self, text: str, place: Place) -> Position:
        offset, (down, right) = place
        at = naive_position(text, offset % (len(text) + 1), self.mirror.encoding)
        return Position(at.line + down, at.character + right)

    @rule(what=st.sampled_from(("save", "save", "close", "garble")), uri=any_uri)
    def leave(self, what: str, uri: str | None) -> None:
        """Save or close a document; or a message about one, or about nobody knows which, is unreadable."""
        if what == "garble":
            for model in self._those(uri):
                model.synced = False
            self.do(lambda: self.session.lost(uri))
        elif uri is not None and what == "close":
            self.models.pop(uri, None)
            self.do(lambda: self.session.closed(uri))
        elif uri is not None:
            for model in self._those(uri) if self.active and self.knobs.trigger != "manual" else ():
                model.owed = True
            self.do(lambda: self.session.saved(uri))

    # The provider, and time

    @rule(number=numbers, how=answers, detail=numbers)
    def answer(self, number: int, how: str, detail: int) -> None:
        self._answer(number, how, detail)

    @rule(number=numbers, detail=numbers)
    def answer_in_part(self, number: int, detail: int) -> None:
        self._answer(number, "more", detail)

    def _answer(self, number: int, how: str, detail: int) -> None:
        if not self.oracle.questions:
            self.do(lambda: self.clock.advance(4))
            return
        question = self.oracle.questions[number % len(self.oracle.questions)]
        if how == "more":
            self.do(lambda: question.more(detail))
        elif how == "wrong":
            self._answered(question, lambda each: each.wrong(detail, 3))
        else:
            self._answered(question, methodcaller(how))

    @rule(by=st.sampled_from((0.1, 0.6, 2.0, 4.0)))
    def wait(self, by: float) -> None:
        self.do(lambda: self.clock.advance(by))

    def _answered(self, question: Question, how: Callable[[Question], None]) -> None:
        self.do(lambda: how(question))
        if question.assignment.ask and not question.complete:
            for model in self.models.values():
                model.owed = model.owed and model.text != question.text

    # The user

    @rule(
        trigger=triggers,
        enabled=st.sampled_from((True, True, False)),
        verify=st.booleans(),
        new=st.booleans(),
    )
    def set(self, trigger: str, *, enabled: bool, verify: bool, new: bool) -> None:
        self.knobs = Defaults(enabled=enabled, trigger=trigger, verify="on-demand" if verify else "off")
        for model in self.models.values():
            model.owed = self.by_itself
        self.do(lambda: self._use(new=new))

    def _use(self, *, new: bool) -> None:
        if new:
            self.oracle = Oracle()
            self.oracle.quotes = self.quotes
        self.session.use(self.knobs, self.oracle)

    @rule(uri=uris)
    def show_or_hide_dismissed(self, uri: str) -> None:
        document = self.session.documents.get(uri)
        if document is not None:
            self.do(lambda: self.session.publisher.toggle_dismissed(document))

    @rule(what=st.sampled_from(("pause", "resume", "stop", "analyze", "look_again", "attend")), uri=any_uri)
    def ask(self, what: str, uri: str | None) -> None:
        does: Callable[..., object] = getattr(self.session, what)
        if what in {"pause", "resume"}:
            self.paused, uri = what == "pause", None
            self.do(does)
        elif what in {"stop", "analyze"} or uri is not None:
            self.do(lambda: does(uri))
        for model in self._those(uri):
            if what in {"pause", "resume"}:
                model.owed = self.by_itself
            elif what in {"stop", "analyze"}:
                model.owed = what == "analyze" and self.active

    def _those(self, uri: str | None) -> list[Model]:
        return [model for name, model in self.models.items() if uri in {None, name}]

    # What holds at all times (and see ``Mirror``)

    @invariant()
    def the_server_has_the_texts(self) -> None:
        documents = {document.uri: document for document in self.session.documents}
        assert documents.keys() == self.models.keys()
        for uri, model in self.models.items():
            assert documents[uri].synced == model.synced
            if model.synced:
                assert (documents[uri].snapshot.text, documents[uri].snapshot.version) == (
                    model.text,
                    model.version,
                )

    @invariant()
    def the_editor_shows_what_the_server_has(self) -> None:
        for document in self.session.documents:
            has = [(each.finding.title, each.touched, bool(each.stale)) for each in document.shown]
            if self.session.publisher.shows_dismissed(document.uri):
                has += [(each.finding.title, False, False) for each in document.dismissed]
            shown = [
                (each.message.partition("\n")[0], *seen(each))
                for each in self.mirror.screen.get(document.uri, ())
            ]
            assert sorted(has) == sorted(shown)

    @invariant()
    def nothing_is_shown_of_closed_documents(self) -> None:
        assert not any(shown for uri, shown in self.mirror.screen.items() if uri not in self.models)

    @invariant()
    def nothing_went_wrong(self) -> None:
        for untrue in self.mirror.untrue:
            raise untrue
        assert not self.trouble
        assert not [message for message in self.mirror.messages if "reason of its own" in message]

    # How it ends

    def teardown(self) -> None:
        try:
            if hasattr(self, "session"):
                self._drain()
                self._expect_fresh(lambda model: model.owed)
                self.paused, self.knobs = False, Defaults()
                self.do(self.session.resume)
                self.do(lambda: self._use(new=False))
                self.do(lambda: self.session.analyze(None))
                self._drain()
                self._expect_fresh(lambda _model: True)
                assert all(progress.ended for progress in self.mirror.shown)
                self.nothing_went_wrong()
        finally:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.do(lambda: None)
            self.loop.close()

    def _drain(self) -> None:
        """All that is asked is answered, and nobody types."""
        while self.oracle.questions or self.clock.waiting:
            for question in list(self.oracle.questions):
                self._answered(question, methodcaller("whole"))
            self.do(lambda: self.clock.advance(10))

    def _expect_fresh(self, which: Callable[[Model], bool]) -> None:
        for uri, model in self.models.items():
            if which(model) and model.synced:
                document = self.session.documents.get(uri)
                assert document is not None
                every = complaints(model.text)
                assert list(document.findings) == [each for each in every if each.rule != DISMISSED]
                assert not any(each.touched or each.stale for each in document.shown)
                assert [each.finding for each in document.dismissed] == [
                    each for each in every if each.rule == DISMISSED
                ]


@pytest.mark.parametrize("shard", range(SHARDS))
def test_what_is_shown_is_true(shard: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "kibitz")
    each = settings(
        max_examples=RUNS // SHARDS,
        stateful_step_count=STEPS,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    machine = type("Conversation", (Conversation,), {})
    run_state_machine_as_test(seed(shard)(machine), settings=each)
