"""The server with a provider that speaks real HTTP: what is asked, what is shown, what is told."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tests.support import canary, fake_faults
from tests.support.fake_provider import Bug, FakeProvider, Prompt, Reply, reviewer
from tests.support.lsp_process import Buffer, ServerProcess

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """\
def mean(values):
    return sum(values) / len(value)


def twice(number):
    return number + number
"""
BUG = Bug("len(value)", "len(values)", title="Undefined name", trigger="mean([1]) raises NameError")
END = {"start": {"line": 5, "character": 26}, "end": {"line": 5, "character": 26}}
BACK = {"start": {"line": 5, "character": 26}, "end": {"line": 5, "character": 30}}


def server(tmp_path: Path, fake: FakeProvider, **environment: str) -> ServerProcess:
    return ServerProcess(
        tmp_path,
        **{
            "OPENAI_BASE_URL": fake.base_url,
            "OPENAI_API_KEY": canary.KEY,
            "KIBITZ_DEBOUNCE_MS": "50",
            "KIBITZ_MAX_RETRIES": "0",
            **environment,
        },
    )


async def test_open_edit_undo_fix_and_close(tmp_path: Path) -> None:
    async with FakeProvider(reviewer(BUG)) as fake, server(tmp_path, fake) as editor:
        await editor.initialize()
        buffer = Buffer(editor, f"file://{tmp_path}/mean.py", SOURCE, Encoding.UTF16)
        buffer.open()
        (found,) = await buffer.diagnostics(1)
        assert found["message"] == "Undefined name\nmean([1]) raises NameError"
        assert (found["source"], found["severity"]) == ("kibitz", 2)
        assert editor.published(buffer.uri)[-1]["version"] == 1
        assert len(fake.requests) == 1
        assert fake.requests[0].body.get("store") is not True

        buffer.replace(END, " * 1")
        await fake.seen(2)
        assert "number + number * 1" in fake.requests[1].prompt.text
        assert "sum(values)" not in fake.requests[1].prompt.text, "only what changed is sent"

        buffer.replace(BACK, "")
        editor.notify("textDocument/didSave", {"textDocument": {"uri": buffer.uri}})
        buffer.replace(END, " * 2")  # a request that comes after the undo was reviewed
        await fake.seen(3)
        assert "* 2" in fake.requests[2].prompt.text, "the undo asked nothing"

        buffer.apply(await buffer.fix(found["range"]))
        assert await buffer.diagnostics(0) == []
        assert buffer.text == SOURCE.replace("value)", "values)").replace("number\n", "number * 2\n")
        editor.notify("textDocument/didClose", {"textDocument": {"uri": buffer.uri}})
        assert editor.messages == []
        assert await editor.leave() == 0
        assert editor.stderr == b""


async def test_a_newer_text_aborts_what_only_the_older_one_needs(tmp_path: Path) -> None:
    async with FakeProvider(reviewer(BUG)) as fake, server(tmp_path, fake) as editor:
        fake.gate = asyncio.Event()
        await editor.initialize()
        text = "def twice(number):\n    return number\n"
        buffer = Buffer(editor, f"file://{tmp_path}/mean.py", text, Encoding.UTF16)
        buffer.open()
        await fake.seen(1)
        place = {"start": {"line": 1, "character": 17}, "end": {"line": 1, "character": 17}}
        buffer.replace(place, " * 2")
        await fake.seen(2)
        await fake.until(lambda: fake.requests[0].disconnected)
        editor.notify("textDocument/didClose", {"textDocument": {"uri": buffer.uri}})
        await fake.until(lambda: fake.requests[1].disconnected)


async def test_while_the_provider_is_down_findings_stay_and_one_message_says_so(tmp_path: Path) -> None:
    async with FakeProvider(reviewer(BUG)) as fake, server(tmp_path, fake) as editor:
        await editor.initialize()
        buffer = Buffer(editor, f"file://{tmp_path}/mean.py", SOURCE, Encoding.UTF16)
        buffer.open()
        await buffer.diagnostics(1)
        for number in range(2, 4):
            fake.push(fake_faults.status(503))
            buffer.replace(END, f" * {number}")
            await fake.seen(number)
        await editor.until(lambda: bool(editor.messages))
        fake.push(fake_faults.status(503))
        buffer.replace(END, " * 4")
        await fake.seen(4)
        buffer.replace(END, " * 5")
        await fake.seen(5)
        await editor.at_rest()
        assert len([m for m in editor.messages if "requests" not in m]) == 1, editor.messages
        assert editor.messages[0].startswith("kibitz: API error: ")
        assert all(len(p["diagnostics"]) == 1 for p in editor.published(buffer.uri))
        assert await buffer.fix({"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 0}})


async def test_what_could_not_be_looked_at_again_says_so_until_it_is(tmp_path: Path) -> None:
    async with FakeProvider(reviewer(BUG)) as fake, server(tmp_path, fake) as editor:
        await editor.initialize()
        buffer = Buffer(editor, f"file://{tmp_path}/mean.py", SOURCE, Encoding.UTF16)
        buffer.open()
        (fresh,) = await buffer.diagnostics(1)
        assert fresh["data"]["stale"] is False
        fake.push(fake_faults.status(503))
        head = {"start": {"line": 0, "character": 9}, "end": {"line": 0, "character": 15}}
        buffer.replace(head, "values, default=0")
        await editor.until(lambda: "not re-checked" in str(editor.published(buffer.uri)[-1]))
        (stale,) = editor.published(buffer.uri)[-1]["diagnostics"]
        assert stale["message"] == f"{fresh['message']}\nnot re-checked: provider is failing"
        assert stale["data"]["stale"] is True
        assert (stale["range"], stale["severity"]) == (fresh["range"], fresh["severity"])
        assert "tags" not in stale, "editors would show the code as unused"
        action = await buffer.fix(stale["range"])
        assert action["diagnostics"][0]["message"] == stale["message"]
        assert action["isPreferred"] is False
        command = {"command": "kibitz.analyzeDocument", "arguments": [buffer.uri]}
        await editor.request("workspace/executeCommand", command)
        await editor.until(lambda: "not re-checked" not in str(editor.published(buffer.uri)[-1]))
        (again,) = editor.published(buffer.uri)[-1]["diagnostics"]
        assert (again["message"], again["data"]["id"]) == (fresh["message"], fresh["data"]["id"])
        assert len(editor.published(buffer.uri)) == 3, "no flicker in between"


async def test_without_a_key_there_is_one_message_that_says_what_to_do(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path, KIBITZ_DEBOUNCE_MS="10") as editor:
        await editor.initialize()
        buffer = Buffer(editor, f"file://{tmp_path}/mean.py", SOURCE, Encoding.UTF16)
        buffer.open()
        await editor.until(lambda: bool(editor.messages))
        buffer.replace(END, " * 2")
        editor.notify("textDocument/didSave", {"textDocument": {"uri": buffer.uri}})
        assert await buffer.actions(END) == []
        assert await editor.leave() == 0
        assert len(editor.messages) == 1
        assert "OPENAI_API_KEY" in editor.messages[0]
        assert "kibitz model pull" in editor.messages[0]
        assert editor.published(buffer.uri) == []


async def test_a_workspace_may_not_redirect_what_is_sent(tmp_path: Path) -> None:
    async with FakeProvider() as trap, FakeProvider(reviewer(BUG)) as fake, server(tmp_path, fake) as editor:
        hostile = {"baseUrl": trap.base_url, "base_url": trap.base_url, "apiKey": "sk-evil-key"}
        (tmp_path / ".env").write_text(f"OPENAI_BASE_URL={trap.base_url}\nKIBITZ_BASE_URL={trap.base_url}\n")
        editor.send(
            id="i",
            method="initialize",
            params={
                "capabilities": {"workspace": {"configuration": True}},
                "initializationOptions": {"kibitz": hostile},
                "rootUri": f"file://{tmp_path}",
            },
        )
        await editor.wait(lambda m: m.get("id") == "i")
        editor.notify("initialized", {})
        ask = await editor.wait(lambda m: m.get("method") == "workspace/configuration")
        editor.send(id=ask["id"], result=[hostile])
        editor.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": hostile}})
        buffer = Buffer(editor, f"file://{tmp_path}/mean.py", SOURCE, Encoding.UTF16)
        buffer.open()
        await buffer.diagnostics(1)
        assert trap.requests == []
        assert all("sk-evil-key" not in str(seen.headers) for seen in fake.requests)
        assert "sk-evil-key" not in editor.stderr.decode() + "".join(editor.messages)


async def test_ignored_files_are_not_sent(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("private/\n")
    (tmp_path / "private").mkdir()
    async with FakeProvider(reviewer(BUG)) as fake, server(tmp_path, fake) as editor:
        await editor.initialize()
        for name in ("private/a.py", ".env.py", "open.py"):
            Buffer(editor, f"file://{tmp_path}/{name}", SOURCE, Encoding.UTF16).open()
        opened = Buffer(editor, f"file://{tmp_path}/open.py", SOURCE, Encoding.UTF16)
        await opened.diagnostics(1)
        assert await editor.leave() == 0
        assert len(fake.requests) == 1
        assert editor.published(f"file://{tmp_path}/private/a.py") == []


def large(functions: int = 290) -> str:
    """A file of ten lines for each function."""
    return "".join(
        f"def step_{number}(values, limit={number}):\n"
        f'    """Adds up what is below the limit {number}."""\n'
        "    total = 0\n"
        "    for value in values:\n"
        f"        if value < limit + {number}:\n"
        "            total += value\n"
        f"    if total > {number * 1000}:\n"
        f"        return {number}\n"
        "    return total\n"
        "\n"
        for number in range(functions)
    )


async def test_an_edit_in_a_large_file_costs_one_small_request_and_its_undo_none(tmp_path: Path) -> None:
    text = large()
    assert text.count("\n") == 2900
    bug = Bug("total -= value", "total += value")
    async with (
        FakeProvider(reviewer(bug), latency=0.2) as fake,
        server(
            tmp_path, fake, KIBITZ_REQUESTS_PER_MINUTE="1000", KIBITZ_TOKENS_PER_MINUTE="10000000"
        ) as editor,
    ):
        await editor.initialize()
        buffer = Buffer(editor, f"file://{tmp_path}/large.py", text, Encoding.UTF16)
        buffer.open()

        await fake.seen(1)
        await editor.at_rest()
        before = len(fake.requests)

        sign = {"start": {"line": 1505, "character": 18}, "end": {"line": 1505, "character": 19}}
        assert buffer.covered(sign) == "+"
        began = time.monotonic()
        buffer.replace(sign, "-")
        await buffer.diagnostics(1)
        took = time.monotonic() - began
        assert len(fake.requests) == before + 1
        request = fake.requests[-1]
        assert "step_150" in request.prompt.text
        assert "step_149" not in request.prompt.text
        tokens = len(str(request.body)) / 3
        assert tokens < 3000, "at three characters a token, which is more than any model counts"
        assert took < 5, f"{took:.2f} s; benchmarks/session.py measures it"

        buffer.replace(sign, "+")
        assert await buffer.diagnostics(0) == []
        await editor.at_rest()
        assert len(fake.requests) == before + 1


async def test_a_finding_is_shown_before_its_answer_is_complete(tmp_path: Path) -> None:
    source = f"{SOURCE}\n\ndef median(values):\n    return sorted(values)[len(value) // 2]\n"
    holds = asyncio.Event()

    def answer(prompt: Prompt) -> Reply:
        reply = reviewer(BUG)(prompt)
        return reply.but(breaks="cut", holds=holds, breaks_after=reply.content.index("}") + 1)

    async with FakeProvider(answer) as fake, server(tmp_path, fake, KIBITZ_EARLY="true") as editor:
        await editor.initialize()
        buffer = Buffer(editor, f"file://{tmp_path}/mean.py", source, Encoding.UTF16)
        buffer.open()
        (found,) = await buffer.diagnostics(1)
        assert not fake.requests[0].answered
        assert await buffer.actions(found["range"])
        holds.set()
        # The answer breaks off: what was shown stays, the failure is told, and it is asked again when saved.
        await editor.until(lambda: len(editor.messages) == 1)
        assert "broke before the answer was complete" in editor.messages[0]
        assert editor.published(buffer.uri)[-1]["diagnostics"] == [found]
        fake.answer = reviewer(BUG)
        editor.notify("textDocument/didSave", {"textDocument": {"uri": buffer.uri}})
        assert len(await buffer.diagnostics(2)) == 2
        assert len(fake.requests) == 2
        assert await editor.leave() == 0


async def test_what_is_asked_for_by_name_is_verified(tmp_path: Path) -> None:
    answers = reviewer(BUG, refuted=(BUG.title,))
    async with FakeProvider(answers) as fake, server(tmp_path, fake, KIBITZ_VERIFY="on-demand") as editor:
        await editor.initialize()
        buffer = Buffer(editor, f"file://{tmp_path}/mean.py", SOURCE, Encoding.UTF16)
        buffer.open()
        await buffer.diagnostics(1)
        arguments = [buffer.uri]
        await editor.request(
            "workspace/executeCommand", {"command": "kibitz.analyzeDocument", "arguments": arguments}
        )
        assert await buffer.diagnostics(0) == []
        assert "Judge the claims" in fake.requests[1].prompt.text
        buffer.replace(END, " * 1")
        await fake.seen(3)
        assert await buffer.diagnostics(0) == [], "what was refuted does not come back"
        assert await editor.leave() == 0
