"""Notebooks, for the clients that have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lsp.clients.expected import EXPECTED
from tests.support.captured_wire import CapturedWire
from tests.support.lsp_wire import until
from tests.support.texts import naive_offset

from kibitz.text.lines import Position

if TYPE_CHECKING:
    from tests.support.lsp_wire import Json

BOOK = "untitled:book.ipynb"
FIRST, PROSE, SECOND = (f"vscode-notebook-cell:book.ipynb#W{number}" for number in range(3))
CODE = {FIRST: "a = 1\n", PROSE: "# bug9\n", SECOND: "%cd x\ns = '😀é'; x = bug1\n"}


def opened(client: CapturedWire) -> None:
    cells = [{"kind": 1 if uri == PROSE else 2, "document": uri} for uri in CODE]
    notebook = {"uri": BOOK, "notebookType": "jupyter-notebook", "version": 1, "cells": cells}
    texts = [
        {"uri": uri, "languageId": "markdown" if uri == PROSE else "python", "version": 3, "text": text}
        for uri, text in CODE.items()
    ]
    client.notify("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": texts})


def covered(client: CapturedWire, where: Json) -> str:
    start, end = (
        naive_offset(CODE[SECOND], Position(place["line"], place["character"]), client.encoding)
        for place in (where["start"], where["end"])
    )
    return CODE[SECOND][start:end]


async def test_they_are_offered_where_there_are_any(client: CapturedWire) -> None:
    offered = (await client.begin())["capabilities"]
    assert ("notebookDocumentSync" in offered) is EXPECTED[client.name].notebooks


async def test_a_finding_its_hover_and_its_fix_are_the_cells() -> None:
    client = CapturedWire("vscode-11")
    await client.begin()
    client.clock.advance(60)
    opened(client)
    await until(lambda: any(each["diagnostics"] for each in client.published))
    (published,) = [each for each in client.published if each["diagnostics"]]
    assert (published["uri"], published["version"]) == (SECOND, 3)
    (found,) = published["diagnostics"]
    assert covered(client, found["range"]) == "bug1"

    here = {"textDocument": {"uri": SECOND}}
    hover = await client.request("textDocument/hover", {**here, "position": found["range"]["start"]})
    assert covered(client, hover["result"]["range"]) == "bug1"
    asked = {**here, "range": found["range"], "context": {"diagnostics": [found]}}
    actions = (await client.request("textDocument/codeAction", asked))["result"]
    (change,) = next(each for each in actions if "edit" in each)["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": SECOND, "version": 3}
    assert [covered(client, each["range"]) for each in change["edits"]] == ["bug1"]

    client.notify(
        "notebookDocument/didClose",
        {"notebookDocument": {"uri": BOOK}, "cellTextDocuments": [{"uri": uri} for uri in CODE]},
    )
    await until(lambda: client.published[-1]["uri"] == SECOND and not client.published[-1]["diagnostics"])
    await client.close()
