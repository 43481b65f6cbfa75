"""A captured client at the far end of an in-process server: it does what it said it can, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.captured import introduction
from tests.support.lsp_wire import Json, Wire, until
from tests.support.reviewing import FakeBackend, FakeService
from tests.support.texts import naive_offset

from kibitz.text.lines import Encoding, Position

if TYPE_CHECKING:
    from collections.abc import Mapping

URI = "untitled:a.py"


class CapturedWire(Wire):
    """Speaks as one of the clients in `clients/`, with one document that it keeps as an editor does."""

    def __init__(self, name: str, service: FakeService | None = None) -> None:
        self.service = service or FakeService()
        super().__init__(FakeBackend(self.service))
        self.name = name
        self.params = introduction(name)
        self.settings: Mapping[str, object] | None = None
        """What it answers for the section `kibitz`."""
        self.version, self.text = 0, ""
        self.applied: list[Json] = []
        """The edits that the server had it make."""
        self.answers = {
            "workspace/configuration": lambda m: [self.settings for _ in m["params"]["items"]],
            "client/registerCapability": lambda _m: None,
            "client/unregisterCapability": lambda _m: None,
            "window/workDoneProgress/create": lambda _m: None,
            "workspace/applyEdit": self._make,
            "workspace/diagnostic/refresh": lambda _m: None,
            "window/showDocument": lambda _m: {"success": True},
        }

    async def begin(self, text: str = "") -> Json:
        """Introduce itself, and open the document."""
        answer = await self.request("initialize", self.params)
        self.notify("initialized", {})
        await until(lambda: self.server.session.service is not None)
        result: Json = answer["result"]
        self.encoding = Encoding(result["capabilities"].get("positionEncoding", "utf-16"))
        self.version, self.text = 0, text  # Half of them begin to count at 0.
        self.open(text, URI, version=0)
        return result

    def can(self, *path: str) -> Any:
        """What it said about a capability."""
        value: Any = self.params["capabilities"]
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    # What the editor does

    def offset(self, place: Json) -> int:
        return naive_offset(self.text, Position(place["line"], place["character"]), self.encoding)

    def covered(self, where: Json) -> str:
        return self.text[self.offset(where["start"]) : self.offset(where["end"])]

    def type(self, where: Json, new: str) -> None:
        start, end = self.offset(where["start"]), self.offset(where["end"])
        self.text = self.text[:start] + new + self.text[end:]
        self.version += 1
        self.change(self.version, {"range": where, "text": new})

    def make(self, edit: Json) -> None:
        """Make an edit of the server's, as a client with these capabilities does."""
        if "documentChanges" in edit:
            (change,) = edit["documentChanges"]
            assert change["textDocument"] == {"uri": URI, "version": self.version}, "an edit of another text"
            edits = change["edits"]
        else:
            edits = edit["changes"][URI]
        for each in sorted(edits, key=lambda e: self.offset(e["range"]["start"]), reverse=True):
            self.type(each["range"], each["newText"])

    def _make(self, message: Json) -> Json:
        self.applied.append(message["params"]["edit"])
        self.make(message["params"]["edit"])
        return {"applied": True}

    async def shown(self, count: int = 1) -> list[Json]:
        """The diagnostics, once there are so many."""
        await until(lambda: bool(self.published) and len(self.published[-1]["diagnostics"]) == count)
        found: list[Json] = self.published[-1]["diagnostics"]
        return found

    async def actions(self, where: Json, *diagnostics: Json, **context: object) -> list[Json]:
        params = {"textDocument": {"uri": URI}, "range": where}
        context = {"diagnostics": list(diagnostics), **context}
        answer = await self.request("textDocument/codeAction", {**params, "context": context})
        found: list[Json] = answer["result"]
        return found

    async def run(self, command: Json) -> Json:
        params = {"command": command["command"], "arguments": command.get("arguments", [])}
        return await self.request("workspace/executeCommand", params)

    # What it was asked

    @property
    def registered(self) -> set[str]:
        """What the server registered for."""
        return {
            each["method"]
            for params in self.of("client/registerCapability")
            for each in params["registrations"]
        }

    def overasked(self) -> list[str]:
        """The requests that this client never said it understands."""
        able = {
            "workspace/configuration": self.can("workspace", "configuration"),
            "window/workDoneProgress/create": self.can("window", "workDoneProgress"),
            "workspace/applyEdit": self.can("workspace", "applyEdit"),
            "workspace/diagnostic/refresh": self.can("workspace", "diagnostics", "refreshSupport"),
            "window/showDocument": self.can("window", "showDocument", "support"),
            "window/showMessageRequest": True,
            "client/registerCapability": all(map(self._registers, self.registered)),
            "client/unregisterCapability": all(map(self._registers, self.registered)),
        }
        asked = {m["method"] for m in self.received if "method" in m and "id" in m}
        return sorted(method for method in asked if not able.get(method))

    def _registers(self, method: str) -> bool:
        room, _, rest = method.partition("/")
        return self.can(room, rest, "dynamicRegistration") is True
