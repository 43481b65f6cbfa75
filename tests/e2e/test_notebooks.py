"""A notebook in a real server process: one program is reviewed, one cell is flagged and mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.test_reviewing import BUG, server
from tests.support.fake_provider import FakeProvider, reviewer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.lsp_process import Json

FIRST = "%matplotlib inline\nimport numpy as np\n!pip install 😀"
SECOND = "def mean(values):\n    return sum(values) / len(value)"
WHERE = {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 35}}


async def test_a_notebook_is_reviewed_as_one_program_and_mended_in_its_cell(tmp_path: Path) -> None:
    book = f"file://{tmp_path}/a.ipynb"
    cells = [f"vscode-notebook-cell:{tmp_path}/a.ipynb#{name}" for name in ("W0", "W1")]
    opened: Json = {
        "notebookDocument": {
            "uri": book,
            "notebookType": "jupyter-notebook",
            "version": 0,
            "cells": [{"kind": 2, "document": cell} for cell in cells],
        },
        "cellTextDocuments": [
            {"uri": cell, "languageId": "python", "version": 3, "text": text}
            for cell, text in zip(cells, (FIRST, SECOND), strict=True)
        ],
    }
    async with FakeProvider(reviewer(BUG)) as fake, server(tmp_path, fake) as editor:
        await editor.initialize(
            notebookDocument={"synchronization": {}},
            workspace={"workspaceEdit": {"documentChanges": True}},
        )
        editor.notify("notebookDocument/didOpen", opened)
        await editor.until(lambda: bool(editor.published(cells[1])))
        (found,) = editor.published(cells[1])[-1]["diagnostics"]
        assert found["range"] == WHERE
        assert editor.published(cells[1])[-1]["version"] == 3
        (request,) = fake.requests
        assert "#pip install" in request.prompt.text
        assert "!pip" not in request.prompt.text
        assert "# %%" in request.prompt.text

        answer = await editor.request(
            "textDocument/codeAction",
            {"textDocument": {"uri": cells[1]}, "range": WHERE, "context": {"diagnostics": [found]}},
        )
        fix = next(each for each in answer["result"] if each.get("edit"))
        (change,) = fix["edit"]["documentChanges"]
        assert change["textDocument"] == {"uri": cells[1], "version": 3}
        (edit,) = change["edits"]
        assert edit["range"]["start"]["line"] == edit["range"]["end"]["line"] == 1
        assert edit["newText"] == "    return sum(values) / len(values)"

        place = {"line": 1, "character": 20}
        answer = await editor.request(
            "textDocument/hover", {"textDocument": {"uri": cells[1]}, "position": place}
        )
        assert "Undefined name" in answer["result"]["contents"]["value"]
        assert answer["result"]["range"] == WHERE

        editor.notify(
            "notebookDocument/didChange",
            {
                "notebookDocument": {"uri": book, "version": 1},
                "change": {
                    "cells": {
                        "textContent": [
                            {
                                "document": {"uri": cells[1], "version": 4},
                                "changes": [{"range": edit["range"], "text": edit["newText"]}],
                            }
                        ]
                    }
                },
            },
        )
        await editor.until(lambda: editor.published(cells[1])[-1]["diagnostics"] == [])
        assert editor.published(cells[0]) == []
        assert editor.messages == []
        assert await editor.leave() == 0
        assert editor.stderr == b""
