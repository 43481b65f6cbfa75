"""The ends of the logs, of which only what kibitz itself may have written is taken.

A file may have been written to by others, and a log may be named that is none: what is no line of a log, and
what has no place in one, is counted and left out.
"""

from __future__ import annotations

import json
import os
import re
import stat
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING

from kibitz.telemetry.access import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

LINES = 200
"""So many of each log."""
_BYTES = 256 * 1024
"""At the end of a file, which are looked at."""
_LONGEST = 300
"""Characters of what a line says in words."""
_CODE = re.compile(r"[\w.:/\[\]()@+$,-]{0,200}")
"""What names, codes and addresses are made of; text has blanks."""
_FRAME = re.compile(r'File "[^"\n]+", line \d+, in \S+')
_LIBRARY = "(said by a library: left out)"
_SECURITY = frozenset(
    {
        *("ts", "event", "left_out", "bytes", "cap", "decision", "key", "kind", "method", "model", "name"),
        *("origin", "places", "reason", "setting", "stage"),
    }
)
_ACCESS = frozenset({"ts", "mono", "latency_ms", *(field.name for field in fields(Attempt))})
_SERVER = frozenset({"event", "exception", "level", "logger", "timestamp"})

Entry = dict[str, object]


def access(path: Path) -> list[Entry]:
    """The end of the access log."""
    return _tail(path, lambda line: {name: _code(line[name]) for name in line if name in _ACCESS})


def security(path: Path) -> list[Entry]:
    """The end of the security log."""
    return _tail(path, lambda line: {name: _code(line[name]) for name in line if name in _SECURITY})


def server(path: Path) -> list[Entry]:
    """The end of the server's own log."""
    return _tail(path, _record)


def _tail(path: Path, take: Callable[[Mapping[str, object]], Entry]) -> list[Entry]:
    """An entry for each line; nothing where there is no such file."""
    kept, strange = [], 0
    for raw in _last_lines(path):
        line: object = None
        with suppress(ValueError, RecursionError):
            line = json.loads(raw)
        if isinstance(line, dict) and ("ts" in line or "timestamp" in line):
            kept.append(take(line))
        else:
            strange += 1
    return [*kept, {"left_out": f"{strange} lines that no kibitz wrote"}] if strange else kept


def _last_lines(path: Path) -> Iterator[bytes]:
    # Without O_NONBLOCK, opening a pipe would wait for its other end.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return
            file.seek(max(0, status.st_size - _BYTES))
            lines = file.read(_BYTES).splitlines()
    except OSError:
        return
    # The first may be the rest of a longer one.
    yield from (lines[1:] if status.st_size > _BYTES else lines)[-LINES:]


def _record(line: Mapping[str, object]) -> Entry:
    """A line of the server's log: what kibitz said, and where an error came from, without its words."""
    ours = str(line.get("logger", "")).partition(".")[0] == "kibitz"
    said = str(line.get("event", "")).partition("\n")[0][:_LONGEST]
    record: Entry = {
        name: _code(value) for name, value in line.items() if name not in _SERVER and name.isidentifier()
    }
    record |= {name: _code(line[name]) for name in ("timestamp", "level", "logger") if name in line}
    record["event"] = said if ours else _LIBRARY
    if isinstance(trace := line.get("exception"), str):
        # The words of an error, and the lines of code that Python shows beside it, may be anything.
        record["exception"] = _FRAME.findall(trace)
    return record


def _code(value: object) -> object:
    """A number, or a name or code; what is text may be anything."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return value if isinstance(value, str) and _CODE.fullmatch(value) else "(left out)"
