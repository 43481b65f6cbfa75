"""The language server: which request goes where, and how the process starts and ends.

Answering ``initialize`` must cost no more than pygls itself. So handlers, and all that they need, are
imported when their first message comes, and what the reviews need after ``initialized`` (see ``setup.py``).
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import linecache
import logging
import sys
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from kibitz._version import __version__
from kibitz.guard.process import protect
from kibitz.lsp.capabilities import Client
from kibitz.lsp.clock import LoopClock
from kibitz.lsp.converting import converter
from kibitz.lsp.parent import ParentWatch
from kibitz.lsp.protocol import KibitzProtocol, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pygls.server import ServerErrors

    from kibitz.lsp.assistance import Assistance
    from kibitz.lsp.clock import Clock
    from kibitz.lsp.closed_files import ClosedFiles
    from kibitz.lsp.editor import WireEditor
    from kibitz.lsp.measuring import Measuring
    from kibitz.lsp.notebook_sync import NotebookSync
    from kibitz.lsp.pulling import Pulling
    from kibitz.lsp.reporter import Reporter
    from kibitz.lsp.service import Backend
    from kibitz.lsp.session import Session
    from kibitz.lsp.setup import Setup
    from kibitz.lsp.sorting import Sorting
    from kibitz.lsp.status import Status
    from kibitz.lsp.tracing import Trace
    from kibitz.lsp.trusting import Trusting
    from kibitz.lsp.view import View
    from kibitz.lsp.warming import Warming
    from kibitz.lsp.watching import Watching
    from kibitz.lsp.workspace import Workspace
    from kibitz.provider.models import ContextAnalysis

logger = logging.getLogger(__name__)

SWITCH_SECONDS = 0.0005
"""How long a thread that reads code may keep the event loop from running. Python's own is 5 ms, and the loop
may have to wait for that more than once: an answer to a key has to be there in 5."""

FEATURES: Mapping[str, str] = {
    types.INITIALIZE: "initialize",
    types.INITIALIZED: "initialized",
    types.SHUTDOWN: "shutdown",
    types.EXIT: "leave",
    types.TEXT_DOCUMENT_DID_OPEN: "did_open",
    types.TEXT_DOCUMENT_DID_CHANGE: "did_change",
    types.TEXT_DOCUMENT_DID_SAVE: "did_save",
    types.TEXT_DOCUMENT_DID_CLOSE: "did_close",
    types.NOTEBOOK_DOCUMENT_DID_OPEN: "notebook_did_open",
    types.NOTEBOOK_DOCUMENT_DID_CHANGE: "notebook_did_change",
    types.NOTEBOOK_DOCUMENT_DID_SAVE: "notebook_did_save",
    types.NOTEBOOK_DOCUMENT_DID_CLOSE: "notebook_did_close",
    types.TEXT_DOCUMENT_CODE_ACTION: "code_action",
    types.CODE_ACTION_RESOLVE: "code_action_resolve",
    types.TEXT_DOCUMENT_HOVER: "hover",
    types.TEXT_DOCUMENT_DIAGNOSTIC: "diagnostic",
    types.WORKSPACE_EXECUTE_COMMAND: "execute_command",
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: "did_change_configuration",
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: "did_change_watched_files",
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: "did_change_workspace_folders",
    types.WINDOW_WORK_DONE_PROGRESS_CANCEL: "progress_cancel",
    types.SET_TRACE: "set_trace",
}
"""Everything the server answers or listens to, and the function that does it: ``x`` of ``features/x.py``."""


class KibitzServer(LanguageServer):
    """One server, one editor, one conversation. Create it on the event loop it will run on."""

    protocol: KibitzProtocol

    def __init__(
        self,
        backend: Backend | None = None,
        *,
        cli: Mapping[str, object] | None = None,
        clock: Clock | None = None,
        tidy: Callable[[], None] = lambda: None,
        protect: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__("kibitz", __version__, protocol_cls=KibitzProtocol, converter_factory=converter)
        self.client = Client()
        """What ``initialize`` said; the session goes by it."""
        self.clock = clock or LoopClock()
        self.tidy = tidy
        self.stopped = asyncio.Event()
        self.parent = ParentWatch(self.clock, self.stop)
        self.handlers: dict[str, Callable[[Any], Any]] = {}
        """The features that were needed so far, bound to this server."""
        self.view: View | None = None
        """Of the document that was asked about last."""
        self._backend = backend
        self._cli = cli or {}
        self._protect = protect

    def handler(self, method: str) -> Callable[[Any], Any] | None:
        """What to call with the parameters of ``method``; None if there is no such feature."""
        if method not in self.handlers and (name := FEATURES.get(method)) is not None:
            feature = importlib.import_module(f"kibitz.lsp.features.{name}")
            self.handlers[method] = partial(getattr(feature, name), self)
        return self.handlers.get(method)

    @cached_property
    def editor(self) -> WireEditor:
        """The other end of the wire."""
        from kibitz.lsp.editor import WireEditor  # noqa: PLC0415 - after initialize

        return WireEditor(self.protocol, self.client)

    @cached_property
    def session(self) -> Session:
        """The documents and their reviews."""
        from kibitz.lsp.session import Session  # noqa: PLC0415 - after initialize

        session = Session(self.editor, self.clock, self.client)
        session.reviews.trace = self.trace
        self.measuring.watch(session)
        return session

    @cached_property
    def measuring(self) -> Measuring:
        """What is measured."""
        from kibitz.lsp.measuring import Measuring  # noqa: PLC0415 - after initialize

        return Measuring(self.clock)

    @cached_property
    def trace(self) -> Trace:
        """What the client wants to hear of the reviews."""
        from kibitz.lsp.tracing import Trace  # noqa: PLC0415 - after initialize

        return Trace(partial(self.protocol.notify, types.LOG_TRACE))

    @cached_property
    def reporter(self) -> Reporter:
        """What keeps the editor up to date about what goes on."""
        from kibitz.lsp.reporter import Reporter  # noqa: PLC0415 - after initialize
        from kibitz.lsp.status import NOTIFICATION  # noqa: PLC0415 - as above

        def send(status: Status) -> None:
            self.protocol.notify(NOTIFICATION, status.as_json())

        return Reporter(self.session, self.setup, self.clock, send)

    @cached_property
    def assistance(self) -> Assistance:
        """What the user asks a model for."""
        from kibitz.lsp.assistance import Assistance  # noqa: PLC0415 - after initialize

        return Assistance(self.session, self.editor, self.client)

    def explanation(self, uri: str, name: str) -> ContextAnalysis | None:
        """What was explained about a finding; None as long as nobody has asked for anything."""
        return self.assistance.explanation(uri, name) if "assistance" in vars(self) else None

    @cached_property
    def notebooks(self) -> NotebookSync:
        """The notebooks, whose cells are among the documents."""
        from kibitz.lsp.notebook_sync import NotebookSync  # noqa: PLC0415 - few open any

        return NotebookSync(self.session, self.client)

    @cached_property
    def workspace_review(self) -> Workspace:
        """What reviews all files."""
        from kibitz.lsp.workspace import Workspace  # noqa: PLC0415 - few ask

        return Workspace(self.session, self.editor, self.client, self.clock)

    @property
    def closed_files(self) -> ClosedFiles | None:
        """What is shown of files that are not open; None as long as nobody has asked for any."""
        return self.workspace_review.closed_files if "workspace_review" in vars(self) else None

    @cached_property
    def pulling(self) -> Pulling:
        """What has the editor ask for diagnostics, if that is wanted."""
        from kibitz.lsp.pulling import Pulling  # noqa: PLC0415 - after initialize

        return Pulling(self.session, self.editor, self.client)

    @cached_property
    def sorting(self) -> Sorting:
        """What shows anew what is dismissed, and what is not."""
        from kibitz.lsp.sorting import Sorting  # noqa: PLC0415 - after initialize

        return Sorting(self.session, self.clock)

    @cached_property
    def warming(self) -> Warming:
        """What prepares for files that are not open."""
        from kibitz.lsp.warming import Warming  # noqa: PLC0415 - after initialize

        return Warming(self.session, self.clock, self.editor)

    @cached_property
    def watching(self) -> Watching:
        """What notices changes of files that reviews go by."""
        from kibitz.lsp.watching import Watching  # noqa: PLC0415 - after initialize

        return Watching(self.setup, self.client, self.clock, self.sorting.soon)

    @cached_property
    def setup(self) -> Setup:
        """What brings the session its reviewer."""
        from kibitz.lsp.backend import AppBackend  # noqa: PLC0415 - after initialize
        from kibitz.lsp.setup import Setup  # noqa: PLC0415 - as above

        return Setup(
            self.session,
            self._backend or AppBackend(self._protect, self.measuring),
            cli=self._cli,
            roots=self.client.roots,
            ask=self.editor.configuration,
            tidy=self.tidy,
            renewed=self._renewed,
        )

    @cached_property
    def trusting(self) -> Trusting:
        """What asks whether folders are trusted."""
        from kibitz.lsp.trusting import Trusting  # noqa: PLC0415 - after initialize

        return Trusting(self.session, self.editor.choose)

    def changed(self) -> None:
        """A review began, or came to something."""
        self.measuring.lag.touch()
        self.reporter.touch()

    def _renewed(self) -> None:
        self.warming.renew()
        self.trusting.renew()
        self.pulling.renew()
        if self.closed_files is not None:
            self.closed_files.renew()

    @property
    def exit_code(self) -> int:
        """0 after a ``shutdown``, 1 without."""
        return 0 if self.protocol.phase is Phase.STOPPING else 1

    def stop(self) -> None:
        """End the conversation."""
        self.stopped.set()

    async def wind_down(self, seconds: float) -> None:
        """Cancel all work and let go of the reviewer, in at most ``seconds``. Harmless when repeated."""
        self.parent.stop()
        if self.protocol.phase is not Phase.BEFORE:
            self.session.stop()
            self.session.hinting.stop()
            self.warming.end()
            self.reporter.stop()
            self.watching.stop()
            self.sorting.stop()
            self.pulling.close()
            if "workspace_review" in vars(self):
                self.workspace_review.close()
            await self.setup.aclose(seconds)
            await self.measuring.close()

    def lost_sync(self, uri: str | None) -> None:
        """A message was unreadable that may have changed a document (None: any of them)."""
        self.session.lost(uri)
        if "notebooks" in vars(self):
            self.notebooks.lost(uri)

    def bad_notification(self, method: str, params: object) -> None:
        """A notification had parameters that are not valid."""
        named = {
            types.TEXT_DOCUMENT_DID_CHANGE: "textDocument",
            types.NOTEBOOK_DOCUMENT_DID_CHANGE: "notebookDocument",
        }.get(method)
        if named is not None:
            document = params.get(named) if isinstance(params, dict) else None
            uri = document.get("uri") if isinstance(document, dict) else None
            self.lost_sync(uri if isinstance(uri, str) else None)

    def report_server_error(self, error: Exception, source: ServerErrors) -> None:
        """Log, where pygls would open a pop-up for each."""
        logger.error("%s: %s", source.__name__, type(error).__name__)


def main(cli: Mapping[str, object] | None = None) -> int:
    """Serve the editor on standard input and output until it leaves.

    Args:
        cli: settings from the command line, by name.

    Returns the exit code; does not return if something that cannot be waited for is still running.
    """
    from kibitz.lsp.stdio import run  # noqa: PLC0415 - tests use the server without a process around it

    sys.setswitchinterval(SWITCH_SECONDS)
    return run(partial(KibitzServer, cli=cli, tidy=tidy, protect=protect))


def tidy() -> None:
    """Keep what is imported by now out of the garbage collector's sight, after one look through it.

    It stays until the end; a full collection that finds that out takes 0.1 s of the event loop, each time.
    """
    gc.unfreeze()
    # attrs and dataclasses keep the source of all that they generated, for tracebacks that nobody prints.
    linecache.clearcache()
    gc.collect()
    gc.freeze()
