"""The engine as an editor sees it: priorities, fallbacks, consents, keys; over real pipes and HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from tests.support import fake_faults
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.lsp_process import SECONDS, Buffer, ServerProcess

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fake_provider import Prompt

BUG = Bug("len(value)", "len(values)", title="Undefined name", trigger="mean([1]) raises NameError")
KEY, NEXT = "sk-engine-first-0123456789", "sk-engine-second-0123456789"
ASK = "window/showMessageRequest"


def source(number: int) -> str:
    return f"def mean_{number}(values):\n    return sum(values) / len(value)\n"


def server(tmp_path: Path, fake: FakeProvider, **environment: str) -> ServerProcess:
    return ServerProcess(
        tmp_path,
        **{
            "OPENAI_BASE_URL": fake.base_url,
            "OPENAI_API_KEY": KEY,
            "KIBITZ_DEBOUNCE_MS": "50",
            "KIBITZ_MAX_RETRIES": "0",
            **environment,
        },
    )


def opened(editor: ServerProcess, number: int) -> Buffer:
    buffer = Buffer(editor, f"untitled:{number}.py", source(number), Encoding.UTF16)
    buffer.open()
    return buffer


async def command(editor: ServerProcess, name: str, *arguments: object) -> Any:
    params = {"command": f"kibitz.{name}", "arguments": list(arguments)}
    return (await editor.request("workspace/executeCommand", params))["result"]


def asked(prompt: Prompt) -> str:
    """Which of our sources a request is about."""
    return prompt.text.partition("def mean_")[2].partition("(")[0]


async def waiting(editor: ServerProcess, count: int) -> None:
    """Wait until so many requests stand in line behind the one under way."""
    async with asyncio.timeout(SECONDS):
        while f"1 under way, {count} waiting" not in (await command(editor, "showStatus"))["text"]:
            pass  # Each answer is a new look.


async def test_the_document_in_focus_is_reviewed_before_those_that_wait(tmp_path: Path) -> None:
    async with (
        FakeProvider(reviewer(BUG)) as fake,
        server(tmp_path, fake, KIBITZ_MAX_CONCURRENCY="1") as editor,
    ):
        fake.gate = asyncio.Event()
        await editor.initialize()
        buffers = [opened(editor, number) for number in range(6)]
        await waiting(editor, 3)  # The one opened last is looked at; four of those opened with it may begin.
        await buffers[4].actions({"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}})
        await waiting(editor, 4)
        await command(editor, "analyzeDocument", buffers[1].uri)
        fake.gate.set()
        for buffer in buffers:
            await buffer.diagnostics(1)
        first, *order = [asked(seen.prompt) for seen in fake.requests]
        assert sorted((first, *order)) == list("012345")
        assert [each for each in order if each in "145"] == [each for each in "154" if each != first]
        assert set(order[-2:]) <= set("023"), "nobody looked at these"


async def test_a_model_that_is_gone_is_told_once_and_another_one_answers(tmp_path: Path) -> None:
    def answer(prompt: Prompt) -> object:
        return fake_faults.status(404) if prompt.body["model"] == "gone" else reviewer(BUG)(prompt)

    async with (
        FakeProvider(answer) as fake,  # type: ignore[arg-type]  # a fault or an answer
        server(tmp_path, fake, KIBITZ_MODEL="gone", KIBITZ_FALLBACK_MODEL="fake-2") as editor,
    ):
        await editor.initialize()
        for number in range(3):
            await opened(editor, number).diagnostics(1)
        await editor.at_rest()
        (told,) = editor.messages
        assert "has no model 'gone'" in told
        assert "the setting model" in told
        assert "fake-2 at 127.0.0.1" in told
        status = (await command(editor, "showStatus"))["text"]
        assert "falls back to fake-2 at 127.0.0.1" in status
        assert "lately: fallback model, gone at 127.0.0.1" in status
        assert await editor.leave() == 0
    steps = [json.loads(line) for line in editor.stderr.decode().splitlines()]
    assert [step["event"] for step in steps] == ["provider: model missing", "provider: fallback model"]
    assert [step["why"] for step in steps] == ["model_not_found"] * 2
    assert "def mean" not in editor.stderr.decode()


async def test_a_key_goes_nowhere_new_until_its_owner_says_so(tmp_path: Path) -> None:
    async with (
        FakeProvider(reviewer(BUG)) as fake,
        server(tmp_path, fake, OPENAI_BASE_URL="https://models.invalid/v1") as editor,
    ):
        await editor.initialize()
        buffer = opened(editor, 1)
        question = await editor.wait(lambda m: m.get("method") == ASK)
        assert question["params"]["message"].startswith(
            "kibitz: Send the key from environment variable OPENAI_API_KEY to https://models.invalid:443? "
        )
        assert "key not allowed" not in str(editor.published(buffer.uri)), "there was nothing to doubt"
        await command(editor, "analyzeDocument", buffer.uri)
        await editor.at_rest()
        editor.send(id=question["id"], result={"title": "Allow"})
        await editor.until(lambda: any("cannot be reached" in message for message in editor.messages))
        assert len([m for m in editor.received if m.get("method") == ASK]) == 1
        (kept,) = await asyncio.to_thread(lambda: list(tmp_path.rglob("consents.json")))
        assert json.loads(await asyncio.to_thread(kept.read_text))["allowed"] == [
            {"origin": "https://models.invalid:443", "place": "environment variable OPENAI_API_KEY"}
        ]
        assert await editor.leave() == 0


async def test_an_editor_that_cannot_ask_is_told_what_to_run(tmp_path: Path) -> None:
    async with (
        FakeProvider(reviewer(BUG)) as fake,
        server(tmp_path, fake, OPENAI_BASE_URL="https://models.invalid/v1") as editor,
    ):
        await editor.initialize()
        opened(editor, 1)
        question = await editor.wait(lambda m: m.get("method") == ASK)
        editor.send(id=question["id"], error={"code": -32601, "message": "no such method"})
        await editor.until(lambda: bool(editor.messages))
        (told,) = editor.messages
        assert told.endswith("if that address is right, run: kibitz key allow https://models.invalid:443")
        assert await editor.leave() == 0
        assert not await asyncio.to_thread(lambda: list(tmp_path.rglob("consents.json")))


async def test_a_key_that_was_replaced_is_used_after_a_reload_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(0o600)
    async with FakeProvider(reviewer(BUG), key=NEXT) as fake:
        environment = server(tmp_path, fake, KIBITZ_API_KEY_FILE=str(path))
        environment._environment.pop("OPENAI_API_KEY")
        async with environment as editor:
            await editor.initialize()
            buffer = opened(editor, 1)
            await editor.until(lambda: any("does not accept the API key" in m for m in editor.messages))
            path.write_text(NEXT)
            said = await command(editor, "reloadKey")
            assert said.startswith("the keys were reloaded; key ")
            assert said.endswith(f" from file {path}: ready")
            await buffer.diagnostics(1)
            assert await editor.leave() == 0
    everything = editor.stderr.decode() + json.dumps(editor.received)
    assert KEY not in everything
    assert NEXT not in everything
