"""A project's own rules in the real server: asked about once, then used, and followed as they change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.test_reviewing import server
from tests.support.fake_provider import FakeProvider, Prompt
from tests.support.lsp_process import Buffer, ServerProcess

from kibitz.lsp.trusting import TRUST
from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from pathlib import Path

CODE = "def show(total):\n    print(total)\n"
RULE = "---\nseverity: info\n---\n# No print in library code\n\nReport calls of `print`: BODY-OF-IT.\n"
ASK = "window/showMessageRequest"


def breach(_prompt: Prompt) -> dict[str, Any]:
    found = {
        "rule": "project/no-print",
        "start_line": 2,
        "quote": "    print(total)",
        "title": "The library prints",
        "trigger": "show(1) prints 1.",
        "severity": "error",
        "confidence": "certain",
        "replacement": None,
    }
    return {"findings": [found]}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / ".kibitz" / "rules").mkdir(parents=True)
    (tmp_path / ".kibitz" / "rules" / "no-print.md").write_text(RULE)
    return tmp_path


def opened(editor: ServerProcess, folder: Path) -> Buffer:
    buffer = Buffer(editor, f"file://{folder}/a.py", CODE, Encoding.UTF16)
    buffer.open()
    return buffer


async def test_rules_are_used_once_the_user_says_so(shop: Path) -> None:
    async with FakeProvider(breach) as fake:
        async with server(shop, fake) as editor:
            await editor.initialize()
            buffer = opened(editor, shop)
            asked = await editor.wait(lambda message: message.get("method") == ASK)
            assert str(shop) in asked["params"]["message"]
            await fake.seen(1)
            await editor.at_rest()
            assert "BODY-OF-IT" not in json.dumps(fake.requests[0].body)
            assert "no-print" not in json.dumps(fake.requests[0].body)
            editor.send(id=asked["id"], result={"title": TRUST})
            (found,) = await buffer.diagnostics(1)
            assert (found["code"], found["severity"]) == ("project/no-print", 3)
            assert "codeDescription" not in found
            await fake.seen(2)
            assert "BODY-OF-IT" in fake.requests[1].prompt.text
            assert await editor.leave() == 0
        async with server(shop, fake) as editor:
            await editor.initialize()
            buffer = opened(editor, shop)
            await buffer.diagnostics(1)
            assert not any(message.get("method") == ASK for message in editor.received)
            assert len(fake.requests) == 2, "what is known by these rules is not asked again"
            assert await editor.leave() == 0


async def test_a_rule_that_changes_is_followed_without_a_restart(shop: Path) -> None:
    async with FakeProvider(breach) as fake, server(shop, fake) as editor:
        await editor.initialize()
        buffer = opened(editor, shop)
        asked = await editor.wait(lambda message: message.get("method") == ASK)
        editor.send(id=asked["id"], result={"title": TRUST})
        (found,) = await buffer.diagnostics(1)
        assert found["severity"] == 3
        await editor.at_rest()
        before = len(fake.requests)
        (shop / ".kibitz" / "rules" / "no-print.md").write_text(
            RULE.replace("severity: info", "severity: error")
        )
        editor.notify("textDocument/didSave", {"textDocument": {"uri": buffer.uri}})
        await fake.seen(before + 1)
        await editor.until(
            lambda: [d["severity"] for d in editor.published(buffer.uri)[-1]["diagnostics"]] == [1]
        )
        assert await editor.leave() == 0
