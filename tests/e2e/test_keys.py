"""Keys of a running server: what others see of them, and how they are replaced while it runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.lsp_process import Buffer, ServerProcess

from kibitz.text.lines import Encoding

SOURCE = "def mean(values):\n    return sum(values) / len(value)\n"
END = {"start": {"line": 1, "character": 35}, "end": {"line": 1, "character": 35}}
FIRST, SECOND = "sk-first-0123456789abcdef", "sk-second-0123456789abcdef"


def provider() -> FakeProvider:
    return FakeProvider(reviewer(Bug("len(value)", "len(values)")))


def used(fake: FakeProvider) -> list[str]:
    return [seen.headers["authorization"].removeprefix("Bearer ") for seen in fake.requests]


def environment(pid: int) -> dict[str, str]:
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
async def test_a_key_of_the_environment_is_gone_from_it_and_still_known_when_settings_change(
    tmp_path: Path,
) -> None:
    async with (
        provider() as fake,
        ServerProcess(tmp_path, OPENAI_BASE_URL=fake.base_url, OPENAI_API_KEY=canary.KEY) as editor,
    ):
        await editor.initialize()
        buffer = Buffer(editor, f"file://{tmp_path}/mean.py", SOURCE, Encoding.UTF16)
        buffer.open()
        await buffer.diagnostics(1)
        try:
            left = environment(editor.process.pid)
        except PermissionError:
            left = {}  # not even its owner may look
        assert left.get("OPENAI_API_KEY", "") == ""
        assert left.get("OPENAI_BASE_URL", fake.base_url) == fake.base_url
        editor.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"requestsPerMinute": 7}}})
        status = ""
        while "limits: 7 requests" not in status:
            command = {"command": "kibitz.showStatus"}
            status = (await editor.request("workspace/executeCommand", command))["result"]["text"]
        buffer.replace(END, " or 0")
        editor.notify("textDocument/didSave", {"textDocument": {"uri": buffer.uri}})
        await fake.seen(2)
        assert set(used(fake)) == {canary.KEY}
        assert await editor.leave() == 0


async def test_a_replaced_key_file_is_used_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(FIRST)
    path.chmod(0o600)
    async with (
        provider() as fake,
        ServerProcess(tmp_path, OPENAI_BASE_URL=fake.base_url, KIBITZ_API_KEY_FILE=str(path)) as editor,
    ):
        await editor.initialize()
        buffer = Buffer(editor, f"file://{tmp_path}/mean.py", SOURCE, Encoding.UTF16)
        buffer.open()
        await buffer.diagnostics(1)
        fake.key = SECOND
        new = path.with_suffix(".new")
        new.write_text(SECOND)
        new.chmod(0o600)
        new.rename(path)
        buffer.replace(END, " or 0")
        editor.notify("textDocument/didSave", {"textDocument": {"uri": buffer.uri}})
        await buffer.diagnostics(1)
        await fake.seen(2)
        assert used(fake)[-1] == SECOND
        assert editor.messages == []
        assert await editor.leave() == 0
