"""The language server: which request goes where, and how the process starts and ends.

Importing this module and answering ``initialize`` must cost no more than pygls itself: what the reviews need
is imported after ``initialized`` (see ``setup.py``).
"""

from __future__ import annotations

import asyncio
import gc
import logging
from functools import partial
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from kibitz._version import __version__
from kibitz.lsp.backend import AppBackend
from kibitz.lsp.clock import LoopClock
from kibitz.lsp.editor import WireEditor
from kibitz.lsp.features.code_action import code_action
from kibitz.lsp.features.did_change import did_change
from kibitz.lsp.features.did_change_configuration import did_change_configuration
from kibitz.lsp.features.did_close import did_close
from kibitz.lsp.features.did_open import did_open
from kibitz.lsp.features.did_save import did_save
from kibitz.lsp.features.execute_command import execute_command
from kibitz.lsp.features.initialize import initialize
from kibitz.lsp.features.initialized import initialized
from kibitz.lsp.features.progress_cancel import progress_cancel
from kibitz.lsp.features.shutdown import leave, shutdown
from kibitz.lsp.features.workspace_folders import did_change_workspace_folders
from kibitz.lsp.parent import ParentWatch
from kibitz.lsp.protocol import KibitzProtocol, Phase
from kibitz.lsp.session import Session
from kibitz.lsp.setup import Setup

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pygls.server import ServerErrors

    from kibitz.lsp.clock import Clock
    from kibitz.lsp.service import Backend

logger = logging.getLogger(__name__)

FEATURES: Mapping[str, Callable[..., object]] = {
    types.INITIALIZE: initialize,
    types.INITIALIZED: initialized,
    types.SHUTDOWN: shutdown,
    types.EXIT: leave,
    types.TEXT_DOCUMENT_DID_OPEN: did_open,
    types.TEXT_DOCUMENT_DID_CHANGE: did_change,
    types.TEXT_DOCUMENT_DID_SAVE: did_save,
    types.TEXT_DOCUMENT_DID_CLOSE: did_close,
    types.TEXT_DOCUMENT_CODE_ACTION: code_action,
    types.WORKSPACE_EXECUTE_COMMAND: execute_command,
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: did_change_configuration,
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: did_change_workspace_folders,
    types.WINDOW_WORK_DONE_PROGRESS_CANCEL: progress_cancel,
}
"""Everything the server answers or listens to."""


class KibitzServer(LanguageServer):
    """One server, one editor, one conversation. Create it on the event loop it will run on."""

    protocol: KibitzProtocol

    def __init__(
        self,
        backend: Backend | None = None,
        *,
        cli: Mapping[str, object] | None = None,
        clock: Clock | None = None,
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        super().__init__("kibitz", __version__, protocol_cls=KibitzProtocol)
        clock = clock or LoopClock()
        self.stopped = asyncio.Event()
        self.editor = WireEditor(self.protocol)
        self.session = Session(self.editor, clock)
        self.parent = ParentWatch(clock, self.stop)
        self.setup = Setup(
            self.session, backend or AppBackend(), cli or {}, self._configuration, on_ready=on_ready
        )
        for method, handler in FEATURES.items():
            self.protocol.fm.features[method] = partial(handler, self)

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
        self.session.stop()
        await self.setup.aclose(seconds)

    def lost_sync(self, uri: str | None) -> None:
        """A message was unreadable that may have changed a document (None: any of them)."""
        self.session.lost(uri)

    def bad_notification(self, method: str, params: object) -> None:
        """A notification had parameters that are not valid."""
        if method == types.TEXT_DOCUMENT_DID_CHANGE:
            document = params.get("textDocument") if isinstance(params, dict) else None
            uri = document.get("uri") if isinstance(document, dict) else None
            self.session.lost(uri if isinstance(uri, str) else None)

    def report_server_error(self, error: Exception, source: ServerErrors) -> None:
        """Log, where pygls would open a pop-up for each."""
        logger.error("%s: %s", source.__name__, type(error).__name__)

    async def _configuration(self) -> object:
        return await self.editor.configuration(self.session.client)


def main(cli: Mapping[str, object] | None = None) -> int:
    """Serve the editor on standard input and output until it leaves.

    Args:
        cli: settings from the command line, by name.

    Returns the exit code; does not return if something that cannot be waited for is still running.
    """
    from kibitz.lsp.stdio import run  # noqa: PLC0415 - tests use the server without a process around it

    # What is imported once the reviewer is there never becomes garbage: a full collection that looks through
    # all of it would hold up the event loop for a tenth of a second.
    return run(partial(KibitzServer, cli=cli, on_ready=gc.freeze))
