from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.clock import FakeClock
from tests.support.lsp_wire import settle, until
from tests.support.reviewing import FakeOutcome, FakeService, finding, marked

from kibitz.lsp.capabilities import Client
from kibitz.lsp.reviews import Defaults
from kibitz.lsp.session import BACKGROUND_SECONDS, Session
from kibitz.provider.errors import ConfigError, RateLimitExceeded, Timeout
from kibitz.provider.fallback import BUDGET, Kind, Step
from kibitz.provider.keys.consent import ConsentNeeded
from kibitz.provider.limits.priority import Priority
from kibitz.review.result import Dismissed
from kibitz.text.lines import Position
from kibitz.text.snapshot import TextChange
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest
    from lsprotocol import types

A = "untitled:a.py"
B = "untitled:b.py"


@dataclass
class Shown:
    ended: bool = False
    reports: list[int] = field(default_factory=list)

    def report(self, message: str, percentage: int) -> None:  # noqa: ARG002 - as the protocol
        self.reports.append(percentage)

    def end(self) -> None:
        self.ended = True


@dataclass
class FakeEditor:
    published: list[tuple[str, int | None, list[str]]] = field(default_factory=list)
    refreshed: int = 0
    messages: list[str] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    questions: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    answer: asyncio.Future[str | None] = field(default_factory=asyncio.Future)

    def publish(self, uri: str, version: int | None, diagnostics: Sequence[types.Diagnostic]) -> None:
        places = [f"{d.range.start.line}:{d.range.start.character} {d.message}" for d in diagnostics]
        self.published.append((uri, version, places))

    def refresh(self) -> None:
        self.refreshed += 1

    def show(self, message: str) -> None:
        self.messages.append(message)

    async def choose(self, message: str, choices: Sequence[str]) -> str | None:
        self.questions.append((message, tuple(choices)))
        return await self.answer

    def progress(self, title: str, uri: str) -> Shown:  # noqa: ARG002 - as the protocol
        self.shown.append(Shown())
        return self.shown[-1]


class Room:
    """A session with all its neighbours."""

    def __init__(self, *, manual: bool = False, **knobs: Any) -> None:
        self.clock = FakeClock()
        self.editor = FakeEditor()
        self.service = FakeService(manual=manual)
        self.session = Session(self.editor, self.clock, Client())
        # A pause that does not adapt, unless a test is about that.
        self.session.use(Defaults(**{"debounce_max_ms": 0, **knobs}), self.service)
        self.version = 1

    @property
    def text(self) -> str:
        document = self.session.documents.get(A)
        assert document
        return document.snapshot.text

    def open(self, text: str, uri: str = A) -> None:
        self.session.opened(uri, 1, "python", text)

    def type(self, line: int, character: int, text: str, *, delete: int = 0) -> None:
        self.version += 1
        where = (Position(line, character), Position(line, character + delete))
        self.session.changed(A, self.version, [TextChange(where, text)])

    def urgency(self) -> list[Priority]:
        return [call.urgency.priority for call in self.service.calls]

    async def pause(self, seconds: float = 1.0) -> None:
        self.clock.advance(seconds)
        await settle()


async def test_an_opened_document_is_reviewed_at_once() -> None:
    room = Room()
    room.open("x = bug\n")
    await settle()
    assert room.editor.published == [(A, 1, ["0:4 bug is wrong\nany input gives nothing"])]
    assert room.editor.shown == [], "too quick to show progress"


async def test_a_clean_document_is_not_published() -> None:
    room = Room()
    room.open("x = 1\n")
    await settle()
    assert room.editor.published == []


async def test_one_edit_one_review_and_none_for_a_save_after_it() -> None:
    room = Room()
    room.open("x = 1\n")
    await settle()
    for number in range(5):
        room.type(0, 5, str(number))
    await room.pause()
    assert len(room.service.calls) == 2
    room.session.saved(A)
    await room.pause(60)
    assert len(room.service.calls) == 2


async def test_a_save_does_not_wait_for_the_pause() -> None:
    room = Room()
    room.open("x = 1\n")
    await settle()
    room.type(0, 5, " # bug")
    room.session.saved(A)
    await settle()
    assert len(room.service.calls) == 2
    await room.pause(60)
    assert len(room.service.calls) == 2
    assert room.editor.published[-1][1:] == (2, ["0:8 bug is wrong\nany input gives nothing"])


async def test_a_save_while_that_text_is_under_review_does_nothing() -> None:
    room = Room(manual=True)
    room.open("x = 1\n")
    await settle()
    room.session.saved(A)
    await settle()
    assert len(room.service.calls) == 1
    assert not room.service.calls[0].cancelled


async def test_undoing_an_edit_shows_again_what_it_took_away() -> None:
    room = Room()
    room.open("x = bug\n")
    await settle()
    room.type(0, 5, "X")
    await settle()
    assert room.editor.published[-1] == (A, 2, []), "gone with the keystroke"
    room.type(0, 5, "", delete=1)
    await room.pause()
    assert room.editor.published[-1] == (A, 3, ["0:4 bug is wrong\nany input gives nothing"])


async def test_a_review_of_an_older_text_is_cancelled_when_the_new_one_begins() -> None:
    room = Room(manual=True)
    room.open("x = bug\n")
    await settle()
    room.type(0, 0, "# ")
    await settle()
    assert not room.service.calls[0].cancelled, "it may still land"
    await room.pause()
    assert room.service.texts == ["x = bug\n", "# x = bug\n"]
    assert not room.service.calls[0].cancelled, "the new one may need what it waits for"
    room.service.calls[1].on_progress(FakeOutcome([], [Span(0, 10)]))
    await settle()
    assert room.service.calls[0].cancelled


async def test_a_late_answer_lands_on_the_current_text() -> None:
    room = Room(manual=True)
    room.open("x = bug1\ny = bug2\n")
    await settle()
    room.type(0, 0, "# 😀\n")
    room.type(2, 5, "!")
    room.service.calls[0].answer.set_result(FakeOutcome(marked("x = bug1\ny = bug2\n")))
    await settle()
    doubt = "any input gives nothing\nto be re-checked: you edited this since"
    assert room.editor.published == [
        (A, 3, ["1:4 bug1 is wrong\nany input gives nothing", f"2:6 bug2 is wrong\n{doubt}"])
    ]


async def test_moved_findings_are_published_when_the_typing_rests() -> None:
    room = Room(manual=True)
    room.open("x = bug\n")
    await settle()
    room.service.calls[0].answer.set_result(FakeOutcome(marked("x = bug\n")))
    await settle()
    room.type(0, 0, "\n")
    assert len(room.editor.published) == 1, "the editor moves its own marks meanwhile"
    await room.pause()
    assert room.editor.published[1] == (A, 2, ["1:4 bug is wrong\nany input gives nothing"])


async def test_findings_are_shown_as_they_come_and_old_ones_stay_until_their_part_is_back() -> None:
    room = Room(manual=True)
    text = "x = bug1\ny = bug2\n"
    room.open(text)
    await settle()
    room.service.calls[0].answer.set_result(FakeOutcome(marked(text)))
    await settle()
    room.type(0, 0, "#")
    await room.pause()
    text = "#" + text
    call = room.service.calls[1]
    new = finding(text, "= bug1", "=", title="new")
    both = len(room.editor.published)
    call.on_progress(FakeOutcome([new], [Span(text.index("y"), len(text))]))
    assert room.editor.published[both:] == [
        (A, 2, ["0:3 new\nany input gives nothing", "1:4 bug2 is wrong\nany input gives nothing"])
    ]
    call.answer.set_result(FakeOutcome([new]))
    await settle()
    assert room.editor.published[both + 1 :] == [(A, 2, ["0:3 new\nany input gives nothing"])]


async def test_failures_keep_findings_and_are_told_once_until_it_works_again() -> None:
    room = Room(manual=True)
    room.open("x = bug\n")
    await settle()
    room.service.calls[-1].answer.set_result(FakeOutcome(marked("x = bug\n")))
    await settle()
    everything = [Span(0, 9)]
    for number in range(3):
        room.type(0, 7, "#" if number == 0 else "!")
        await room.pause()
        room.service.calls[-1].answer.set_result(
            FakeOutcome([], [Span(0, 12)], [Timeout("no answer in 60 s; is it up?", after_ms=60_000)], 0)
        )
        await settle()
    assert room.editor.messages == ["kibitz: request timeout: no answer in 60 s; is it up?"]
    stale = "0:4 bug is wrong\nany input gives nothing\nnot re-checked: no answer in time"
    assert room.editor.published[1:] == [(A, 2, [stale])], "marked once"
    room.session.saved(A)
    await settle()
    room.service.calls[-1].answer.set_exception(RateLimitExceeded("too many requests"))
    await settle()
    assert len(room.editor.messages) == 2, "another kind"
    room.session.saved(A)
    await settle()
    room.service.calls[-1].answer.set_result(FakeOutcome(marked("x = bug\n")))
    await settle()
    room.type(0, 7, "?")
    await room.pause()
    room.service.calls[-1].answer.set_result(
        FakeOutcome([], everything, [Timeout("again", after_ms=1)], requests=0)
    )
    await settle()
    assert len(room.editor.messages) == 3, "it worked in between"


async def test_what_failed_is_stale_until_it_is_looked_at_again_and_nothing_else_is() -> None:
    room = Room(manual=True)
    text = "x = bug1\ny = bug2\n"
    room.open(text)
    await settle()
    room.service.calls[-1].answer.set_result(FakeOutcome(marked(text)))
    await settle()
    fine = [f"{line}:4 bug{line + 1} is wrong\nany input gives nothing" for line in range(2)]
    assert room.editor.published == [(A, 1, fine)]

    room.type(1, 8, "!")
    await room.pause()
    first = marked(room.text)[0]
    half = Span(room.text.index("y"), len(room.text))
    call = room.service.calls[-1]
    call.on_progress(FakeOutcome([first], [half]))
    assert room.editor.published[1:] == [], "a review that is under way is no reason for doubt"
    call.answer.set_result(FakeOutcome([first], [half], [RateLimitExceeded("slow", retryable=True)], 0))
    await settle()
    doubted = fine[1] + "\nnot re-checked: rate limit reached"
    assert room.editor.published[1:] == [(A, 2, [fine[0], doubted])]

    room.type(0, 0, "\n")
    await room.pause()
    room.service.calls[-1].on_progress(FakeOutcome([], [Span(0, 99)]))
    moved = [words.replace(f"{line}:", f"{line + 1}:") for line, words in enumerate((fine[0], doubted))]
    assert room.editor.published[2:] == [(A, 3, moved)], "it stays as it was while it is looked at"
    room.service.calls[-1].answer.set_exception(ConfigError("no", status=401))
    await settle()
    assert [words.rpartition("\n")[2] for words in room.editor.published[-1][2]] == [
        "not re-checked: key not accepted"
    ] * 2
    room.session.saved(A)
    await settle()
    room.service.calls[-1].answer.set_result(FakeOutcome(marked(room.text)))
    await settle()
    assert not any("re-checked" in words for words in room.editor.published[-1][2])


async def test_an_answer_from_the_cache_does_not_make_a_failure_news_again() -> None:
    room = Room(manual=True)
    room.open("x = 1\n")
    await settle()
    error = ConfigError("the key is not accepted; set a new one")
    room.service.calls[-1].answer.set_exception(error)
    await settle()
    room.type(0, 5, "2")
    await room.pause()
    room.service.calls[-1].answer.set_result(FakeOutcome([], requests=0))
    await settle()
    room.type(0, 5, "3")
    await room.pause()
    room.service.calls[-1].answer.set_exception(error)
    await settle()
    assert len(room.editor.messages) == 1


async def test_our_own_mistakes_are_survived_told_once_and_logged_without_code(
    caplog: pytest.LogCaptureFixture,
) -> None:
    room = Room(manual=True)
    room.open("secret = 1\n")
    await settle()
    room.service.calls[-1].answer.set_exception(KeyError("secret = 1"))
    await settle()
    room.session.saved(A)
    await settle()
    room.service.calls[-1].answer.set_exception(KeyError("secret = 1"))
    await settle()
    assert len(room.editor.messages) == 1
    assert "KeyError" in caplog.text
    assert "secret" not in caplog.text


async def test_closing_cancels_and_clears() -> None:
    room = Room(manual=True)
    room.open("x = bug\n")
    await settle()
    room.service.calls[0].answer.set_result(FakeOutcome(marked("x = bug\n")))
    await settle()
    room.type(0, 0, "#")
    await room.pause()
    room.session.closed(A)
    await settle()
    assert room.service.calls[1].cancelled
    assert room.editor.published[-1] == (A, None, [])
    room.session.closed(A)
    room.session.saved(A)
    await room.pause(60)
    assert len(room.service.calls) == 2


async def test_a_document_that_is_too_large_is_not_sent_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    room = Room(max_file_bytes=20)
    room.open("x = 'éééééééééé'\n")
    await settle()
    room.session.saved(A)
    await settle()
    assert room.service.calls == []
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    room.type(0, 6, "", delete=9)
    await room.pause()
    assert len(room.service.calls) == 1


async def test_what_is_not_source_code_is_not_reviewed() -> None:
    room = Room()
    room.session.opened("file:///notes.md", 1, "markdown", "bug")
    room.session.opened("git:/a.py", 1, "python", "bug")
    await settle()
    assert room.service.calls == []


async def test_files_that_must_not_leave_are_not_sent() -> None:
    room = Room()
    room.service.refused["/w/secret.py"] = "it is ignored"
    room.session.opened("file:///w/secret.py", 1, "python", "bug")
    room.session.opened("file:///w/open.py", 1, "python", "bug")
    await room.pause(0.2)
    await until(lambda: bool(room.editor.published))
    assert [call.path for call in room.service.calls] == ["/w/open.py"]


async def test_a_file_of_which_nobody_can_say_whether_it_may_leave_stays() -> None:
    room = Room()
    room.service.refusal = lambda _path: 1 / 0  # type: ignore[method-assign,assignment,return-value]  # it fails
    room.session.opened("file:///w/a.py", 1, "python", "bug")
    await until(lambda: bool(room.editor.messages))
    assert room.service.calls == []


async def test_of_two_reviews_the_newer_lands_whichever_waited_longer_to_begin() -> None:
    room = Room()
    first, asked = threading.Event(), threading.Event()

    def refusal(_path: str) -> None:
        if not asked.is_set():
            asked.set()
            first.wait(5)

    room.service.refusal = refusal  # type: ignore[method-assign,assignment]  # the first answer comes last
    uri = "file:///w/a.py"
    room.open("x = bug\n", uri)
    await until(asked.is_set)
    room.session.changed(uri, 2, [TextChange(None, "y = bug\n")])
    room.session.saved(uri)
    await until(lambda: bool(room.service.calls))
    first.set()
    await until(lambda: bool(room.editor.published) and not room.session.busy)
    assert room.service.texts == ["y = bug\n"]
    assert room.editor.published[-1][:2] == (uri, 2)


async def test_progress_is_shown_for_what_takes_long_and_ends_with_it() -> None:
    room = Room(manual=True)
    room.open("x\n")
    await settle()
    await room.pause(0.6)
    assert [shown.ended for shown in room.editor.shown] == [False]
    room.session.stop(A)
    await settle()
    assert [shown.ended for shown in room.editor.shown] == [True]
    assert room.service.calls[0].cancelled
    room.session.saved(A)
    await settle()
    assert len(room.service.calls) == 2, "it was stopped, not done"


async def test_pausing_keeps_what_is_shown_and_sends_nothing() -> None:
    room = Room()
    room.open("x = bug\n")
    await settle()
    room.session.pause()
    room.type(0, 0, "#")
    room.session.saved(A)
    await room.pause(60)
    assert len(room.service.calls) == 1
    assert len(room.editor.published) == 1
    room.session.resume()
    await settle()
    assert len(room.service.calls) == 2


async def test_switching_off_takes_all_findings_away_and_on_brings_them_back() -> None:
    room = Room()
    room.open("x = bug\n")
    await settle()
    room.session.use(Defaults(enabled=False), room.service)
    assert room.editor.published[-1] == (A, 1, [])
    room.type(0, 0, "#")
    await room.pause(60)
    assert len(room.service.calls) == 1
    room.session.use(Defaults(), room.service)
    await settle()
    assert room.editor.published[-1][2] == ["0:5 bug is wrong\nany input gives nothing"]


async def test_documents_opened_before_there_is_a_reviewer_are_reviewed_then() -> None:
    room = Room()
    room.session.use(Defaults(), None)
    room.open("x = bug\n")
    room.type(0, 0, "#")
    await room.pause(60)
    assert room.editor.published == []
    room.session.use(Defaults(), room.service)
    await settle()
    assert room.service.texts == ["#x = bug\n"]


async def test_a_lost_document_shows_nothing_until_it_is_whole_again() -> None:
    room = Room()
    room.open("x = bug\n")
    await settle()
    room.session.changed(A, 1, [TextChange(None, "older")])
    assert room.editor.published[-1] == (A, 1, [])
    room.session.saved(A)
    room.type(0, 0, "#")
    await room.pause(60)
    assert len(room.service.calls) == 1
    room.session.changed(A, 9, [TextChange(None, "y = bug\n")])
    await room.pause()
    assert room.editor.published[-1] == (A, 9, ["0:4 bug is wrong\nany input gives nothing"])


async def test_a_new_reviewer_reviews_again_and_cleared_answers_too() -> None:
    room = Room()
    room.open("x = bug\n")
    await settle()
    newer = FakeService()
    room.session.use(Defaults(), newer)
    await settle()
    assert len(newer.calls) == 1
    room.session.forget_reviews()
    await settle()
    assert len(newer.calls) == 2
    assert len(room.editor.published) == 1, "the same findings are not published again"


async def test_a_review_that_a_new_reviewer_cut_short_begins_again_at_once() -> None:
    room = Room(manual=True)
    room.open("x = bug\n")
    await settle()
    newer = FakeService()
    room.session.use(Defaults(), newer)
    await settle()
    assert len(newer.calls) == 1
    assert room.editor.published == [(A, 1, ["0:4 bug is wrong\nany input gives nothing"])]


async def test_a_review_that_a_pause_cut_short_begins_again_at_once() -> None:
    room = Room(manual=True)
    room.open("x = bug\n")
    await settle()
    room.session.pause()
    room.session.resume()
    await settle()
    assert len(room.service.calls) == 2


async def test_what_is_asked_for_by_name_is_verified_where_that_is_left_to_the_user() -> None:
    room = Room(manual=True, verify="on-demand")
    room.open("x = bug\n")
    await settle()
    room.session.analyze(A)
    await settle()
    assert [call.verify for call in room.service.calls] == [False, True], "also while it is under review"
    room.service.calls[1].answer.set_result(FakeOutcome(marked("x = bug\n")))
    await settle()
    room.session.saved(A)
    await settle()
    assert len(room.service.calls) == 2
    room.session.analyze(A)
    await settle()
    assert [call.verify for call in room.service.calls[2:]] == [True], (
        "the findings may be older than the wish"
    )
    room.service.calls[2].answer.set_result(FakeOutcome())
    await settle()
    room.type(0, 0, "#")
    await room.pause()
    assert [call.verify for call in room.service.calls[3:]] == [False]


async def test_otherwise_what_is_reviewed_is_not_reviewed_again_for_the_asking() -> None:
    room = Room()
    room.open("x = bug\n")
    await settle()
    room.session.analyze(A)
    await settle()
    assert len(room.service.calls) == 1


async def test_a_budget_that_is_used_up_is_asked_about_and_no_error() -> None:
    room = Room(manual=True)
    room.open("x = bug\n")
    await settle()
    refused = RateLimitExceeded("today's budget of $10.00 does not allow for it", code=BUDGET)
    room.service.calls[-1].answer.set_result(FakeOutcome([], [Span(0, 8)], [refused], 0))
    await settle()
    (question,) = room.editor.questions
    assert question == (f"kibitz: {refused.message}.", ("Allow as much again today", "Not now"))
    assert room.editor.messages == []
    room.editor.answer.set_result("Allow as much again today")
    await settle()
    assert room.service.raised == 1
    assert len(room.service.calls) == 2, "and the review goes on"


async def test_a_warning_is_told_once() -> None:
    room = Room()
    for _ in range(2):
        room.session.warned("today's budget of $10.00 is used to 50 %")
    assert room.editor.messages == ["kibitz: today's budget of $10.00 is used to 50 %"]


async def test_a_key_that_may_not_go_anywhere_is_asked_about_and_no_error() -> None:
    room = Room(manual=True)
    room.open("x = bug\n")
    await settle()
    wanted = ConsentNeeded("https://models.example:443", "file /x/key")
    room.service.calls[-1].answer.set_result(FakeOutcome([], [Span(0, 8)], [wanted], 0))
    await settle()
    assert [choices for _, choices in room.editor.questions] == [("Allow", "Not now")]
    room.session.saved(A)
    await settle()
    room.service.calls[-1].answer.set_exception(wanted)
    await settle()
    room.session.unconsented(wanted)
    assert len(room.editor.questions) == 1
    assert room.editor.messages == []
    room.editor.answer.set_result("Allow")
    await settle()
    assert room.service.allowed == [("https://models.example:443", "file /x/key")]
    assert len(room.service.calls) == 3, "what failed is tried again"


async def test_a_model_that_is_gone_is_told_once_whoever_tells_it_first() -> None:
    room = Room(manual=True)
    room.open("x = 1\n")
    await settle()
    room.session.stepped(Step(Kind.NEXT_KEY, "401", "key a", "key b"))
    assert room.editor.messages == [], "that is for the log"
    gone = "e has no model 'm'; set another one with the setting model"
    room.session.stepped(Step(Kind.MODEL_MISSING, "model_not_found", "m at e", "n at e", gone))
    room.service.calls[-1].answer.set_exception(ConfigError(gone, code="model_not_found"))
    await settle()
    room.session.saved(A)
    await settle()
    room.service.calls[-1].answer.set_result(FakeOutcome())
    await settle()
    room.session.stepped(Step(Kind.MODEL_MISSING, "model_not_found", "m at e", "n at e", gone))
    assert room.editor.messages == [f"kibitz: {gone}"]


async def test_a_hundred_documents_are_not_reviewed_all_at_once_but_the_last_at_once() -> None:
    room = Room(manual=True)
    for number in range(100):
        room.open(f"x = {number}\n", uri=f"untitled:{number}.py")
    await settle()
    assert room.service.texts == ["x = 0\n"], "who knows who opened the others"
    assert len(room.service.looks) == 99, "what is known of them costs nothing"
    await room.pause(0.2)
    assert room.service.texts[1:] == ["x = 99\n"], "it is looked at"
    assert room.urgency() == [Priority.OPEN, Priority.FOCUSED]
    await room.pause(BACKGROUND_SECONDS)
    assert len(room.service.texts) == 4, "four at a time"
    assert room.urgency() == [Priority.OPEN, Priority.FOCUSED, Priority.OPEN, Priority.OPEN]
    room.service.calls[1].answer.set_result(FakeOutcome())
    await settle()
    assert room.service.texts[4:] == ["x = 98\n"], "the newest of the others"
    for number in range(100):
        room.session.closed(f"untitled:{number}.py")
    await settle()
    assert room.session.busy == 0
    assert len(room.service.calls) == 5


async def test_what_an_editor_opens_and_closes_again_costs_nothing() -> None:
    room = Room(manual=True)
    room.open("x = 1\n")
    for number in range(9):
        room.open(f"x = {number}\n", uri=f"untitled:{number}.py")
    for number in range(9):
        room.session.closed(f"untitled:{number}.py")
    await room.pause(60)
    assert room.service.texts == ["x = 1\n"]


async def test_who_turns_to_a_document_need_not_wait() -> None:
    room = Room(manual=True)
    for uri in (A, B, "untitled:c.py"):
        room.open(f"x = '{uri}'\n", uri)
    await room.pause(0.2)
    assert len(room.service.calls) == 2
    room.session.attend(B)
    await room.pause(0.2)
    assert room.service.texts[2:] == [f"x = '{B}'\n"]
    assert room.urgency()[2:] == [Priority.FOCUSED]
    await room.pause(60)
    assert len(room.service.calls) == 3


async def test_the_review_of_what_comes_into_focus_becomes_more_urgent() -> None:
    room = Room(manual=True)
    room.open("x = 1\n")
    await settle()
    await room.pause(0.3)
    assert room.urgency() == [Priority.FOCUSED]
    room.open("y = 1\n", B)
    await settle()
    assert room.urgency() == [Priority.FOCUSED, Priority.OPEN], "attention may move on yet"
    await room.pause(0.2)
    assert room.urgency() == [Priority.FOCUSED, Priority.FOCUSED]
    room.session.analyze(B)
    assert room.urgency() == [Priority.FOCUSED, Priority.EXPLICIT]
    room.session.closed(B)
    room.session.attend(A)
    room.session.attend("untitled:never-opened.py")
    await room.pause(0.2)
    room.type(0, 5, "2")
    await room.pause()
    assert room.urgency()[2:] == [Priority.FOCUSED], "it was in focus when it began"
    room.session.closed(A)
    await settle()
    room.open("x = 1\n")
    await settle()
    assert room.urgency()[3:] == [Priority.OPEN]


async def test_what_is_asked_for_by_name_goes_first_and_at_once() -> None:
    room = Room(manual=True)
    for number in range(9):
        room.open(f"x = {number}\n", uri=f"untitled:{number}.py")
    await room.pause(0.2)
    assert room.service.texts == ["x = 0\n", "x = 8\n"]
    await room.pause(BACKGROUND_SECONDS)
    assert len(room.service.calls) == 4
    room.session.analyze("untitled:4.py")
    room.session.analyze("untitled:closed.py")
    await settle()
    assert room.service.texts[4:] == ["x = 4\n"]
    assert room.urgency()[4:] == [Priority.EXPLICIT]
    await room.pause(0.2)
    room.session.analyze(None)
    await settle()
    assert len(room.service.calls) == 5, "all others wait as before"
    room.session.stop()
    await settle()
    room.session.analyze(None)
    await settle()
    assert room.service.texts[-1] == "x = 4\n"
    assert room.urgency()[-1] is Priority.EXPLICIT


async def test_the_pause_adapts_to_how_fast_one_types_and_how_fast_the_provider_is() -> None:
    room = Room(manual=True, debounce_ms=300, debounce_max_ms=2_000, max_delay_ms=60_000)
    room.open("x = 1\n")
    await settle()
    room.service.calls[0].answer.set_result(FakeOutcome())
    await settle()

    async def pause_after_typing(gap: float, answer_s: float) -> float:
        calls = len(room.service.calls)
        for _ in range(40):
            room.type(0, 5, "1")
            await room.pause(gap)
        assert len(room.service.calls) == calls, "not within the typing"
        waited = gap
        while len(room.service.calls) == calls:
            await room.pause(0.05)
            waited += 0.05
        await room.pause(answer_s)
        room.service.calls[-1].answer.set_result(FakeOutcome())
        await settle()
        return waited

    fast = [await pause_after_typing(0.1, 0.1) for _ in range(12)][-1]
    slow = await pause_after_typing(0.5, 0.1)
    dear = [await pause_after_typing(0.1, 30) for _ in range(12)][-1]
    assert 0.3 <= fast < 0.5
    assert 1.3 < slow < 1.7
    assert 1.9 < dear < 2.2, "the longest that the settings allow"


async def test_a_review_is_prepared_as_it_will_be_shortly_before_the_pause_is_over() -> None:
    room = Room(debounce_ms=500)
    room.open("x = 1\n")
    await settle()
    room.type(0, 5, "2")
    await room.pause(0.45)
    (prepared,) = room.service.prepared
    assert (prepared.text, prepared.edited) == ("x = 12\n", (Span(5, 6),))
    assert len(room.service.calls) == 1, "that of opening it"
    await room.pause(0.1)
    assert room.service.calls[-1].assignment == prepared
    room.type(0, 6, "3")
    room.session.saved(A)
    await room.pause()
    assert room.service.prepared == [prepared], "it was reviewed at once"
    room.type(0, 7, "4")
    room.session.pause()
    await room.pause()
    assert room.service.prepared == [prepared]


async def test_what_will_not_be_reviewed_is_not_prepared() -> None:
    room = Room(debounce_ms=500, max_file_bytes=8)
    room.open("x = 1\n")
    await settle()
    room.type(0, 5, "2345")
    await room.pause()
    room.type(0, 5, "", delete=4)
    await room.pause(0.45)
    assert [each.text for each in room.service.prepared] == ["x = 1\n"], "one is too large"
    await room.pause()
    room.type(0, 5, "2")
    room.type(0, 5, "", delete=1)
    await room.pause()
    assert len(room.service.prepared) == 2, "typed and undone, it is to be looked up all the same"


async def test_typing_on_and_on_puts_a_review_off_only_so_long() -> None:
    room = Room(max_delay_ms=2_000)
    room.open("x = 1\n")
    await settle()
    for _ in range(30):
        room.type(0, 5, "1")
        await room.pause(0.1)
    assert len(room.service.calls) == 2


async def test_by_the_trigger_save_nothing_is_asked_before() -> None:
    room = Room(trigger="save")
    room.open("x = bug\n")
    room.type(0, 0, "#")
    await room.pause(60)
    assert room.service.calls == []
    assert [look.text for look in room.service.looks] == ["#x = bug\n"]
    room.session.saved(A)
    await settle()
    assert room.service.texts == ["#x = bug\n"]
    assert room.service.calls[0].assignment.edited == (), "saved is saved, whether it parses or not"


async def test_by_the_trigger_manual_nothing_is_asked_but_for_the_asking() -> None:
    room = Room(trigger="manual")
    room.open("x = bug\n")
    room.session.saved(A)
    await room.pause(60)
    assert room.service.calls == []
    room.service.knows = True
    room.type(0, 0, "#")
    await room.pause(60)
    assert room.editor.published[-1][1:] == (2, ["0:5 bug is wrong\nany input gives nothing"]), "it is known"
    room.session.analyze(A)
    await settle()
    assert room.service.calls == [], "there is nothing left to ask"
    room.service.knows = False
    room.type(0, 0, "#")
    room.session.analyze(A)
    await settle()
    assert room.service.texts == ["##x = bug\n"]


async def test_a_review_is_told_what_was_typed_until_that_is_reviewed() -> None:
    room = Room(manual=True)
    room.open("x = 1\ny = 2\n")
    await settle()
    assert room.service.calls[0].assignment.edited == ()
    room.service.calls[0].answer.set_result(FakeOutcome())
    await settle()
    room.type(0, 5, "(")
    room.type(1, 0, "zz")
    await room.pause()
    assert room.service.calls[1].assignment.edited == (Span(5, 6), Span(7, 9))
    room.service.calls[1].answer.set_result(FakeOutcome(unreviewed=[Span(0, 6)]))
    await settle()
    room.type(1, 0, "\n")
    await room.pause()
    assert room.service.calls[2].assignment.edited == (Span(5, 6), Span(7, 8)), "what waits, and what is new"
    room.session.saved(A)
    await settle()
    assert len(room.service.calls) == 3, "it is under review"
    room.service.calls[2].answer.set_result(FakeOutcome(unreviewed=[Span(0, 6)]))
    await settle()
    assert room.service.calls[3].assignment.edited == (), "what it left open is asked about now"
    room.service.calls[3].answer.set_result(FakeOutcome())
    await settle()
    assert len(room.service.calls) == 4


async def test_languages_that_are_not_wanted_are_not_reviewed() -> None:
    room = Room(languages=("rust",))
    room.open("x = bug\n")
    await room.pause(60)
    assert room.service.calls == []
    assert room.service.looks == []
    room.session.use(Defaults(languages=("python",)), room.service)
    await settle()
    assert len(room.editor.published) == 1
    room.session.use(Defaults(languages=("rust",)), room.service)
    await settle()
    assert room.editor.published[1:] == [(A, 1, [])]


async def test_progress_tells_how_much_is_known() -> None:
    room = Room(manual=True)
    room.open("x" * 100)
    await settle()
    await room.pause(0.6)
    for left in (80, 90, 20):
        room.service.calls[0].on_progress(FakeOutcome(unreviewed=[Span(0, left)]))
    assert room.editor.shown[0].reports == [20, 80], "never backwards"


async def test_what_is_dismissed_is_shown_only_for_the_asking() -> None:
    room = Room(manual=True)
    room.open("x = bug\n")
    await settle()
    (found,) = marked("x = bug\n")
    room.service.calls[0].answer.set_result(FakeOutcome(dismissed=[Dismissed(found, "not here")]))
    await settle()
    assert room.editor.published == []
    document = room.session.documents.get(A)
    assert document
    assert room.session.publisher.toggle_dismissed(document)
    told = "bug is wrong\nany input gives nothing\ndismissed: not here"
    assert room.editor.published == [(A, 1, [f"0:4 {told}"])]
    room.type(0, 0, "\n")
    assert not room.session.publisher.toggle_dismissed(document)
    assert room.editor.published[1:] == [(A, 2, [])]


async def test_a_look_does_not_put_off_the_review_of_what_was_typed() -> None:
    room = Room()
    room.open("x = 1\n")
    await settle()
    room.type(0, 5, " # bug")
    room.session.look_again(A)
    await settle()
    assert len(room.service.calls) == 1
    await room.pause()
    assert room.editor.published[-1][1:] == (2, ["0:8 bug is wrong\nany input gives nothing"])


async def test_what_was_typed_and_undone_during_a_review_leaves_no_doubt_about_it() -> None:
    room = Room(manual=True)
    room.open("x = bug\n")
    await settle()
    room.type(0, 4, "", delete=3)
    room.type(0, 4, "bug")
    room.session.saved(A)
    await settle()
    (call,) = room.service.calls
    call.answer.set_result(FakeOutcome(marked(call.text)))
    await room.pause(60)
    assert len(room.service.calls) == 1
    assert room.editor.published[-1][1:] == (3, ["0:4 bug is wrong\nany input gives nothing"])
