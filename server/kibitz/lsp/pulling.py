"""Has the editor ask for diagnostics, instead of being sent them, if that is wanted and works with it.

It works with editors that can be told to ask again. Those that take registrations can also be told to stop.
Others are told at ``initialize`` or never: if they are to be sent diagnostics after all, they keep asking,
and are told that there are none.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from lsprotocol import types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.capabilities import Client
    from kibitz.lsp.session import Session

_ID = "kibitz-diagnostics"
_SELECTOR: list[types.DocumentFilter] = [
    types.TextDocumentFilterScheme(scheme=scheme) for scheme in ("file", "untitled")
]
"""What is edited; cells of notebooks are sent their diagnostics."""


class Editor(Protocol):
    """What the editor is asked for."""

    async def register(self, wanted: Sequence[types.Registration]) -> bool:
        """Ask to be told, or asked, about something; whether it agrees."""

    async def unregister(self, unwanted: Sequence[types.Unregistration]) -> bool:
        """No more of that."""

    async def ask_again(self) -> None:
        """Have it ask for the diagnostics again, and wait until it knows."""


class Pulling:
    """Keeps what the editor was told in step with the settings. Belongs to the event loop."""

    def __init__(self, session: Session, editor: Editor, client: Client) -> None:
        self._session = session
        self._editor = editor
        self._client = client
        self._refused = False
        self._task: asyncio.Task[None] | None = None

    @property
    def _wanted(self) -> bool:
        client = self._client
        able = client.pulls_from_start or (client.refreshes and client.registers_diagnostics)
        return able and not self._refused and self._session.knobs.diagnostics == "pull"

    def renew(self) -> None:
        """The settings may be others now."""
        idle = self._task is None or self._task.done()
        if idle and self._wanted != self._session.publisher.pulls:
            self._task = asyncio.get_running_loop().create_task(self._follow())

    def close(self) -> None:
        """It is over."""
        if self._task is not None:
            self._task.cancel()

    async def _follow(self) -> None:
        while (wanted := self._wanted) != self._session.publisher.pulls:
            if wanted:
                await self._begin()
            else:
                await self._end()

    async def _begin(self) -> None:
        if self._client.registers_diagnostics:
            options = types.DiagnosticRegistrationOptions(
                inter_file_dependencies=False,
                workspace_diagnostics=False,
                document_selector=_SELECTOR,
                id=_ID,
            )
            wanted = types.Registration(_ID, types.TEXT_DOCUMENT_DIAGNOSTIC, options)
            if not await self._editor.register([wanted]):
                self._refused = True
                return
        self._switch(pulls=True)

    async def _end(self) -> None:
        publisher = self._session.publisher
        # It asks once more and hears that there are none: not all clear up when they are told to stop.
        publisher.withholds = True
        await self._editor.ask_again()
        if self._client.registers_diagnostics:
            await self._editor.unregister([types.Unregistration(_ID, types.TEXT_DOCUMENT_DIAGNOSTIC)])
        publisher.withholds = False
        self._switch(pulls=False)

    def _switch(self, *, pulls: bool) -> None:
        self._session.publisher.switch(pulls=pulls, documents=tuple(self._session.documents))
