"""The usage report of the real server: what was asked a moment ago is in it, by names that may be written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.test_reviewing import server
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, Prompt, Reply, reviewer
from tests.support.lsp_process import Buffer
from tests.support.usage_page import Page

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from tests.support.lsp_process import ServerProcess

SOURCE = "def mean(values):\n    return sum(values) / len(value)\n"
BUG = Bug("len(value)", "len(values)", title="Undefined name", severity="warning", rule="wrong-value")


def answer(prompt: Prompt) -> Reply:
    if "relies_on" not in (prompt.schema or {}).get("properties", {}):
        return reviewer(BUG)(prompt)
    said = {"summary": "It averages.", "relies_on": [], "breaks_when": [], "explanation": "No such name."}
    return Reply(json.dumps(said))


async def opened(editor: ServerProcess, path: Path, text: str) -> Buffer:
    buffer = Buffer(editor, f"file://{path}", text, Encoding.UTF16)
    buffer.open()
    await buffer.diagnostics(1)
    return buffer


async def test_what_was_asked_a_moment_ago_is_in_it(tmp_path: Path) -> None:
    async with FakeProvider(answer) as fake, server(tmp_path, fake) as editor:
        await editor.initialize()
        buffer = await opened(editor, tmp_path / "src/orders.py", SOURCE)
        await opened(editor, Path("/elsewhere/secret-project/outside.py"), SOURCE.replace("mean", "median"))
        (found,) = editor.published(buffer.uri)[-1]["diagnostics"]
        explain = {"uri": buffer.uri, "id": found["data"]["id"]}
        for command, argument in (("kibitz.explain", explain), ("kibitz.usageReport", {"days": 7})):
            params = {"command": command, "arguments": [argument]}
            told = (await editor.request("workspace/executeCommand", params))["result"]
        assert editor.messages[-1] == f"kibitz: {told['text']}"
        assert await editor.leave() == 0
    assert len(fake.requests) == 3
    holds(Path(told["path"]), told["uri"])
    for name in ("usage.html", "state.db"):
        says_no_more_than_it_may(tmp_path / "state" / name, tmp_path)


def holds(path: Path, uri: str) -> None:
    assert (path.as_uri(), path.stat().st_mode & 0o777) == (uri, 0o600)
    page = Page(path.read_text(encoding="utf-8"))
    documents = page.tables["Documents"]
    assert documents.column("requests") == {"src/orders.py": 2, "(about none, or not kept by name)": 1}
    assert documents.sum("requests") == page.tables["Latency by day"].sum("requests") == 3
    assert page.tables["By purpose"].column("requests") == {"review": 2, "explain": 1}
    assert page.tables["Findings by rule"].rows == [["wrong-value", 2, 0, 0]]
    assert page.tables["Hits by tier"].sum("misses") == 2


def says_no_more_than_it_may(file: Path, folder: Path) -> None:
    content = file.read_bytes()
    canary.search(file.name, content)
    assert b"secret-project" not in content, "nothing outside of the open folder has a name"
    assert str(folder).encode() not in content, "nor has what is above it"
