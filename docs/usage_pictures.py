"""Takes the pictures of the usage report: of a simulated month, and of a session with the embedded model.

    python docs/usage_pictures.py [month] [session]    (after `make editors-setup`; the session takes minutes)

The session is one of the real server: it reviews four of the examples, a finding is fixed and another one is
dismissed, a document is closed and opened again, and so are all of them after a restart.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.editors.browser import opened  # noqa: E402 - the root has to be on the path first
from tests.support.days_of_use import Use  # noqa: E402 - as above
from tests.support.lsp_process import Buffer, ServerProcess  # noqa: E402 - as above

from kibitz.app.usagereport.making import make  # noqa: E402 - as above
from kibitz.config import Settings  # noqa: E402 - as above
from kibitz.local import weights  # noqa: E402 - as above
from kibitz.state.places import database_path  # noqa: E402 - as above
from kibitz.text.lines import Encoding  # noqa: E402 - as above

if TYPE_CHECKING:
    from tests.editors.browser import Theme

IMAGES = ROOT / "docs/images"
EXAMPLES = {
    "cache.py": "python",
    "inventory.py": "python",
    "dashboard.js": "javascript",
    "scores.ts": "typescript",
}
PATIENCE = 3600.0
WIDTH, HEIGHT = 1000, 840
THEMES: tuple[Theme, ...] = ("light", "dark")


async def month(home: Path) -> Path:
    """A month of somebody who works; where the report is."""
    os.environ["KIBITZ_STATE_DIR"] = str(home / "state")
    (home / "state").mkdir(mode=0o700)
    await Use(database_path(), date.today(), a_day=400).days(30)  # noqa: DTZ011 - the day where the user is
    return await make(Settings(), 30)


async def session(home: Path) -> Path:
    """A session as the module says; where the report is."""
    for name in EXAMPLES:
        shutil.copy(ROOT / "examples" / name, home / name)
    async with server(home) as editor:
        buffers = await all_opened(editor, home)
        await fix(buffers)
        await dismiss(buffers)
        editor.notify("textDocument/didClose", {"textDocument": {"uri": buffers[0].uri}})
        buffers[0].open()
        await at_rest(editor)
        await editor.leave()
    async with server(home) as editor:
        await all_opened(editor, home)
        found = await execute(editor, "kibitz.usageReport", {"days": 7})
        await editor.leave()
    return Path(found["path"])


def server(home: Path) -> ServerProcess:
    """The real one, with nobody to ask but the embedded model."""
    settings = {"KIBITZ_PROVIDER": "local", "KIBITZ_DEBOUNCE_MS": "100"}
    return ServerProcess(home, KIBITZ_MODEL_DIR=str(weights.model_dir()), **settings)


async def all_opened(editor: ServerProcess, home: Path) -> list[Buffer]:
    """All examples, when they are reviewed."""
    await editor.initialize()
    buffers = []
    for name, language in EXAMPLES.items():
        text = (home / name).read_text(encoding="utf-8")
        buffers.append(Buffer(editor, (home / name).as_uri(), text, Encoding.UTF16))
        buffers[-1].open(language)
    await at_rest(editor)
    return buffers


async def at_rest(editor: ServerProcess) -> None:
    """Wait until nothing is reviewed any more."""
    status: dict[str, Any] = {"state": "busy"}
    async with asyncio.timeout(PATIENCE):
        while status["state"] == "busy" or status["reviews"]:
            await asyncio.sleep(1)
            status = await execute(editor, "kibitz.status")


async def fix(buffers: list[Buffer]) -> None:
    """Make the first fix that comes with its edit."""
    for buffer in buffers:
        for found in findings(buffer):
            actions = await buffer.actions(found["range"])
            fixes = [each for each in actions if each.get("kind") == "quickfix" and "edit" in each]
            if fixes:
                buffer.apply(fixes[0])
                return await at_rest(buffer.server)
    raise SystemExit("no finding has a fix")


async def dismiss(buffers: list[Buffer]) -> None:
    """Dismiss the last finding."""
    buffer, found = [(buffer, found) for buffer in buffers for found in findings(buffer)][-1]
    argument = {"uri": buffer.uri, "id": found["data"]["id"], "scope": "finding"}
    await execute(buffer.server, "kibitz.dismiss", argument)


def findings(buffer: Buffer) -> list[dict[str, Any]]:
    """What is shown of a document."""
    published: list[dict[str, Any]] = buffer.server.published(buffer.uri)[-1]["diagnostics"]
    return [each for each in published if each["source"] == "kibitz"]


async def execute(editor: ServerProcess, command: str, *arguments: object) -> dict[str, Any]:
    """Have a command done; what it answers."""
    params = {"command": command, "arguments": list(arguments)}
    answer = await editor.request("workspace/executeCommand", params)
    result: dict[str, Any] = answer["result"]
    return result


def main() -> None:
    """Take both, or those that are named."""
    for take in (month, session):
        if len(sys.argv) == 1 or take.__name__ in sys.argv:
            with tempfile.TemporaryDirectory(prefix="kibitz-picture-") as home:
                path = asyncio.run(take(Path(home)))
                for theme in THEMES:
                    with opened(path, take.__name__, theme=theme, width=WIDTH) as shown:
                        clip = {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT}
                        picture = IMAGES / f"usage-{take.__name__}-{theme}.png"
                        shown.page.screenshot(path=str(picture), clip=clip, full_page=True)
                        shown.keep()


if __name__ == "__main__":
    main()
