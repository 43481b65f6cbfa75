"""What was reviewed once is never sent again: the real server, and a provider that counts."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self

from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.lsp_process import Buffer, ServerProcess, clean_environment

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MEAN = "def mean(values):\n    return sum(values) / len(value)\n"
TWICE = "def twice(number):\n    return number + number\n"
THRICE = "def thrice(number):\n    return number + number + number\n"
SOURCE = f"{MEAN}\n\n{TWICE}\n\n{THRICE}"
BUG = Bug("len(value)", "len(values)", title="Undefined name", trigger="mean([1]) raises NameError")


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


def provider() -> FakeProvider:
    return FakeProvider(reviewer(BUG))


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


async def test_undo_and_redo(tmp_path: Path) -> None:
    edited = SOURCE.replace("return number + number\n", "return number * 2\n")
    async with provider() as fake, window(tmp_path, fake) as here:
        buffer = here.open("a.py", SOURCE)
        await here.shows(buffer)
        with Asked(fake) as asked:
            await here.change(buffer, edited)
        (text,) = asked.texts
        assert "number * 2" in text
        assert "mean" not in text
        with Asked(fake) as asked:
            await here.change(buffer, SOURCE)
            await here.change(buffer, edited)
            await here.change(buffer, SOURCE)
        assert asked.texts == []


async def test_cut_and_paste_of_a_function_to_another_file(tmp_path: Path) -> None:
    other = "LIMIT = 3\n\n\ndef half(number):\n    return number / 2\n"
    async with provider() as fake, window(tmp_path, fake) as here:
        source, target = here.open("a.py", SOURCE), here.open("b.py", other)
        await here.shows(source)
        await here.shows(target)
        with Asked(fake) as asked:
            await here.change(source, SOURCE.removeprefix(f"{MEAN}\n\n"))
            await here.change(target, f"{other}\n\n{MEAN}")
        assert asked.texts == []


async def test_rename_of_the_file(tmp_path: Path) -> None:
    async with provider() as fake, window(tmp_path, fake) as here:
        buffer = here.open("a.py", SOURCE)
        await here.shows(buffer)
        with Asked(fake) as asked:
            here.close(buffer)
            await here.shows(here.open("folder/renamed.py", SOURCE))
        assert asked.texts == []


async def test_reformatting_of_another_function(tmp_path: Path) -> None:
    reformatted = TWICE.replace("number + number", "(\n        number + number\n    )")
    async with provider() as fake, window(tmp_path, fake) as here:
        buffer = here.open("a.py", SOURCE)
        await here.shows(buffer)
        with Asked(fake) as asked:
            await here.change(buffer, SOURCE.replace(TWICE, reformatted))
        assert len(asked.texts) == 1, "the new text of that function is new"
        assert not {"mean", "thrice"} & set(asked.texts[0].replace("(", " ").split()), "and nothing else"
        with Asked(fake) as asked:
            await here.change(buffer, SOURCE)
            await here.change(buffer, SOURCE.replace("\n\n\n", "\n\n\n\n\n"))
            await here.change(buffer, f"{reformatted}\n{THRICE}\n{MEAN}")
        assert asked.texts == [], "neither do blank lines, the order, or a format that was there before"


async def test_branch_switch_and_back(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(SOURCE)
    async with provider() as fake, window(tmp_path, fake) as here:

        async def git(*arguments: str) -> None:
            assert await run("git", *arguments, home=tmp_path, fake=fake) == 0

        await git("init", "--quiet", "--initial-branch=main")
        await git("add", "a.py")
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
        await git(*identity, "commit", "--quiet", "--message=one")
        await git("switch", "--quiet", "--create=topic")
        path.write_text(SOURCE.replace("number + number\n", "2 * number\n").replace("mean", "average"))
        await git(*identity, "commit", "--quiet", "--all", "--message=two")
        await git("switch", "--quiet", "main")
        buffer = here.open("a.py", path.read_text())
        await here.shows(buffer)
        await git("switch", "--quiet", "topic")
        with Asked(fake) as asked:
            await here.change(buffer, path.read_text())
        assert len(asked.texts) == 1
        with Asked(fake) as asked:
            for branch in ("main", "topic", "main"):
                await git("switch", "--quiet", branch)
                await here.change(buffer, path.read_text())
        assert asked.texts == []


async def test_server_restart_and_a_check_after_it(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(SOURCE)
    async with provider() as fake:
        async with window(tmp_path, fake) as first:
            await first.shows(first.open("a.py", SOURCE))
        with Asked(fake) as asked:
            async with window(tmp_path, fake) as second:
                await second.shows(second.open("a.py", SOURCE))
            assert await check(tmp_path, fake, "a.py") == 1, "there is a finding"
        assert asked.texts == []


async def test_second_window(tmp_path: Path) -> None:
    edited = SOURCE.replace("number + number\n", "2 * number\n")
    async with provider() as fake, window(tmp_path, fake) as first:
        buffer = first.open("a.py", SOURCE)
        await first.shows(buffer)
        async with window(tmp_path, fake, tmp_path / "another clone") as second:
            with Asked(fake) as asked:
                other = second.open("elsewhere.py", SOURCE)
                await second.shows(other)
            assert asked.texts == []
            await first.change(buffer, edited)
            with Asked(fake) as asked:
                await second.change(other, edited)
            assert asked.texts == [], "what one window learns while both are open, the other knows"
