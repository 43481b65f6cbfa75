"""The editor at the other end of the wire, as the session sees it."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.capabilities import Client
    from kibitz.lsp.protocol import KibitzProtocol

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 3.0
"""How long an editor may take to answer what needs no user."""
USER_SECONDS = 600.0
"""How long a user may take. Some editors drop a question without a word."""
_REFUSED = object()
"""Instead of an answer that did not come."""


class WireEditor:
    """Sends notifications, and the few requests that a server has for its client."""

    def __init__(self, protocol: KibitzProtocol, client: Client) -> None:
        self._protocol = protocol
        self._client = client
        self._numbers = itertools.count(1)
        self._progress: dict[int | str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def publish(self, uri: str, version: int | None, diagnostics: Sequence[types.Diagnostic]) -> None:
        """See ``Editor``."""
        params = types.PublishDiagnosticsParams(uri=uri, version=version, diagnostics=list(diagnostics))
        self._protocol.notify(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, params)

    def refresh(self) -> None:
        """See ``Screen``."""
        task = asyncio.get_running_loop().create_task(self.ask_again())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def ask_again(self) -> None:
        """See ``pulling.Editor``."""
        await self._ask(types.WORKSPACE_DIAGNOSTIC_REFRESH, None)

    def show(self, message: str) -> None:
        """See ``Editor``."""
        params = types.ShowMessageParams(type=types.MessageType.Warning, message=message)
        self._protocol.notify(types.WINDOW_SHOW_MESSAGE, params)

    def log(self, message: str) -> None:
        """Keep what is too long for a message where the user can read it."""
        params = types.LogMessageParams(type=types.MessageType.Info, message=message)
        self._protocol.notify(types.WINDOW_LOG_MESSAGE, params)

    def tell(self, message: str) -> None:
        """Answer the user, who asked."""
        params = types.ShowMessageParams(type=types.MessageType.Info, message=message)
        self._protocol.notify(types.WINDOW_SHOW_MESSAGE, params)

    async def open(self, uri: str) -> bool:
        """Have a file opened as the user's system does, a page in a browser; whether the editor did."""
        if not self._client.shows_documents:
            return False
        params = types.ShowDocumentParams(uri, external=True)
        answer = await self._ask(types.WINDOW_SHOW_DOCUMENT, params)
        return isinstance(answer, types.ShowDocumentResult) and answer.success

    async def choose(self, message: str, choices: Sequence[str]) -> str | None:
        """See ``Editor``."""
        actions = [types.MessageActionItem(choice) for choice in choices]
        params = types.ShowMessageRequestParams(types.MessageType.Warning, message, actions)
        answer = await self._ask(types.WINDOW_SHOW_MESSAGE_REQUEST, params, seconds=USER_SECONDS)
        return answer.title if isinstance(answer, types.MessageActionItem) else None

    def progress(self, title: str, uri: str) -> WireProgress:
        """See ``Editor``."""
        token = f"kibitz-{next(self._numbers)}"
        shown = WireProgress(self._protocol, token)
        if self._client.progress:
            self._progress[token] = uri
            task = asyncio.get_running_loop().create_task(shown.begin(title))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            shown.on_end = lambda: self._progress.pop(token, None)
        return shown

    async def apply(self, edit: types.WorkspaceEdit, label: str) -> str | None:
        """Have an edit made; why it was not, or None."""
        params = types.ApplyWorkspaceEditParams(edit, label)
        if not self._client.applies_edits:
            return "the editor takes no edits from a language server"
        answer = await self._ask(types.WORKSPACE_APPLY_EDIT, params, seconds=USER_SECONDS)
        if not isinstance(answer, types.ApplyWorkspaceEditResult):
            return "the editor did not say whether it made it"
        return None if answer.applied else (answer.failure_reason or "the editor refused it")[:200]

    def reviewed_under(self, token: object) -> str | None:
        """The document whose review that progress stands for. ``token`` is whatever the editor sent."""
        return self._progress.get(token) if isinstance(token, int | str) else None

    async def configuration(self, scopes: Sequence[str] = ()) -> Sequence[object] | None:
        """See ``Ask``."""
        if not self._client.configuration:
            return None
        items = [types.ConfigurationItem(scope, "kibitz") for scope in (None, *scopes)]
        answer = await self._ask(types.WORKSPACE_CONFIGURATION, types.ConfigurationParams(items))
        return answer if isinstance(answer, list | tuple) else None

    async def register(self, wanted: Sequence[types.Registration]) -> bool:
        """Ask to be told about something, if there is anything; whether the editor agrees."""
        params = types.RegistrationParams(wanted)
        return not wanted or await self._ask(types.CLIENT_REGISTER_CAPABILITY, params) is not _REFUSED

    async def unregister(self, unwanted: Sequence[types.Unregistration]) -> bool:
        """No more of that."""
        params = types.UnregistrationParams(unwanted)
        return await self._ask(types.CLIENT_UNREGISTER_CAPABILITY, params) is not _REFUSED

    async def _ask(self, method: str, params: object, *, seconds: float | None = None) -> object:
        try:
            return await self._protocol.ask(method, params, seconds=seconds or ANSWER_SECONDS)
        except (TimeoutError, JsonRpcException) as error:
            logger.info("the editor did not answer %s: %s", method, type(error).__name__)
            return _REFUSED


class WireProgress:
    """One work-done progress: created, begun and ended at the editor, in this order or not at all."""

    def __init__(self, protocol: KibitzProtocol, token: str) -> None:
        self._protocol = protocol
        self._token = token
        self._begun = self._over = False
        self._known = 0
        self.on_end: object = None

    async def begin(self, title: str) -> None:
        """Show it, once the editor agrees."""
        try:
            params = types.WorkDoneProgressCreateParams(token=self._token)
            await self._protocol.ask(types.WINDOW_WORK_DONE_PROGRESS_CREATE, params, seconds=ANSWER_SECONDS)
        except (TimeoutError, JsonRpcException):
            return
        if not self._over:
            self._begun = True
            self._send(types.WorkDoneProgressBegin(title=title, cancellable=True, percentage=self._known))

    def report(self, message: str, percentage: int) -> None:
        """It is as far as that; not told where the editor does not show it yet."""
        self._known = percentage
        if self._begun:
            self._send(types.WorkDoneProgressReport(message=message, percentage=percentage))

    def end(self) -> None:
        """See ``Progress``."""
        self._over = True
        if self._begun:
            self._send(types.WorkDoneProgressEnd())
        if callable(self.on_end):
            self.on_end()

    def _send(
        self, value: types.WorkDoneProgressBegin | types.WorkDoneProgressReport | types.WorkDoneProgressEnd
    ) -> None:
        self._protocol.notify(types.PROGRESS, types.ProgressParams(token=self._token, value=value))
