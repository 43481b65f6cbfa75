"""What was reviewed once is never sent again: the real server, and a provider that counts."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self

import pytest
import pytest_asyncio
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.lsp_process import Buffer, ServerProcess, clean_environment

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.deep, pytest.mark.asyncio(loop_scope="module")]
BUG = Bug("len(value)", "len(values)", title="Undefined name", trigger="mean([1]) raises NameError")


class Code:
    """Three functions that nobody has seen before, by their ``tag``."""

    def __init__(self, tag: str) -> None:
        self.mean = f"def mean_{tag}(values):\n    return sum(values) / len(value)\n"
        self.twice = f"def twice_{tag}(number):\n    return number + number\n"
        self.thrice = f"def thrice_{tag}(number):\n    return number + number + number\n"
        self.all = f"{self.mean}\n\n{self.twice}\n\n{self.thrice}"
        self.edited = self.all.replace("number + number\n", "number * 2\n", 1)


class Window:
    """An editor with its own server, and the provider that all of them share."""

    def __init__(self, editor: ServerProcess, fake: FakeProvider, folder: Path) -> None:
        self.editor = editor
        self.fake = fake
        self.folder = folder

    def open(self, name: str, text: str) -> Buffer:
        buffer = Buffer(self.editor, f"file://{self.folder}/{name}", text, Encoding.UTF16)
        buffer.open()
        return buffer

    def close(self, buffer: Buffer) -> None:
        self.editor.notify("textDocument/didClose", {"textDocument": {"uri": buffer.uri}})

    async def change(self, buffer: Buffer, text: str) -> None:
        """Make the buffer hold ``text``, and wait until that is reviewed."""
        start = {"line": 0, "character": 0}
        end = {"line": buffer.text.count("\n"), "character": 0}
        buffer.replace({"start": start, "end": end}, text)
        assert buffer.text == text
        await self.shows(buffer)

    async def shows(self, buffer: Buffer) -> None:
        """Everything is reviewed, and the bug is shown wherever it stands."""
        await self.editor.at_rest()
        if count := buffer.text.count(BUG.text):
            found = await buffer.diagnostics(count)
            assert all(BUG.text in buffer.covered(each["range"]) for each in found)
        else:
            assert not any(last["diagnostics"] for last in self.editor.published(buffer.uri)[-1:])


class Asked:
    """What was sent to the provider while the block ran."""

    def __init__(self, fake: FakeProvider) -> None:
        self._fake = fake
        self._before = len(fake.requests)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.texts = [seen.prompt.text for seen in self._fake.requests[self._before :]]


@asynccontextmanager
async def window(home: Path, fake: FakeProvider, folder: Path | None = None) -> AsyncIterator[Window]:
    environment = {
        "OPENAI_BASE_URL": fake.base_url,
        "OPENAI_API_KEY": canary.KEY,
        "KIBITZ_DEBOUNCE_MS": "20",
        "KIBITZ_MAX_RETRIES": "0",
    }
    async with ServerProcess(home, **environment) as editor:
        await editor.initialize()
        yield Window(editor, fake, folder or home)
        assert await editor.leave() == 0


@pytest_asyncio.fixture(loop_scope="module")
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(reviewer(BUG)) as provider:
        yield provider


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Window]:
    """One window for all that needs no other: a server takes a second to start."""
    async with (
        FakeProvider(reviewer(BUG)) as provider,
        window(tmp_path_factory.mktemp("home"), provider) as shared,
    ):
        yield shared


async def run(*command: str, home: Path, fake: FakeProvider) -> int:
    environment = {"OPENAI_BASE_URL": fake.base_url, "OPENAI_API_KEY": canary.KEY}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=home,
        env=clean_environment(home, environment),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


async def check(home: Path, fake: FakeProvider, path: str) -> int:
    return await run(sys.executable, "-m", "kibitz", "check", path, home=home, fake=fake)


async def test_undo_and_redo(here: Window) -> None:
    code = Code("undo")
    buffer = here.open("undo.py", code.all)
    await here.shows(buffer)
    with Asked(here.fake) as asked:
        await here.change(buffer, code.edited)
    (text,) = asked.texts
    assert "number * 2" in text
    assert "mean" not in text
    with Asked(here.fake) as asked:
        await here.change(buffer, code.all)
        await here.change(buffer, code.edited)
        await here.change(buffer, code.all)
    assert asked.texts == []


async def test_cut_and_paste_of_a_function_to_another_file(here: Window) -> None:
    code, other = Code("cut"), "LIMIT = 3\n\n\ndef half(number):\n    return number / 2\n"
    source, target = here.open("source.py", code.all), here.open("target.py", other)
    await here.shows(source)
    await here.shows(target)
    with Asked(here.fake) as asked:
        await here.change(source, code.all.removeprefix(f"{code.mean}\n\n"))
        await here.change(target, f"{other}\n\n{code.mean}")
    assert asked.texts == []


async def test_rename_of_the_file(here: Window) -> None:
    code = Code("rename")
    buffer = here.open("before.py", code.all)
    await here.shows(buffer)
    with Asked(here.fake) as asked:
        here.close(buffer)
        await here.shows(here.open("folder/after.py", code.all))
    assert asked.texts == []


async def test_reformatting_of_another_function(here: Window) -> None:
    code = Code("format")
    reformatted = code.twice.replace("number + number", "(\n        number + number\n    )")
    buffer = here.open("format.py", code.all)
    await here.shows(buffer)
    with Asked(here.fake) as asked:
        await here.change(buffer, code.all.replace(code.twice, reformatted))
    (text,) = asked.texts
    assert "twice" in text, "that function is new as it stands now"
    assert "mean" not in text
    assert "thrice" not in text
    with Asked(here.fake) as asked:
        await here.change(buffer, code.all)
        await here.change(buffer, code.all.replace("\n\n\n", "\n\n\n\n\n"))
        await here.change(buffer, f"{reformatted}\n{code.thrice}\n{code.mean}")
    assert asked.texts == [], "blank lines, the order and a format that was there before are not new"


async def test_branch_switch_and_back(here: Window) -> None:
    code, home, path = Code("branch"), here.folder, here.folder / "branch.py"
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")

    async def git(*arguments: str) -> None:
        assert await run("git", *identity, *arguments, home=home, fake=here.fake) == 0

    await git("init", "--quiet", "--initial-branch=main")
    path.write_text(code.all)
    await git("add", "branch.py")
    await git("commit", "--quiet", "--message=one")
    buffer = here.open("branch.py", path.read_text())
    await here.shows(buffer)
    await git("switch", "--quiet", "--create=topic")
    path.write_text(code.edited)
    await git("commit", "--quiet", "--all", "--message=two")
    with Asked(here.fake) as asked:
        await here.change(buffer, path.read_text())
    assert len(asked.texts) == 1
    with Asked(here.fake) as asked:
        for branch in ("main", "topic", "main"):
            await git("switch", "--quiet", branch)
            await here.change(buffer, path.read_text())
    assert asked.texts == []


async def test_server_restart_and_a_check_after_it(tmp_path: Path, fake: FakeProvider) -> None:
    code = Code("restart")
    (tmp_path / "a.py").write_text(code.all)
    async with window(tmp_path, fake) as first:
        await first.shows(first.open("a.py", code.all))
    with Asked(fake) as asked:
        async with window(tmp_path, fake) as second:
            await second.shows(second.open("a.py", code.all))
        assert await check(tmp_path, fake, "a.py") == 1, "there is a finding"
    assert asked.texts == []


async def test_second_window(tmp_path: Path, fake: FakeProvider) -> None:
    code = Code("window")
    async with window(tmp_path, fake) as first:
        buffer = first.open("a.py", code.all)
        await first.shows(buffer)
        async with window(tmp_path, fake, tmp_path / "another clone") as second:
            with Asked(fake) as asked:
                other = second.open("elsewhere.py", code.all)
                await second.shows(other)
            assert asked.texts == []
            await first.change(buffer, code.edited)
            with Asked(fake) as asked:
                await second.change(other, code.edited)
            assert asked.texts == [], "what one window learns while both are open, the other knows"
