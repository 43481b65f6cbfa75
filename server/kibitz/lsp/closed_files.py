"""What the editor shows of files that are not open: what a review of the workspace found in them.

Nobody tells when such a file changes. So what is shown is looked up again, which sends nothing, whenever the
user does something and the file is another one on the disk; what is known of it stays, the rest goes.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from kibitz.lsp.documents import path_of
from kibitz.lsp.faults import describe
from kibitz.lsp.rendering import diagnostics
from kibitz.lsp.shown import Shown
from kibitz.provider.limits.priority import Priority, Urgency
from kibitz.text.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from lsprotocol import types

    from kibitz.lsp.capabilities import Client
    from kibitz.lsp.documents import Document
    from kibitz.lsp.service import Assignment, Outcome
    from kibitz.lsp.session import Session

logger = logging.getLogger(__name__)

Signature = tuple[int, ...]
"""What tells whether a file is what it was; empty: it is not there."""


class Screen(Protocol):
    """What the editor shows of diagnostics."""

    def publish(self, uri: str, version: int | None, diagnostics: Sequence[types.Diagnostic]) -> None:
        """These are all diagnostics of the file now."""


@dataclass(frozen=True, slots=True)
class _Exhibit:
    uri: str
    digest: str
    """Of the text that the findings are of."""
    shown: tuple[Shown, ...]


class ClosedFiles:
    """The files that were reviewed and are not open, and what is shown of them. Belongs to the event loop."""

    def __init__(self, session: Session, screen: Screen, client: Client) -> None:
        self._session = session
        self._screen = screen
        self._client = client
        self._covered: dict[str, Signature] = {}
        """The files, by path, as they were when they were looked at."""
        self._exhibits: dict[str, _Exhibit] = {}
        """By path."""
        self._due: dict[str, None] = {}
        self._looking: asyncio.Task[None] | None = None
        self._checking: asyncio.Task[None] | None = None

    async def assignment(self, path: str) -> Assignment | None:
        """What there is to review in a file now, unless it is open; it counts as looked at."""
        service = self._session.service
        if service is None or self.is_open(path):
            return None
        self._covered[path] = await asyncio.to_thread(_signature, path)
        return await service.assignment(path)

    def show(self, path: str, assignment: Assignment, outcome: Outcome) -> None:
        """Show what was found in a file, unless it was opened meanwhile."""
        if self.is_open(path):
            return
        shown = tuple(Shown(finding) for finding in outcome.findings)
        if not shown:
            self.drop(path)
            return
        snapshot = Snapshot(Path(path).as_uri(), 0, assignment.language, assignment.text)
        older = self._exhibits.get(path)
        if older is not None and older.uri != snapshot.uri:
            # The editor calls it so.
            snapshot = Snapshot(older.uri, 0, assignment.language, assignment.text)
        self._exhibits[path] = exhibit = _Exhibit(snapshot.uri, snapshot.digest, shown)
        if exhibit != older:
            self._screen.publish(snapshot.uri, None, diagnostics(shown, snapshot, self._client))

    def drop(self, path: str) -> None:
        """Nothing is to be shown of a file."""
        exhibit = self._exhibits.pop(path, None)
        if exhibit is not None:
            self._screen.publish(exhibit.uri, None, [])

    def retain(self, paths: Collection[str]) -> None:
        """No others are there to be reviewed any more."""
        for path in self._covered.keys() - set(paths):
            del self._covered[path]
            self.drop(path)

    def is_open(self, path: str) -> bool:
        """Whether a document shows the file."""
        return any(document.path == path for document in self._session.documents)

    # What the editor does

    def opened(self, uri: str, text: str) -> tuple[Shown, ...]:
        """A document shows a file from now on; what is known of this very text, for it to begin with.

        Where that is sent at once under the same name, what was shown is replaced, and does not flicker.
        """
        path = path_of(uri)
        exhibit = self._exhibits.pop(path, None) if path is not None else None
        if exhibit is None:
            return ()
        known = exhibit.shown if Snapshot(uri, 0, "", text).digest == exhibit.digest else ()
        if not known or exhibit.uri != uri or self._session.publisher.pulls:
            self._screen.publish(exhibit.uri, None, [])
        return known

    def closing(self, document: Document) -> bool:
        """A document is closed now. Whether what it shows is to stay, because its file was reviewed, too."""
        path = document.path
        if path is None or path not in self._covered:
            return False
        self._look_at([path])
        if not document.shown or self._session.publisher.pulls:
            return False
        # The file may be another text: the look tells in a moment, and then it is shown anew in any case.
        self._exhibits[path] = _Exhibit(document.uri, "", document.shown)
        return True

    def renew(self) -> None:
        """By other settings, or from somebody else, other findings may be wanted."""
        if self._session.service is None:
            self.retain(())
        else:
            self._look_at(self._covered)

    def look(self) -> None:
        """The user is here: see whether files changed."""
        if self._covered and (self._checking is None or self._checking.done()):
            self._checking = asyncio.get_running_loop().create_task(self._check())

    def close(self) -> None:
        """It is over."""
        for task in (self._checking, self._looking):
            if task is not None:
                task.cancel()

    async def _check(self) -> None:
        before = dict(self._covered)
        now = await asyncio.to_thread(lambda: {path: _signature(path) for path in before})
        self._look_at(path for path, was in before.items() if now[path] != was)

    def _look_at(self, paths: Iterable[str]) -> None:
        self._due.update(dict.fromkeys(paths))
        if self._due and (self._looking is None or self._looking.done()):
            self._looking = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while self._due:
            path = next(iter(self._due))
            del self._due[path]
            try:
                await self._look_up(path)
            except Exception as error:  # noqa: BLE001 - of this file nothing is known, then
                logger.error("a file was not looked at again: %s", describe(error))  # noqa: TRY400
                self.drop(path)

    async def _look_up(self, path: str) -> None:
        """Show what is known of a file as it is now. Sends nothing."""
        service, assignment = self._session.service, await self.assignment(path)
        if service is None or assignment is None:
            if not self.is_open(path):
                self.drop(path)
            return
        outcome = await service.review(
            replace(assignment, ask=False), Urgency(Priority.WARMING), lambda _so_far: None
        )
        if service is self._session.service:
            self.show(path, assignment, outcome)
        else:
            self._due[path] = None  # Somebody else may know other things.


def _signature(path: str) -> Signature:
    try:
        status = os.stat(path)  # noqa: PTH116 - of up to 2000 files
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino
