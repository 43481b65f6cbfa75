"""Whatever happens to the cells of a notebook: what is shown in a cell stands there, and in the end all is.

As ``test_machine``, which has the other things that an editor, a user and a provider can do.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.support.clock import FakeClock
from tests.support.hints import without_hints
from tests.support.mirror import Mirror, Model, Progress, changed
from tests.support.oracle import DISMISSED, Oracle, complaints
from tests.support.texts import encodings, naive_position

from kibitz.lsp.capabilities import Client
from kibitz.lsp.magics import python_of
from kibitz.lsp.notebook_sync import NotebookSync
from kibitz.lsp.notebooks import Cell, Notebook, Splice
from kibitz.lsp.reviews import Defaults
from kibitz.lsp.session import Session
from kibitz.text.snapshot import Snapshot, TextChange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lsprotocol import types

    from kibitz.findings.finding import Finding
    from kibitz.text.lines import Encoding

pytestmark = pytest.mark.deep
RUNS = 250
BOOK = "untitled:a.ipynb"
_LINES = (
    "bug1\n",
    "    bug1 😀\n",
    "bug2\r\n",
    "é = bug2",
    "bug3",
    "%cd bug1\n",
    "!ls bug2",
    "x = 1\n",
    "\n",
    "",
)
texts = st.lists(st.sampled_from(_LINES), max_size=3).map("".join)
languages = st.sampled_from(("python", "python", "rust", "plaintext"))
kinds = st.sampled_from((True, True, True, False))
numbers = st.integers(0, 9)
snippets = st.sampled_from(("", "x", "\n", "bug1", "%", "\r", "😀", "# %%\n"))
drawn_cells = st.lists(st.tuples(kinds, languages, texts), max_size=3)


class Screen(Mirror):
    """An editor that may be told of a review by a name that is none of its own.

    A cell that is open may turn to what is not reviewed, and is cleared then, whatever its version.
    """

    def publish(self, uri: str, version: int | None, diagnostics: Sequence[types.Diagnostic]) -> None:
        if version is None:
            assert not diagnostics
            self.screen[uri] = diagnostics
        else:
            super().publish(uri, version, diagnostics)

    def progress(self, title: str, uri: str) -> Progress:
        assert uri.startswith(BOOK), title
        return Progress()


class Writing(RuleBasedStateMachine):
    """One notebook, from its first cell to the last answer."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.trouble: list[object] = []
        self.loop.set_exception_handler(lambda _loop, context: self.trouble.append(context))
        self.clock = FakeClock()
        self.order: list[str] = []
        self.code: dict[str, bool] = {}
        self.languages: dict[str, str] = {}
        self.born = 0

    @initialize(encoding=encodings, cells=drawn_cells)
    def begin(self, encoding: Encoding, cells: list[tuple[bool, str, str]]) -> None:
        self.do(lambda: self._begin(encoding))
        texts = self._new(cells)
        self.order = [text.uri for text in texts]
        book = Notebook(BOOK, 0, self._places(self.order), {text.uri: text for text in texts})
        self.do(lambda: self.sync.opened(book))

    def _begin(self, encoding: Encoding) -> None:
        self.oracle = Oracle()
        self.mirror = Screen(encoding, self.oracle.quotes)
        client = Client(encoding=encoding)
        self.session = without_hints(Session(self.mirror, self.clock, client))
        self.sync = NotebookSync(self.session, client)
        self.session.use(Defaults(), self.oracle)

    def do(self, something: Callable[[], object]) -> None:
        async def happen() -> None:
            something()
            for _ in range(12):
                await asyncio.sleep(0)

        self.loop.run_until_complete(happen())

    @rule(start=numbers, removed=st.integers(0, 2), cells=drawn_cells)
    def replace(self, start: int, removed: int, cells: list[tuple[bool, str, str]]) -> None:
        start = min(start, len(self.order))
        gone = tuple(self.order[start : start + removed])
        for uri in gone:
            del self.mirror.models[uri]
        opened = self._new(cells)
        self.order[start : start + removed] = [each.uri for each in opened]
        self._splice(start, len(gone), [each.uri for each in opened], opened=tuple(opened), closed=gone)

    @rule(out=numbers, back=numbers, at_once=st.booleans())
    def move(self, out: int, back: int, *, at_once: bool) -> None:
        if not self.order:
            return
        before = len(self.order)
        uri = self.order.pop(out % before)
        back = min(back, len(self.order))
        if not at_once:
            self._splice(out % before, 1, [])
        self.order.insert(back, uri)
        if at_once:
            self._splice(0, before, self.order)
        else:
            self._splice(back, 0, [uri])

    @rule(number=numbers)
    def turn_to_prose_or_code(self, number: int) -> None:
        if self.order:
            uri = self.order[number % len(self.order)]
            self.code[uri] = not self.code[uri]
            self.do(lambda: self.sync.marked(BOOK, self._places([uri])))

    @rule(number=numbers, language=languages)
    def change_language(self, number: int, language: str) -> None:
        if self.order:
            place = number % len(self.order)
            uri = self.order[place]
            model, self.languages[uri] = self.mirror.models[uri], language
            model.version += 1
            again = Snapshot(uri, model.version, language, model.text)
            self._splice(place, 1, [uri], opened=(again,), closed=(uri,))

    @rule(
        edits=st.lists(
            st.tuples(numbers, st.integers(0, 40), st.integers(0, 5), snippets), min_size=1, max_size=3
        )
    )
    def type(self, edits: list[tuple[int, int, int, str]]) -> None:
        if not self.order:
            return
        told = []
        for number, at, rubbed_out, new in edits:
            uri = self.order[number % len(self.order)]
            model, encoding = self.mirror.models[uri], self.mirror.encoding
            where = (
                naive_position(model.text, min(offset, len(model.text)), encoding)
                for offset in (at, at + rubbed_out)
            )
            change = TextChange((next(where), next(where)), new)
            model.text, model.version = changed(model.text, change, encoding), model.version + 1
            told.append((uri, model.version, [change]))
        self.do(lambda: self.sync.typed(BOOK, told))

    @rule(number=numbers, part=st.booleans(), detail=numbers)
    def answer(self, number: int, *, part: bool, detail: int) -> None:
        if self.oracle.questions:
            question = self.oracle.questions[number % len(self.oracle.questions)]
            self.do(lambda: question.more(detail) if part else question.whole())

    @rule(by=st.sampled_from((0.1, 1.0, 4.0)))
    def wait(self, by: float) -> None:
        self.do(lambda: self.clock.advance(by))

    @rule()
    def save(self) -> None:
        self.do(lambda: self.sync.saved(BOOK))

    # What holds

    @invariant()
    def nothing_went_wrong(self) -> None:
        for untrue in self.mirror.untrue:
            raise untrue
        assert not self.trouble
        assert not self.mirror.messages

    @invariant()
    def nothing_is_shown_in_what_is_not_reviewed(self) -> None:
        reviewed = {uri for uri in self.order if self.code[uri] and self.languages[uri] != "plaintext"}
        assert not [uri for uri, shown in self.mirror.screen.items() if shown and uri not in reviewed]

    def teardown(self) -> None:
        try:
            if hasattr(self, "session"):
                self._drain()
                self.do(lambda: self.session.analyze(None))
                self._drain()
                for language in ("python", "rust"):
                    self._expect_fresh(language)
                self.do(lambda: self.sync.closed(BOOK))
                self.mirror.models.clear()
                assert not any(self.mirror.screen.values())
                self.nothing_went_wrong()
        finally:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.do(lambda: None)
            self.loop.close()

    def _drain(self) -> None:
        while self.oracle.questions or self.clock.waiting:
            for question in list(self.oracle.questions):
                self.do(question.whole)
            self.do(lambda: self.clock.advance(10))

    def _expect_fresh(self, language: str) -> None:
        found = [] if (code := self._code(language)) is None else list(_of_one_cell(*code))
        document = self.session.documents.get(f"{BOOK}#{language}")
        assert (document is None) == (code is None)
        if document is not None:
            assert list(document.findings) == [each for _, each in found if each.rule != DISMISSED]
            shown = {uri: len(every) for uri, every in self.mirror.screen.items() if every}
            for uri in dict.fromkeys(uri for uri, _ in found):
                expected = [each for its, each in found if its == uri and each.rule != DISMISSED]
                assert shown.get(uri, 0) == len(expected)

    def _code(self, language: str) -> tuple[str, str, list[str]] | None:
        """The program as it is, as it is reviewed, and the cell of each of its characters, or nothing."""
        text, code, homes = "", "", list[str]()
        gap = {"python": "# %%\n", "rust": "// %%\n"}[language]
        cells = [uri for uri in self.order if self.code[uri] and self.languages[uri] == language]
        for uri in cells:
            its = self.mirror.models[uri].text
            text += f"{' ' * len(gap)}{its}\n"
            code += f"{gap}{python_of(its) if language == 'python' else its}\n"
            homes += [*("" for _ in gap), *(uri for _ in its), ""]
        return (text, code, homes) if cells else None

    def _new(self, cells: list[tuple[bool, str, str]]) -> list[Snapshot]:
        made = []
        for code, language, text in cells:
            self.born += 1
            uri = f"cell:{self.born}"
            self.code[uri], self.languages[uri] = code, language
            self.mirror.models[uri] = Model(text, 1)
            made.append(Snapshot(uri, 1, language, text))
        return made

    def _places(self, uris: list[str]) -> tuple[Cell, ...]:
        return tuple(Cell(uri, code=self.code[uri]) for uri in uris)

    def _splice(
        self,
        start: int,
        removed: int,
        uris: list[str],
        opened: tuple[Snapshot, ...] = (),
        closed: tuple[str, ...] = (),
    ) -> None:
        splice = Splice(start, removed, self._places(uris), opened, closed)
        self.do(lambda: self.sync.spliced(BOOK, splice))


def _of_one_cell(text: str, code: str, homes: list[str]) -> Iterator[tuple[str, Finding]]:
    """What a reviewer finds that stands in one cell as it is, with that cell."""
    for each in complaints(code):
        inside = set(homes[each.span.start : each.span.end])
        if len(inside) == 1 and "" not in inside and each.span.of(text) == each.quote:
            yield inside.pop(), each


def test_what_is_shown_in_cells_is_true(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "kibitz")
    each = settings(
        max_examples=RUNS,
        stateful_step_count=15,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Writing, settings=each)
