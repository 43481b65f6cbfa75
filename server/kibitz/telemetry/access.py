"""The access log: a line for each request that went to a provider, and for each attempt at it.

A line has numbers, names and codes: never source code, a message or a path. Which document a request was
about is told by a code that nobody but this installation can make of its name.
"""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal
    from pathlib import Path

    from kibitz.telemetry.journal import Entry, Journal

FILE_NAME = "access.jsonl"

_document: ContextVar[str | None] = ContextVar("_document", default=None)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that went to a provider; None where nothing is known."""

    origin: str
    model: str
    purpose: str
    """What it was for, such as ``review`` or ``batch``."""
    outcome: str
    """``answered``, ``cancelled``, or the code of the error that came of it."""
    seconds: float
    """From its begin to its last byte, or its end."""
    first_seconds: float | None = None
    """The same until the first byte of an answer that was streamed. Not in the log."""
    attempt: int = 1
    """Which attempt at the same question it was."""
    status: int | None = None
    """HTTP's; None: no answer came."""
    provider_id: str | None = None
    """The request's id at the provider."""
    key: str | None = None
    """The fingerprint of the key that it was signed with."""
    bytes_out: int | None = None
    bytes_in: int | None = None
    """Of the bodies, as they were on the wire."""
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: Decimal | None = None
    redactions: int = 0
    """Places in what was sent that were replaced, because they looked like secrets."""
    dropped: int = 0
    """Items of the answer that were not used, because they were not what was asked for."""
    document: str | None = field(default_factory=_document.get)
    """Its path or name: written as a code."""
    request: str = field(default_factory=lambda: secrets.token_hex(8))
    """Tells requests apart."""
    at: float = field(default_factory=time.time)
    mono: float = field(default_factory=time.monotonic)


_log: Journal | None = None


def current_document() -> str | None:
    """What is asked here is about that document."""
    return _document.get()


@contextmanager
def about(document: str | None) -> Iterator[None]:
    """What is asked in the block, and by tasks that begin in it, is about that document."""
    token = _document.set(document)
    try:
        yield
    finally:
        _document.reset(token)


def open_log(folder: Path) -> Journal:
    """Write to the log in ``folder`` from now on. One for the process: the last that was opened counts."""
    from kibitz.telemetry.install import Names  # noqa: PLC0415 - reviews need it, and nothing before
    from kibitz.telemetry.journal import Journal  # noqa: PLC0415 - as above

    global _log  # noqa: PLW0603 - as logs are
    names = Names(folder)

    def finish(entry: Entry) -> Entry:
        document = entry.pop("document")
        return {**entry, "document": None if document is None else names.code(str(document))}

    _log = Journal(folder / FILE_NAME, what="the access log", finish=finish)
    return _log


def close_log(log: Journal) -> None:
    """Write what waits, and no more, unless another one was opened. Blocks for half a second at most."""
    global _log  # noqa: PLW0603 - as above
    if _log is log:
        _log = None
    log.close()


def note(attempt: Attempt) -> None:
    """Have it written, if a log is open. Waits for nothing."""
    if _log is not None:
        _log.write(_entry(attempt))


def _entry(attempt: Attempt) -> Entry:
    told = asdict(attempt)
    at, mono, seconds = told.pop("at"), told.pop("mono"), told.pop("seconds")
    del told["first_seconds"]
    return {
        "ts": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "mono": round(mono, 3),
        "request": told.pop("request"),
        **told,
        "latency_ms": round(seconds * 1000),
    }
