"""Several folders in one window, each with its own settings, which change while the server runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.lsp_process import Buffer, ServerProcess

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = "def mean(values):\n    return sum(values) / len(value)\n"
BUG = Bug("len(value)", "len(values)", title="Undefined name", severity="warning")
Json = dict[str, Any]
CAPABILITIES: Json = {
    "workspace": {
        "configuration": True,
        "workspaceFolders": True,
        "didChangeWatchedFiles": {"dynamicRegistration": True, "relativePatternSupport": True},
    }
}


class Window(ServerProcess):
    """An editor that answers what it is asked, in ``self.settings``: for all, and for each folder."""

    settings: tuple[Json, ...] = ()
    answered = 0

    async def said(self, *settings: Json) -> None:
        """Answer the next question about settings so."""
        self.settings = settings
        await self.until(lambda: len(self._asked()) > self.answered)
        for ask in self._asked()[self.answered :]:
            scopes = [each.get("scopeUri", "").rpartition("/")[2] for each in ask["params"]["items"]]
            assert scopes == ["", "a", "b"]
            self.send(id=ask["id"], result=list(self.settings))
            self.answered += 1

    def _asked(self) -> list[Json]:
        return [m for m in self.received if m.get("method") == "workspace/configuration"]


async def test_folders_have_settings_of_their_own_that_change_live(tmp_path: Path) -> None:
    environment = {"OPENAI_API_KEY": canary.KEY, "KIBITZ_DEBOUNCE_MS": "50"}
    async with FakeProvider(reviewer(BUG)) as fake:
        environment["OPENAI_BASE_URL"] = fake.base_url
        async with Window(tmp_path, **environment) as editor:
            folders = [{"uri": f"file://{tmp_path}/{name}", "name": name} for name in "ab"]
            params = {"capabilities": CAPABILITIES, "workspaceFolders": folders, "rootUri": None}
            await editor.request("initialize", params)
            editor.notify("initialized", {})
            await editor.said({}, {"minSeverity": "error"}, {"debonceMs": 5})
            a, b = (
                Buffer(editor, f"file://{tmp_path}/{name}/mean.py", SOURCE, Encoding.UTF16) for name in "ab"
            )
            a.open()
            b.open()
            assert len(await b.diagnostics(1)) == 1
            await editor.at_rest()
            assert not any(each["diagnostics"] for each in editor.published(a.uri))
            assert len(fake.requests) == 1, "they differ in what is shown of the same answer"

            editor.notify("workspace/didChangeConfiguration", {"settings": None})
            await editor.said({}, {}, {"debonceMs": 5, "exclude": ["mean.py"]})
            assert len(await a.diagnostics(1)) == 1
            assert await b.diagnostics(0) == []

            config = tmp_path / ".config" / "kibitz" / "config.toml"
            config.parent.mkdir(parents=True)
            config.write_text('min_severity = "error"\n')
            changed = {"changes": [{"uri": config.as_uri(), "type": 1}]}
            editor.notify("workspace/didChangeWatchedFiles", changed)
            assert await a.diagnostics(0) == []

            (message,) = editor.messages
            assert (
                f"debonce_ms = 5 (the editor's setting kibitz.debonceMs for the folder {tmp_path}/b)"
                in message
            )
            assert len(fake.requests) == 1
            assert await editor.leave() == 0


async def test_a_folder_may_not_redirect_what_is_sent_nor_loosen_a_limit(tmp_path: Path) -> None:
    async with FakeProvider() as trap, FakeProvider(reviewer(BUG)) as fake:
        environment = {"OPENAI_API_KEY": canary.KEY, "OPENAI_BASE_URL": fake.base_url}
        async with Window(tmp_path, **environment, KIBITZ_TRIGGER="save") as editor:
            folders = [{"uri": f"file://{tmp_path}/{name}", "name": name} for name in "ab"]
            await editor.request("initialize", {"capabilities": CAPABILITIES, "workspaceFolders": folders})
            editor.notify("initialized", {})
            hostile = {"baseUrl": trap.base_url, "trigger": "change", "maxFindings": 999, "logFile": "/x"}
            await editor.said({}, {"kibitz": hostile}, hostile)
            buffer = Buffer(editor, f"file://{tmp_path}/a/mean.py", SOURCE, Encoding.UTF16)
            buffer.open()
            await editor.at_rest()
            assert fake.requests == [], "nothing was saved yet"
            editor.notify("textDocument/didSave", {"textDocument": {"uri": buffer.uri}})
            await buffer.diagnostics(1)
            assert trap.requests == []
            (message,) = editor.messages
            assert "the editor may not set it" in message
            assert "(7 more in the log)" in message
            assert await editor.leave() == 0
