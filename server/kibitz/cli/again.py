"""What a command line meant the last time: so that the same ``kibitz check`` need not find out again.

To read the options and the settings takes as long as to hash five thousand files. What they come to depends
on the command line, the environment, the user's file and kibitz itself, and on nothing else; so it is kept
under a hash of all these. If any of them changes, or something is to be asked or shown, all is read as ever.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import kibitz
from kibitz.cli import CLEAN, INTERRUPTED
from kibitz.cli.output.streams import forgiving, pipe_closed, say
from kibitz.cli.sweeping import Brief, sweep
from kibitz.config.environ import environment
from kibitz.config.places import default_user_file, fingerprint
from kibitz.guard.process import key_variables
from kibitz.state.places import database_path
from kibitz.state.store import Component, StateUnavailable, Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from kibitz.cli.sweeping import Swept

BUSY_S = 1.0
_KEPT = 100
"""Command lines."""
_COMPONENT = Component(
    "checks",
    1,
    ("CREATE TABLE checks_meant (command TEXT PRIMARY KEY, used REAL NOT NULL, meaning TEXT NOT NULL)",),
)
_OURS = ("KIBITZ_", "OPENAI_", "XDG_", "HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA")
_COLOURS = ("FORCE_COLOR", "TTY_COMPATIBLE")


@dataclass(frozen=True, slots=True)
class Invocation:
    """How far a command line got without being read."""

    arguments: tuple[str, ...]
    code: int | None = None
    """The exit code if all is done."""
    swept: Swept | None = None
    """What was seen of the files, if their settings were known."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a command line came to."""

    paths: tuple[str, ...]
    brief: Brief


def check_again(arguments: Sequence[str]) -> Invocation:
    """Do what a ``check`` with these arguments does, if all its files are known to be clean."""
    begun = Invocation(tuple(arguments))
    if not database_path().exists():
        return begun
    store = Store(database_path(), BUSY_S)
    try:
        meaning = _recall(store, command_key(arguments))
        if meaning is None:
            return begun
        swept = sweep(meaning.paths, meaning.brief, store)
        if swept.rest or not swept.files:
            return replace(begun, swept=swept)
        return replace(begun, code=_told(swept))
    except KeyboardInterrupt:
        say("Interrupted.")
        return replace(begun, code=INTERRUPTED)
    finally:
        store.close()


def remember(store: Store, key: str, meaning: Meaning) -> None:
    """Keep what the command line under ``key`` means. Where that cannot be, nothing is lost but time."""
    brief = meaning.brief
    value = json.dumps([meaning.paths, brief.exclude, brief.include, brief.max_bytes, brief.scope])

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT OR REPLACE INTO checks_meant VALUES (?, ?, ?)", (key, time.time(), value))
        connection.execute(
            "DELETE FROM checks_meant WHERE command NOT IN "
            "(SELECT command FROM checks_meant ORDER BY used DESC LIMIT ?)",
            (_KEPT,),
        )

    with suppress(StateUnavailable):
        store.transact(write, (_COMPONENT,), write=True)


def command_key(
    arguments: Sequence[str], environ: Mapping[str, str] | None = None, package: Path | None = None
) -> str:
    """A hash of all that decides what the arguments mean. Of keys and secrets it has a fingerprint only."""
    environ = environment() if environ is None else environ
    secret = set(key_variables(environ))
    variables = [
        [name, fingerprint(value) if name in secret else value]
        for name, value in sorted(environ.items())
        if name.startswith(_OURS)
    ]
    file = default_user_file(environ)
    code = sorted(_signatures(package or Path(kibitz.__file__).parent))
    parts = [list(arguments), variables, str(file), _signature(file), code, sys.version]
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()


def _recall(store: Store, key: str) -> Meaning | None:
    def read(connection: sqlite3.Connection) -> tuple[object, ...] | None:
        row: tuple[object, ...] | None = connection.execute(
            "SELECT meaning FROM checks_meant WHERE command = ?", (key,)
        ).fetchone()
        return row

    try:
        row = store.transact(read, (_COMPONENT,), write=False)
    except StateUnavailable:
        return None
    return None if row is None else _meaning(row[0])


def _meaning(value: object) -> Meaning | None:
    """What was kept, if it is in order: whoever can write the database could have written anything."""
    try:
        paths, exclude, include, max_bytes, scope = json.loads(str(value))
    except (ValueError, TypeError):
        return None
    lists = [paths, exclude, include]
    texts = [scope, *chain(*lists)] if all(isinstance(each, list) for each in lists) else [None]
    if type(max_bytes) is not int or not all(isinstance(text, str) for text in texts):
        return None
    return Meaning(tuple(paths), Brief(tuple(exclude), tuple(include), max_bytes, scope))


def _told(swept: Swept) -> int:
    """Print the summary of files that are all clean."""
    from kibitz.cli.output.summary import summary  # noqa: PLC0415 - only when there is nothing else to do
    from kibitz.cli.totals import Tally  # noqa: PLC0415 - as above

    tally = Tally()
    tally.add_clean(swept.files, swept.units, swept.dropped)
    pieces = summary(tally.totals(swept.seconds))
    forgiving()
    try:
        if sys.stdout.isatty() or any(os.environ.get(name) for name in _COLOURS):
            from rich.text import Text  # noqa: PLC0415 - for colours alone

            from kibitz.cli.output.terminal import console  # noqa: PLC0415 - as above

            console().print(Text.assemble(*pieces), soft_wrap=True)
        else:
            print("".join(text for text, _ in pieces))
        sys.stdout.flush()
    except BrokenPipeError:
        return pipe_closed()
    return CLEAN


def _signatures(folder: Path) -> Iterator[list[object]]:
    """All modules of the package as they are now."""
    pending = [str(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    yield [entry.path, status.st_size, status.st_mtime_ns]
                elif entry.is_dir() and entry.name != "__pycache__":
                    pending.append(entry.path)


def _signature(file: Path) -> list[int]:
    """The user's file as it is now; empty if there is none."""
    try:
        status = file.stat()
    except OSError:
        return []
    times = [status.st_mtime_ns, status.st_ctime_ns]
    return [*times, status.st_size, status.st_ino, status.st_dev, status.st_mode, status.st_uid]
