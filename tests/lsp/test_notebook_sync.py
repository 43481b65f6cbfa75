"""Tests for notebooks over the wire: what is reviewed of them, and where its findings are shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.lsp_wire import Wire, edit, settle, until
from tests.support.reviewing import FakeBackend, FakeOutcome, FakeService, finding, marked

from kibitz.lsp.framing import Oversize

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Json = dict[str, Any]
BOOK = "file:///work/a.ipynb"
CODE, PROSE = 2, 1
WHERE = {
    "notebookDocument": {"synchronization": {"dynamicRegistration": True}},
    "workspace": {"workspaceEdit": {"documentChanges": True}},
}


def cell(name: str) -> str:
    return f"vscode-notebook-cell:/work/a.ipynb#{name}"


class Book:
    """A notebook in an editor."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.version = 1

    def open(self, *cells: tuple[str, str], language: str = "python", uri: str = BOOK) -> None:
        self.wire.notify(
            "notebookDocument/didOpen",
            {
                "notebookDocument": {
                    "uri": uri,
                    "notebookType": "jupyter-notebook",
                    "version": 1,
                    "cells": [self.cell(name) for name, _ in cells],
                },
                "cellTextDocuments": [self.text(name, text, language) for name, text in cells],
            },
        )

    def change(self, **cells: object) -> None:
        self.version += 1
        self.wire.notify(
            "notebookDocument/didChange",
            {"notebookDocument": {"uri": BOOK, "version": self.version}, "change": {"cells": cells}},
        )

    def splice(
        self,
        start: int,
        removed: int,
        *cells: str,
        opened: tuple[Json, ...] = (),
        closed: tuple[str, ...] = (),
    ) -> None:
        array = {"start": start, "deleteCount": removed, "cells": [self.cell(name) for name in cells]}
        gone = [{"uri": cell(name)} for name in closed]
        self.change(structure={"array": array, "didOpen": list(opened), "didClose": gone})

    def type(self, name: str, version: int, *changes: Json) -> None:
        document = {"uri": cell(name), "version": version}
        self.change(textContent=[{"document": document, "changes": list(changes)}])

    def close(self) -> None:
        self.wire.notify(
            "notebookDocument/didClose", {"notebookDocument": {"uri": BOOK}, "cellTextDocuments": []}
        )

    @staticmethod
    def cell(name: str, kind: int = CODE) -> Json:
        return {"kind": kind, "document": cell(name)}

    @staticmethod
    def text(name: str, text: str, language: str = "python", version: int = 1) -> Json:
        return {"uri": cell(name), "languageId": language, "version": version, "text": text}

    def shown(self, name: str) -> list[Json]:
        """What the editor shows in a cell."""
        lists = [each["diagnostics"] for each in self.wire.published if each["uri"] == cell(name)]
        return lists[-1] if lists else []

    def places(self, name: str) -> list[tuple[int, int, int]]:
        """The same as line, first and last column."""
        ranges = [each["range"] for each in self.shown(name)]
        return [(r["start"]["line"], r["start"]["character"], r["end"]["character"]) for r in ranges]


@pytest.fixture
async def service() -> FakeService:
    return FakeService()


@pytest.fixture
async def wire(service: FakeService) -> AsyncIterator[Wire]:
    wire = Wire(FakeBackend(service))
    yield wire
    await wire.close()


@pytest.fixture
async def book(wire: Wire) -> Book:
    await wire.initialize(WHERE)
    await until(lambda: wire.server.session.service is not None)
    return Book(wire)


async def rest(book: Book) -> None:
    """Let the typing pause, and the reviews end."""
    book.wire.clock.advance(10)
    await settle()
    await until(lambda: not book.wire.server.session.busy)


async def test_notebooks_are_followed_where_the_editor_tells_of_them(wire: Wire) -> None:
    answer = await wire.initialize(WHERE)

    assert answer["capabilities"]["notebookDocumentSync"] == {
        "notebookSelector": [{"notebook": "jupyter-notebook"}],
        "save": True,
    }


async def test_editors_without_notebooks_are_told_nothing(wire: Wire) -> None:
    assert "notebookDocumentSync" not in (await wire.initialize())["capabilities"]


async def test_findings_are_shown_in_their_cells(book: Book, service: FakeService) -> None:
    book.open(("a", "x = 1\ny = bug1"), ("b", "x = 2\nprint('😀é', bug2)"))
    await until(lambda: bool(book.shown("b")))

    assert service.texts == ["# %%\nx = 1\ny = bug1\n# %%\nx = 2\nprint('😀é', bug2)\n"]
    assert service.calls[0].path == "/work/a.ipynb"
    assert book.places("a") == [(1, 4, 8)]
    assert book.places("b") == [(1, 13, 17)]
    versions = {each["uri"]: each["version"] for each in book.wire.published}
    assert versions == {cell("a"): 1, cell("b"): 1}


async def test_commands_and_what_reaches_across_cells_are_not_flagged(
    book: Book, service: FakeService
) -> None:
    service.manual = True
    book.open(("a", "%cd a\nx = !ls"), ("b", "y = bug1"))
    await until(lambda: bool(service.calls))
    call = service.calls[0]
    assert call.text == "# %%\n#cd a\nx = _#s\n# %%\ny = bug1\n"
    quotes = ("#cd a", "x = _#s", "# %%", "x = _#s\n# %%\ny = bug1", "y = bug1")
    call.answer.set_result(FakeOutcome([finding(call.text, quote) for quote in quotes]))
    await rest(book)

    assert book.shown("a") == []
    assert book.places("b") == [(0, 0, 8)]


async def test_cells_of_another_language_are_another_program(book: Book, service: FakeService) -> None:
    book.open(("a", "bug1"), ("b", "bug2"))
    await rest(book)
    book.splice(2, 0, "c", opened=(book.text("c", "bug3 // x", "rust"),))
    await rest(book)

    assert service.texts == ["# %%\nbug1\n# %%\nbug2\n", "// %%\nbug3 // x\n"]
    assert [call.language for call in service.calls] == ["python", "rust"]
    assert book.places("c") == [(0, 0, 4)]


async def test_typing_in_a_cell_moves_what_is_below_in_it_and_nothing_else(
    book: Book, service: FakeService
) -> None:
    book.open(("a", "bug1"), ("b", "\nbug2"), ("c", "bug3"))
    await rest(book)
    sent = len(book.wire.published)
    book.type("b", 2, edit((0, 0), (0, 0), "one\ntwo"), edit((1, 3), (1, 3), "!"))
    await rest(book)

    assert service.texts[-1] == "# %%\nbug1\n# %%\none\ntwo!\nbug2\n# %%\nbug3\n"
    assert [(each["uri"], each["version"]) for each in book.wire.published[sent:]] == [(cell("b"), 2)]
    assert book.places("b") == [(2, 0, 4)]
    assert book.places("c") == [(0, 0, 4)]


async def test_a_cell_that_is_removed_shows_nothing_more(book: Book, service: FakeService) -> None:
    book.open(("a", "bug1"), ("b", "bug2"))
    await rest(book)
    book.splice(0, 1, closed=("a",))

    assert book.shown("a") == []
    assert book.places("b") == [(0, 0, 4)]
    await rest(book)
    assert service.texts[-1] == "# %%\nbug2\n"


async def test_a_moved_cell_keeps_its_findings_all_the_while(book: Book, service: FakeService) -> None:
    book.open(("a", "bug1"), ("b", "bug2"), ("c", "x"))
    await rest(book)
    sent = len(book.wire.published)
    book.splice(0, 3, "b", "c", "a")
    await rest(book)

    assert service.texts[-1] == "# %%\nbug2\n# %%\nx\n# %%\nbug1\n"
    assert book.wire.published[sent:] == []


async def test_a_review_that_is_overtaken_by_a_move_does_not_land(book: Book, service: FakeService) -> None:
    service.manual = True
    book.open(("a", "bug1"), ("b", "bug2"))
    await until(lambda: bool(service.calls))
    book.splice(0, 2, "b", "a")

    service.calls[0].answer.set_result(FakeOutcome(marked(service.calls[0].text)))
    await settle()
    assert book.wire.published == []

    book.wire.clock.advance(10)
    await until(lambda: len(service.calls) == 2)
    service.calls[1].answer.set_result(FakeOutcome(marked(service.calls[1].text)))
    await rest(book)
    assert book.places("a") == book.places("b") == [(0, 0, 4)]


async def test_a_cell_that_becomes_prose_is_left_out(book: Book, service: FakeService) -> None:
    book.open(("a", "bug1"), ("b", "bug2"))
    await rest(book)
    book.change(data=[book.cell("a", PROSE)])
    await rest(book)

    assert book.shown("a") == []
    assert service.texts[-1] == "# %%\nbug2\n"


async def test_a_cell_that_changes_its_language_changes_its_program(book: Book, service: FakeService) -> None:
    book.open(("a", "bug1"))
    await rest(book)
    book.splice(0, 1, "a", opened=(book.text("a", "bug1", "r", 2),), closed=("a",))
    await rest(book)

    assert [call.language for call in service.calls] == ["python", "r"]
    assert book.places("a") == [(0, 0, 4)]
    assert [document.uri for document in book.wire.server.session.documents] == [f"{BOOK}#r"]


async def test_what_cells_put_out_is_nobodys_business(book: Book, service: FakeService) -> None:
    book.open(("a", "bug1"))
    await rest(book)
    sent = len(book.wire.received)
    book.change(data=[book.cell("a") | {"executionSummary": {"executionOrder": 1, "success": True}}])
    book.wire.notify(
        "notebookDocument/didChange",
        {"notebookDocument": {"uri": BOOK, "version": 9}, "change": {"metadata": {"x": 1}}},
    )
    await rest(book)

    assert len(service.calls) == 1
    told = [message.get("method") for message in book.wire.received[sent:]]
    assert set(told) <= {"$/kibitz/status"}, "that the first review is over comes when it comes"


async def test_saving_reviews_at_once(book: Book, service: FakeService) -> None:
    book.open(("a", "bug1"))
    await rest(book)
    book.type("a", 2, {"text": "bug2"})
    book.wire.notify("notebookDocument/didSave", {"notebookDocument": {"uri": BOOK}})
    await until(lambda: len(service.calls) == 2)

    assert service.texts[-1] == "# %%\nbug2\n"


async def test_closing_clears_every_cell(book: Book) -> None:
    book.open(("a", "bug1"), ("b", "bug2"))
    await rest(book)
    book.close()

    assert book.shown("a") == book.shown("b") == []
    assert len(book.wire.server.session.documents) == 0


async def test_an_edit_that_does_not_follow_ends_the_reviews_until_the_notebook_is_opened_again(
    book: Book, service: FakeService
) -> None:
    book.open(("a", "bug1"), ("b", "bug2"))
    await rest(book)
    book.type("a", 1, {"text": "bug3"})
    assert book.shown("a") == book.shown("b") == []
    book.type("a", 2, {"text": "bug4"})
    await rest(book)
    assert len(service.calls) == 1

    book.open(("a", "bug5"))
    await rest(book)
    assert book.places("a") == [(0, 0, 4)]


@pytest.mark.parametrize(
    "message",
    [
        b'{"jsonrpc":"2.0","method":"notebookDocument/didChange","params":{"notebookDocument":{"uri":"%s","version":2},'
        b'"change":{"cells":{"structure":7}}}}' % BOOK.encode(),
        Oversize(
            1 << 30,
            b'{"jsonrpc":"2.0","method":"notebookDocument/didChange","params":{"notebookDocument":{"uri":"%s"'
            % BOOK.encode(),
        ),
    ],
)
async def test_what_cannot_be_read_ends_them_as_well(book: Book, message: bytes | Oversize) -> None:
    book.open(("a", "bug1"))
    await rest(book)
    book.wire.feed(message)

    assert book.shown("a") == []


async def test_views_of_notebooks_are_not_reviewed(book: Book, service: FakeService) -> None:
    book.open(("a", "bug1"), uri="git:/work/a.ipynb")
    await rest(book)

    assert service.calls == []


async def test_commands_take_the_notebook_or_a_cell(book: Book, service: FakeService) -> None:
    book.open(("a", "bug1"))
    await rest(book)
    for uri in (BOOK, cell("a")):
        book.wire.server.session.documents.meant(BOOK)[0].reviewed = None
        command = {"command": "kibitz.analyzeDocument", "arguments": [uri]}
        await book.wire.request("workspace/executeCommand", command)
        await rest(book)

    assert len(service.calls) == 3


async def test_nothing_that_a_client_may_send_is_too_odd(book: Book) -> None:
    book.splice(0, 1)  # Of a notebook that is not open.
    book.change(data=[book.cell("a")])
    book.type("a", 2, {"text": ""})
    book.open(("a", "bug1"), ("a", "bug1"))
    book.splice(5, 7)
    book.open()
    book.close()
    book.close()
    await rest(book)

    assert json.dumps(book.wire.messages) == "[]"
