"""Notices when files change that settings and reviews go by: those of the user, of projects, and of git."""

from __future__ import annotations

import asyncio
import os
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from lsprotocol import types

from kibitz.config.places import default_user_file
from kibitz.guard.ignore import IGNORE_FILES
from kibitz.guard.trust import FILE_NAME as TRUST_NAME
from kibitz.lsp.documents import path_of
from kibitz.lsp.folders import folder_of
from kibitz.review.dismissal_files import FILE_NAME as DISMISSALS_NAME
from kibitz.review.dismissal_files import TEAM_FILE
from kibitz.state.places import state_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from kibitz.lsp.capabilities import Client
    from kibitz.lsp.clock import Clock, Timer
    from kibitz.lsp.setup import Setup

SETTLE_SECONDS = 0.3
"""A checkout changes many files: they are read once, when it is over."""
_FOLDER, _CONTEXT = ".kibitz", "AGENTS.md"
_MOST_FILES = 100
"""So many of a folder's files are looked at; reviews read fewer."""
Signatures: TypeAlias = "frozenset[tuple[str, tuple[int, ...]]]"


class Watching:
    """Has the settings loaded again when such a file changes, as far as the editor helps to see that.

    An editor that watches no files is taken for one that has just been looked away from: each time a document
    is opened or saved, a thread looks at the files' times.
    """

    def __init__(
        self, setup: Setup, client: Client, clock: Clock, dismissed: Callable[[], None] = lambda: None
    ) -> None:
        """``dismissed`` is told when something else may be dismissed."""
        self._setup = setup
        self._dismissed = dismissed
        self._client = client
        self._clock = clock
        self._users: frozenset[str] = frozenset()
        """Paths of the user's own files."""
        self._dismissals = ""
        """The path of what the user dismissed."""
        self._timer: Timer | None = None
        self._seen: Signatures | None = None
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> Sequence[types.Registration]:
        """Begin; what the editor is to be asked for, if it can do that."""
        file, state = await asyncio.to_thread(lambda: (default_user_file(), state_dir()))
        dismissals = state / DISMISSALS_NAME
        users = (file, file.with_name(TRUST_NAME), dismissals)
        self._dismissals = str(dismissals)
        self._users = frozenset(map(str, users))
        wanted = []
        if self._client.registers_configuration:
            method, section = types.WORKSPACE_DID_CHANGE_CONFIGURATION, {"section": "kibitz"}
            wanted.append(types.Registration("kibitz-configuration", method, section))
        if self._client.watches_files:
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers(self._client, users))
            method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            wanted.append(types.Registration("kibitz-files", method, options))
        self.look()
        return wanted

    def changed(self, uris: Iterable[str]) -> None:
        """These files were written, made or removed."""
        self._react(filter(None, map(path_of, uris)))

    def saved(self, uri: str) -> None:
        """A document was saved."""
        self.changed([uri])
        self.look()

    def look(self) -> None:
        """The user is here: see whether something changed, if nobody else does."""
        idle = self._looking is None or self._looking.done()
        if self._users and idle and not self._client.watches_files:
            self._looking = asyncio.get_running_loop().create_task(self._look())

    def stop(self) -> None:
        """It is over."""
        for pending in (self._timer, self._looking):
            if pending is not None:
                pending.cancel()

    async def _look(self) -> None:
        roots = [path for uri in self._setup.roots if (path := folder_of(uri)) is not None]
        before, self._seen = self._seen, await asyncio.to_thread(_signatures, sorted(self._users), roots)
        if before is not None:
            self._react({path for path, _ in before ^ self._seen})

    def _react(self, paths: Iterable[str]) -> None:
        """These files are others now."""
        for path in paths:
            if path == self._dismissals or path.endswith(f"/{TEAM_FILE}"):
                self._dismissed()
            elif path in self._users or is_ours(path):
                self._soon()

    def _soon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_later(SETTLE_SECONDS, self._setup.reread)


def is_ours(path: str) -> bool:
    """Whether reviews go by that file of a project."""
    name = os.path.basename(path)  # noqa: PTH119 - for thousands after a checkout
    return (
        name in IGNORE_FILES or name == _CONTEXT or f"/{_FOLDER}/" in path or path.endswith("/info/exclude")
    )


def watchers(client: Client, users: Iterable[Path]) -> list[types.FileSystemWatcher]:
    """What to have an editor watch: files of projects, wherever they are, and these of the user."""
    globs: list[str | types.RelativePattern] = [
        f"**/{{{','.join(IGNORE_FILES)}}}",
        f"**/{_FOLDER}/**",
        f"**/{_CONTEXT}",
    ]
    for path in users:
        beside = types.RelativePattern(path.parent.absolute().as_uri(), path.name)
        globs.append(beside if client.relative_patterns else path.absolute().as_posix())
    return [types.FileSystemWatcher(glob) for glob in globs]


def _signatures(users: Iterable[str], roots: Iterable[str]) -> Signatures:
    """What tells whether files of the user, and of projects, are what they were. Reads the disk."""
    paths = (*users, *(path for root in roots for path in _files_of(root)))
    return frozenset((path, _signature(path)) for path in paths)


def _files_of(root: str) -> Iterator[str]:
    for name in (*IGNORE_FILES, _CONTEXT):
        yield f"{root}/{name}"
    for folder in (f"{root}/{_FOLDER}", f"{root}/{_FOLDER}/rules"):
        try:
            with os.scandir(folder) as entries:
                yield from sorted(entry.path for entry in islice(entries, _MOST_FILES))
        except (OSError, ValueError):  # ValueError: an editor's folder may have any name, even with "\0"
            continue


def _signature(path: str) -> tuple[int, ...]:
    try:
        status = os.stat(path)  # noqa: PTH116 - a few dozen at each save
    except (OSError, ValueError):  # as above
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino
