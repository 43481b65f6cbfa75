"""All files of a folder are reviewed on request: a real server, real files, a provider on real HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.e2e.test_reviewing import BUG, server
from tests.support.fake_provider import FakeProvider, reviewer
from tests.support.lsp_process import Buffer

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.lsp_process import Json, ServerProcess

MEAN = "def mean(values):\n    return sum(values) / len(value)\n"
TWICE = "def twice(number):\n    return number * 2\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with two files, one of them with a bug, and with what must not be sent."""
    home = tmp_path / "home"
    files = {
        "deep/mean.py": MEAN,
        "twice.py": TWICE,
        ".ssh/a.py": TWICE,
        "out.py": TWICE,
        ".gitignore": "out.py\n",
    }
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return home


async def analyze(editor: ServerProcess, *arguments: object) -> Json:
    params = {"command": "kibitz.analyzeWorkspace", "arguments": list(arguments)}
    answer: Json = (await editor.request("workspace/executeCommand", params))["result"]
    return answer


async def command(editor: ServerProcess, name: str) -> None:
    await editor.request("workspace/executeCommand", {"command": f"kibitz.{name}"})


async def told(editor: ServerProcess, part: str, times: int = 1) -> str:
    """The message that has ``part``, when it comes for the n-th time."""
    await editor.until(lambda: sum(part in message for message in editor.messages) >= times)
    return [message for message in editor.messages if part in message][times - 1]


def counts(editor: ServerProcess, uri: str) -> list[int]:
    return [len(params["diagnostics"]) for params in editor.published(uri)]


async def test_a_file_that_is_not_open_is_flagged_and_known_ever_after(home: Path) -> None:
    uri = (home / "deep/mean.py").as_uri()
    async with FakeProvider(reviewer(BUG)) as fake, server(home, fake) as editor:
        await editor.initialize()
        await editor.at_rest()
        assert await analyze(editor) == {"started": True, "text": ""}
        assert "2 of 2 files not known yet" in await told(editor, "sends about")
        assert await told(editor, "reviewed:") == "kibitz: 2 files reviewed: 1 finding in 1 file"
        assert counts(editor, uri) == [1]
        assert len(fake.requests) == 2

        await analyze(editor)
        await told(editor, "reviewed:", 2)
        assert len(fake.requests) == 2, "all of it is known"
        assert counts(editor, uri) == [1]

        buffer = Buffer(editor, uri, MEAN, Encoding.UTF16)
        buffer.open()
        await editor.until(lambda: len(editor.published(uri)) == 2)
        await editor.at_rest()
        (found,) = editor.published(uri)[-1]["diagnostics"]
        assert buffer.covered(found["range"]) == "return sum(values) / len(value)"
        assert counts(editor, uri) == [1, 1], "it never flickers"
        assert editor.published(uri)[-1]["version"] == 1
        editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        await editor.until(lambda: counts(editor, uri) == [1, 1, 1])

        (home / "deep/mean.py").write_text(MEAN.replace("len(value)", "len(values)"))
        editor.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
        await editor.until(lambda: counts(editor, uri) == [1, 1, 1, 0])
        assert len(fake.requests) == 2
        assert await editor.leave() == 0
        assert editor.stderr == b""


async def test_what_is_much_is_asked_about_before_anything_is_sent(home: Path) -> None:
    for number in range(40):
        (home / f"much{number}.py").write_text(MEAN.replace("mean", f"mean_{number}"))
    async with FakeProvider() as fake:
        elsewhere = {"OPENAI_BASE_URL": "https://models.invalid/v1", "KIBITZ_MODEL": "fake-1"}
        async with server(home, fake, **elsewhere) as editor:
            await editor.initialize()
            await editor.at_rest()
            await analyze(editor)
            asked = await editor.wait(lambda m: m.get("method") == "window/showMessageRequest")
            assert "42 of 42 files not known yet: that sends about" in asked["params"]["message"]
            assert [each["title"] for each in asked["params"]["actions"]] == ["Review them", "Not now"]
            editor.send(id=asked["id"], result={"title": "Not now"})
            await editor.at_rest()
            # The next one asks again: the first is over.
            assert (await analyze(editor))["started"] is True
            assert editor.messages == []
        async with server(home, fake) as editor:
            await editor.initialize()
            await editor.at_rest()
            await analyze(editor)
            await told(editor, "42 files reviewed")
            assert not [m for m in editor.received if m.get("method") == "window/showMessageRequest"]
            assert len(fake.requests) == 42, "what stays on this machine costs nothing"


async def test_it_is_cancelled_by_its_progress_and_by_a_pause(home: Path) -> None:
    async with FakeProvider(reviewer(BUG)) as fake, server(home, fake) as editor:
        fake.gate = asyncio.Event()
        await editor.initialize(window={"workDoneProgress": True})
        await editor.at_rest()
        await analyze(editor)
        asked = await editor.wait(lambda m: m.get("method") == "window/workDoneProgress/create")
        editor.send(id=asked["id"], result=None)
        await fake.seen(2)
        begun = await editor.wait(lambda m: m.get("method") == "$/progress")
        assert begun["params"]["value"]["title"] == "Reviewing the workspace"
        assert begun["params"]["value"]["cancellable"] is True
        editor.notify("window/workDoneProgress/cancel", {"token": begun["params"]["token"]})
        await editor.wait(lambda m: m.get("method") == "$/progress" and m["params"]["value"]["kind"] == "end")
        await fake.until(lambda: all(each.disconnected for each in fake.requests))

        await analyze(editor)
        await fake.seen(4)
        await command(editor, "pause")
        await fake.until(lambda: all(each.disconnected for each in fake.requests))
        assert (await analyze(editor))["started"] is False
        await command(editor, "resume")
        fake.gate.set()
        await analyze(editor)
        await told(editor, "reviewed: 1 finding")
        assert await editor.leave() == 0
