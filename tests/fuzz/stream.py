"""Whole conversations: source and what an editor does with it, damaged on the way.

Messages go through the real reader and the real protocol into a real session, whose time and whose reviewer
stand still until the fuzzer says otherwise; there is no pipe and no process. What must hold after each case:

- the server answers a probe, and ends for ``exit`` alone;
- what it says is JSON in whole frames; an error has a code and a message, and no traceback;
- nothing was logged as an error, and no task and no timer failed or stayed.
"""

from __future__ import annotations

import asyncio
import json
import logging
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fuzz.mutation import NASTY, damaged, nasty, twisted
from tests.support.lsp_wire import Wire, settle
from tests.support.oracle import HALF_TYPED, Oracle
from tests.support.reviewing import FakeBackend

from kibitz.guard.ignore import Ignore
from kibitz.lsp.commands import COMMANDS
from kibitz.lsp.framing import FrameReader
from kibitz.lsp.server import FEATURES

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

Json = dict[str, Any]

CASES = 100
"""So many of one conversation."""
MAX_TASKS = 60
MAX_TIMERS = 200
_MAX_TEXT = 20_000
_URIS = (
    *("untitled:a.py", "file:///nowhere/b.py", "file:///nowhere/c%20d.ts", "vscode-notebook-cell:/n#1") * 4,
    *("file:///nowhere/a%00b.py", "file://", "file:///nowhere/%2e%2e/e%ff.go"),
)
_LANGUAGES = ("python", "typescript", "go", "plaintext", "")
_CAPABILITIES: Json = {
    "general": {"positionEncodings": ["utf-8", "utf-16"]},
    "window": {"workDoneProgress": True, "showMessage": {"messageActionItem": {}}},
    "workspace": {
        "configuration": True,
        "workspaceFolders": True,
        "applyEdit": True,
        "workspaceEdit": {"documentChanges": True},
        "diagnostics": {"refreshSupport": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
    },
    "notebookDocument": {"synchronization": {}},
    "textDocument": {"codeAction": {"resolveSupport": {"properties": ["edit"]}, "dataSupport": True}},
}
_WORDS = (*NASTY[:12], "bug1", "bug2 ", "bug3", "\n", "\n    ", "def f():", "x = 1", HALF_TYPED, "😀", "é")
_BOOK = "file:///nowhere/n.ipynb"


class Broken(AssertionError):  # noqa: N818 - says what the server is
    """Something does not hold that must; the message says what."""


class _Trouble(logging.Handler):
    """Keeps what is logged as an error, or with a traceback."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self.said.append(record.getMessage())


class _Editor(Wire):
    """An editor that checks whatever it is told, and keeps little of it."""

    def __init__(self, service: Oracle) -> None:
        super().__init__(FakeBackend(service))
        self.asked: list[Json] = []
        """Requests of the server's that wait for an answer."""
        self.answered: set[object] = set()
        self._frames = FrameReader()

    def write(self, data: bytes) -> None:
        for frame in self._frames.feed(data):
            message = json.loads(getattr(frame, "body", b""))
            if b"Traceback" in data or b'File \\"' in data:
                raise Broken(f"a traceback for the client: {data[:300]!r}")
            self.received.append(message)
            if "method" not in message:
                self.answered.add(json.dumps(message.get("id")))
                if "error" in message and message["error"].keys() != {"code", "message"}:
                    raise Broken(f"an error with details: {data[:300]!r}")
            elif "id" in message:
                self.asked.append(message)


class Conversation:
    """One server, one editor, and ``CASES`` times a few messages. To be made on the loop it will run on."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._leaving = False
        """Whether the editor may have said ``exit`` by now."""
        self._oracle = Oracle()
        self._oracle.refusal = Ignore(Path("/nowhere")).reason  # type: ignore[method-assign]  # the real one
        self._editor = _Editor(self._oracle)
        self._reader = FrameReader()
        self._ids = 0
        self._versions: dict[str, int] = {}
        self._trouble = _Trouble()
        self._unhandled: list[object] = []

    async def run(self, cases: int = CASES) -> int:
        """Play it, to its end or until the server was told to end; how many cases that were."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: self._unhandled.append(context))
        root, before = logging.getLogger(), logging.getLogger().level
        root.addHandler(self._trouble)
        root.setLevel(logging.WARNING)
        try:
            await self._begin()
            for case in range(cases):
                await self._case()
                if self._editor.server.stopped.is_set():
                    return case + 1
            return cases
        finally:
            await self._end()
            root.removeHandler(self._trouble)
            root.setLevel(before)

    async def _begin(self) -> None:
        options = nasty(self._chance) if self._chance.randrange(4) == 0 else None
        folder = {"uri": "file:///nowhere", "name": "nowhere"}
        capabilities = json.loads(json.dumps(_CAPABILITIES))
        params = {
            "capabilities": capabilities,
            "initializationOptions": options,
            "workspaceFolders": [folder],
        }
        if self._chance.randrange(3) == 0:
            params = twisted(params, self._chance)
        self._editor.start("initialize", params)
        if b'"result"' not in json.dumps(self._editor.received[-1:]).encode():
            self._editor.start("initialize", {"capabilities": {}})
        self._editor.notify("initialized", {})
        await settle()

    async def _case(self) -> None:
        chance = self._chance
        sent = b"".join(self._frame(self._message()) for _ in range(chance.randrange(1, 5)))
        if chance.randrange(4) == 0:
            sent = damaged(sent, chance)
        self._leaving = self._leaving or b"exit" in sent
        self._feed(sent)
        await self._live()
        self._check(sent)
        if not self._editor.server.stopped.is_set():
            await self._probe(sent)

    def _feed(self, sent: bytes) -> None:
        protocol = self._editor.server.protocol
        step = len(sent) if self._chance.randrange(3) else self._chance.randrange(1, 40)
        for at in range(0, len(sent), max(step, 1)):
            for frame in self._reader.feed(sent[at : at + step]):
                protocol.handle_frame(frame)
                if self._editor.server.stopped.is_set():
                    return

    async def _live(self) -> None:
        """Time goes by, the model answers some of what it was asked, and the editor too."""
        chance, editor = self._chance, self._editor
        for _ in range(chance.randrange(1, 4)):
            for _ in range(3):
                await asyncio.sleep(0)
            editor.clock.advance(chance.choice((0.0, 0.1, 0.6, 4.0, 40.0)))
            for question in self._oracle.questions[: chance.randrange(3)]:
                how = chance.choice(("whole", "whole", "broken_off", "fails", "more"))
                methodcaller(how, *([chance.randrange(9)] if how == "more" else []))(question)
        for request in editor.asked[:]:
            if chance.randrange(3):
                editor.asked.remove(request)
                editor.send(_reply(request, chance))
        await asyncio.sleep(0)

    async def _probe(self, sent: bytes) -> None:
        """Damaged framing may swallow the first ones, as it would for any reader; the last is heard."""
        for _ in range(3):
            self._ids += 1
            probe = f"probe {self._ids}"
            body = json.dumps({"jsonrpc": "2.0", "id": probe, "method": "textDocument/hover", "params": {}})
            self._feed(b"Content-Length: %d\r\n\r\n%s" % (len(body), body.encode()))
        if json.dumps(probe) not in self._editor.answered:
            raise Broken(f"no answer after {sent[:500]!r}")
        self._editor.answered.clear()
        self._editor.received.clear()

    def _check(self, sent: bytes) -> None:
        if self._editor.server.stopped.is_set() and not self._leaving:
            raise Broken(f"the server ended for {sent[:500]!r}")
        for what, found in (("logged", self._trouble.said), ("unhandled", self._unhandled)):
            if found:
                raise Broken(f"{what}: {found[:3]} after {sent[:500]!r}")
        if len(asyncio.all_tasks()) > MAX_TASKS or self._editor.clock.waiting > MAX_TIMERS:
            raise Broken(f"{len(asyncio.all_tasks())} tasks, {self._editor.clock.waiting} timers")

    async def _end(self) -> None:
        await self._editor.close()
        for _ in range(100):
            if not asyncio.all_tasks() - {asyncio.current_task()}:
                return
            await asyncio.sleep(0.01)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        raise Broken(f"tasks that stayed: {[task.get_coro() for task in left]}")

    # What an editor says

    def _frame(self, message: Json) -> bytes:
        chance = self._chance
        if chance.randrange(5) == 0:
            message = twisted(message, chance)
        body = json.dumps(message, ensure_ascii=chance.randrange(2) == 0).encode("utf-8", "surrogatepass")
        length = len(body) if chance.randrange(60) else chance.choice((0, len(body) + 9, 10**6, 10**12))
        name = chance.choice((b"Content-Length", b"Content-Length", b"content-length"))
        return b"%s: %d\r\n\r\n%s" % (name, length, body)

    def _message(self) -> Json:
        chance = self._chance
        if chance.randrange(400) == 0:
            return {"jsonrpc": "2.0", "method": "exit"}
        method = chance.choice(_OFTEN) if chance.randrange(3) else chance.choice(_EVER)
        make = _MAKERS.get(method)
        message: Json = {"jsonrpc": "2.0", "method": method}
        if (params := make(self) if make else nasty(chance)) is not None:
            message["params"] = params
        if method in _ASKED:
            self._ids += 1
            message["id"] = chance.choice((self._ids, self._ids, f"id {self._ids}", 1))
        return message

    def _uri(self) -> str:
        return self._chance.choice(_URIS)

    def _document(self) -> Json:
        return {"uri": self._uri()}

    def _text(self, most: int = 12) -> str:
        return "".join(self._chance.choices(_WORDS, k=self._chance.randrange(most)))

    def _version(self, uri: str) -> int:
        step = self._chance.choice((*[1] * 40, 0, -1, 2**31))
        self._versions[uri] = self._versions.get(uri, 0) + step
        return self._versions[uri]

    def _position(self) -> Json:
        line, character = self._chance.randrange(8), self._chance.randrange(12)
        if self._chance.randrange(12) == 0:
            line, character = self._chance.choice(
                ((line, 999), (999, 0), (-1, 0), (2**31, 0), (0, 2**31 - 1))
            )
        return {"line": line, "character": character}

    def _range(self) -> Json:
        return {"start": self._position(), "end": self._position()}

    def _open(self) -> Json:
        uri = self._uri()
        document = {
            "uri": uri,
            "languageId": self._chance.choice(_LANGUAGES),
            "version": self._version(uri),
            "text": self._text(40),
        }
        return {"textDocument": document}

    def _change(self) -> Json:
        uri = self._uri()
        document = self._editor.server.session.documents.get(uri)
        long = document is not None and len(document.snapshot.text) > _MAX_TEXT
        changes: list[Json] = []
        for _ in range(self._chance.randrange(1, 4)):
            change: Json = {"text": self._text()}
            if not long and self._chance.randrange(5):
                change["range"] = self._range()
            changes.append(change)
        return {"textDocument": {"uri": uri, "version": self._version(uri)}, "contentChanges": changes}

    def _one_document(self) -> Json:
        return {"textDocument": self._document()}

    def _code_action(self) -> Json:
        shown = self._editor.published[-1:]
        diagnostics = shown[0]["diagnostics"] if shown else []
        return {**self._one_document(), "range": self._range(), "context": {"diagnostics": diagnostics}}

    def _hover(self) -> Json:
        return {**self._one_document(), "position": self._position()}

    def _pull(self) -> Json:
        return {**self._one_document(), "previousResultId": self._chance.choice((None, "1", "x"))}

    def _command(self) -> Json:
        arguments = [self._chance.choice((self._uri(), self._range(), nasty(self._chance)))]
        return {
            "command": self._chance.choice(_COMMANDS),
            "arguments": arguments[: self._chance.randrange(2)],
        }

    def _resolve(self) -> Json:
        return {"title": "x", "kind": "quickfix", "data": nasty(self._chance)}

    def _settings(self) -> Json:
        return {"settings": {"kibitz": {"trigger": "change", "maxFindings": nasty(self._chance)}}}

    def _folders(self) -> Json:
        folder = {"uri": self._chance.choice(("file:///nowhere", "file:///else%20where", "x:y")), "name": "f"}
        return {"event": {"added": [folder], "removed": [folder][: self._chance.randrange(2)]}}

    def _files(self) -> Json:
        return {"changes": [{"uri": self._uri(), "type": self._chance.randrange(5)}]}

    def _cancel(self) -> Json:
        return {"id": self._chance.choice((self._ids, 1, f"id {self._ids}"))}

    def _cell(self, name: str) -> Json:
        return {"kind": self._chance.choice((1, 2, 2, 7)), "document": f"vscode-notebook-cell:/n#{name}"}

    def _book_open(self) -> Json:
        cells = [self._cell(name) for name in "123"]
        texts = [
            {"uri": each["document"], "languageId": "python", "version": 1, "text": self._text()}
            for each in cells
        ]
        book = {"uri": _BOOK, "notebookType": "jupyter-notebook", "version": 1, "cells": cells}
        return {"notebookDocument": book, "cellTextDocuments": texts}

    def _book_change(self) -> Json:
        splice = {"start": self._chance.randrange(5), "deleteCount": self._chance.randrange(4)}
        content = {
            "document": {"uri": "vscode-notebook-cell:/n#1", "version": self._version("#1")},
            "changes": [{"range": self._range(), "text": self._text()}],
        }
        structure = {"array": {**splice, "cells": [self._cell("4")]}, "didOpen": [], "didClose": []}
        cells: Json = self._chance.choice(
            ({"structure": structure}, {"textContent": [content]}, {"data": []})
        )
        document = {"uri": _BOOK, "version": self._version(_BOOK)}
        return {"notebookDocument": document, "change": {"cells": cells}}

    def _book(self) -> Json:
        return {"notebookDocument": {"uri": _BOOK}, "cellTextDocuments": []}

    def _token(self) -> Json:
        return {"token": self._chance.choice(("x", 1, nasty(self._chance)))}

    def _trace(self) -> Json:
        return {"value": self._chance.choice(("off", "messages", "verbose", "x"))}


def _reply(request: Json, chance: random.Random) -> Json:
    """What the editor answers to a request of the server's."""
    reply: Json = {"jsonrpc": "2.0", "id": request["id"]}
    if chance.randrange(5) == 0:
        reply["error"] = {"code": -32601, "message": chance.choice(NASTY)}
    else:
        reply["result"] = chance.choice((None, [{}], {"applied": True}, {"title": "Yes"}, nasty(chance)))
    return twisted(reply, chance) if chance.randrange(6) == 0 else reply


_READING = {"kibitz.analyzeWorkspace", "kibitz.showRequest", "kibitz.bugReport", "kibitz.usageReport"}
_COMMANDS = (
    *(name for name in COMMANDS if name not in _READING),
    *["kibitz.resume"] * 3,
    *["kibitz.analyzeDocument"] * 3,
)
"""Without those that read folders, or the user's own settings, from the disk."""
_MAKERS: Mapping[str, Callable[[Conversation], Json | None]] = {
    "textDocument/didOpen": Conversation._open,
    "textDocument/didChange": Conversation._change,
    "textDocument/didSave": Conversation._one_document,
    "textDocument/didClose": Conversation._one_document,
    "textDocument/codeAction": Conversation._code_action,
    "textDocument/hover": Conversation._hover,
    "textDocument/diagnostic": Conversation._pull,
    "codeAction/resolve": Conversation._resolve,
    "workspace/executeCommand": Conversation._command,
    "workspace/didChangeConfiguration": Conversation._settings,
    "workspace/didChangeWorkspaceFolders": Conversation._folders,
    "workspace/didChangeWatchedFiles": Conversation._files,
    "notebookDocument/didOpen": Conversation._book_open,
    "notebookDocument/didChange": Conversation._book_change,
    "notebookDocument/didSave": Conversation._book,
    "notebookDocument/didClose": Conversation._book,
    "window/workDoneProgress/cancel": Conversation._token,
    "$/setTrace": Conversation._trace,
    "$/cancelRequest": Conversation._cancel,
}
_OFTEN = (
    "textDocument/didOpen",
    *["textDocument/didChange"] * 4,
    "textDocument/didSave",
    "textDocument/codeAction",
    "textDocument/hover",
    "workspace/executeCommand",
)
_EVER = tuple(sorted({*FEATURES, *_MAKERS, "made/up", "textDocument/rename"} - {"exit", "shutdown"}))
_ASKED = frozenset(
    {
        "initialize",
        "textDocument/codeAction",
        "textDocument/hover",
        "textDocument/diagnostic",
        "codeAction/resolve",
        "workspace/executeCommand",
        "textDocument/rename",
    }
)
