from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import Json, Wire, settle, until

from kibitz.config import default_user_file
from kibitz.lsp.watching import SETTLE_SECONDS, is_ours
from kibitz.state.places import state_dir

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WATCHES: Json = {"didChangeWatchedFiles": {"dynamicRegistration": True, "relativePatternSupport": True}}


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire()
    wire.backend.rebuild = False
    wire.answers["client/registerCapability"] = lambda _: None
    yield wire
    await wire.close()


def changes(*uris: str) -> Json:
    return {"changes": [{"uri": uri, "type": 2} for uri in uris]}


async def loads(wire: Wire, count: int) -> None:
    """Wait until the settings were loaded so often, and no oftener."""
    wire.clock.advance(SETTLE_SECONDS)
    await until(lambda: len(wire.backend.loaded) >= count)
    wire.clock.advance(60)
    await settle()
    assert len(wire.backend.loaded) == count


async def test_the_editor_is_asked_to_watch_in_one_request(wire: Wire) -> None:
    await wire.initialize({"workspace": {**WATCHES, "didChangeConfiguration": {"dynamicRegistration": True}}})
    await until(lambda: bool(wire.of("client/registerCapability")))
    (params,) = wire.of("client/registerCapability")
    settings, files = params["registrations"]
    assert settings["method"] == "workspace/didChangeConfiguration"
    assert files["method"] == "workspace/didChangeWatchedFiles"
    globs = [each["globPattern"] for each in files["registerOptions"]["watchers"]]
    assert globs[0].startswith("**/{.gitignore,.kibitzignore,")
    assert globs[1:3] == ["**/.kibitz/**", "**/AGENTS.md"]
    folder = default_user_file().parent.as_uri()
    assert globs[3:] == [
        {"baseUri": folder, "pattern": "config.toml"},
        {"baseUri": folder, "pattern": "trust.json"},
        {"baseUri": state_dir().as_uri(), "pattern": "dismissals.jsonl"},
    ]


async def test_an_editor_without_relative_patterns_gets_paths(wire: Wire) -> None:
    await wire.initialize({"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}}})
    await until(lambda: bool(wire.of("client/registerCapability")))
    ((files,),) = [params["registrations"] for params in wire.of("client/registerCapability")]
    assert files["registerOptions"]["watchers"][3]["globPattern"] == str(default_user_file())


async def test_many_changes_are_one(wire: Wire) -> None:
    await wire.initialize({"workspace": WATCHES})
    await until(lambda: bool(wire.of("client/registerCapability")))
    for number in range(5):
        wire.notify(
            "workspace/didChangeWatchedFiles", changes(f"file:///w/{number}/.gitignore", "untitled:x")
        )
    wire.notify("workspace/didChangeWatchedFiles", changes(default_user_file().as_uri()))
    await settle()
    assert len(wire.backend.loaded) == 1
    await loads(wire, 2)


async def test_other_files_are_nothing_to_us(wire: Wire) -> None:
    await wire.initialize({"workspace": WATCHES})
    wire.notify("workspace/didChangeWatchedFiles", changes("file:///w/a.py", "x:y", "", "file:///w/kibitz/a"))
    wire.notify("workspace/didChangeWatchedFiles", {"changes": []})
    await loads(wire, 1)


async def test_after_a_change_documents_are_looked_at_again(wire: Wire) -> None:
    await wire.initialize({"workspace": WATCHES})
    wire.open("bug", uri="file:///w/a.py")
    await until(lambda: bool(wire.published) and bool(wire.published[-1]["diagnostics"]))
    service = wire.backend.services[0]
    assert not isinstance(service, Exception)
    service.refused["/w/a.py"] = "ignored by .gitignore line 1"
    wire.notify("workspace/didChangeWatchedFiles", changes("file:///w/.gitignore"))
    await settle()
    wire.clock.advance(SETTLE_SECONDS)
    await until(lambda: wire.published[-1]["diagnostics"] == [])
    service.refused.clear()
    wire.notify("workspace/didChangeWatchedFiles", changes("file:///w/.gitignore"))
    await settle()
    wire.clock.advance(SETTLE_SECONDS)
    await until(lambda: bool(wire.published[-1]["diagnostics"]))


async def test_saving_such_a_file_is_enough_without_the_editors_watching(wire: Wire) -> None:
    await wire.initialize()
    await started(wire)
    wire.notify("textDocument/didSave", {"textDocument": {"uri": "file:///w/.kibitz/rules/no-print.md"}})
    await loads(wire, 2)


@pytest.mark.parametrize("name", ["config.toml", "trust.json", ".kibitzignore", ".kibitz/rules/a.md"])
async def test_without_the_editors_watching_files_are_looked_at_now_and_then(
    wire: Wire, tmp_path: Path, name: str
) -> None:
    await wire.initialize(workspaceFolders=[{"uri": tmp_path.as_uri(), "name": "w"}])
    await started(wire)
    wire.open("x", uri="untitled:a.py")
    await looked(wire)
    await loads(wire, 1)
    folder = tmp_path if name.startswith(".") else default_user_file().parent
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("")
    wire.open("x", uri="untitled:b.py")
    await looked(wire)
    await loads(wire, 2)
    os.utime(folder / name, (1, 1))
    wire.notify("textDocument/didSave", {"textDocument": {"uri": "untitled:a.py"}})
    await looked(wire)
    await loads(wire, 3)


async def test_a_folder_with_an_impossible_name_is_no_trouble(wire: Wire, tmp_path: Path) -> None:
    names = [f"{tmp_path.as_uri()}/%00", f"{tmp_path.as_uri()}/{'x' * 5_000}", tmp_path.as_uri()]
    await wire.initialize(workspaceFolders=[{"uri": uri, "name": "w"} for uri in names])
    await started(wire)
    (tmp_path / ".gitignore").write_text("x\n")
    wire.open("x", uri="untitled:a.py")
    await looked(wire)
    assert wire.server.watching._looking is not None
    assert wire.server.watching._looking.exception() is None


async def started(wire: Wire) -> None:
    await until(lambda: wire.server.watching._looking is not None)
    await looked(wire)


async def looked(wire: Wire) -> None:
    await settle()
    task = wire.server.watching._looking
    assert task is not None
    await asyncio.wait([task])


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("/w/.gitignore", True),
        ("/w/a/.cursorignore", True),
        ("/w/.git/info/exclude", True),
        ("/w/.kibitz/rules/a.md", True),
        ("/w/.kibitz/context.md", True),
        ("/w/AGENTS.md", True),
        ("/w/agents.py", False),
        ("/w/.kibitzignore.py", False),
    ],
)
def test_which_files_are_ours(path: str, ours: bool) -> None:
    assert is_ours(path) is ours
