"""Makes the n-th operation of a kind fail: once, or it and all that follow.

Files (below one folder only: the interpreter's own are left alone), the database, the wire to a provider,
and the wall clock are counted where they leave kibitz. Whoever tests goes through n = 1, 2, 3, … until a run
is so short that nothing fails any more.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from kibitz.cache.claims import DiskClaims
from kibitz.cache.disk import DiskCache

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

FILES = ("open", "mkdir", "stat", "replace", "unlink", "fsync", "chmod", "fchmod", "write")
TEN_YEARS = 315_360_000.0


@dataclass
class Faults:
    """Counts operations, and says which one fails."""

    n: int
    forever: bool
    count: int = 0
    failed: list[str] = field(default_factory=list)
    """What was made to fail."""

    def due(self, what: str) -> bool:
        """One more operation; whether it fails."""
        self.count += 1
        due = self.count == self.n or (self.forever and self.count > self.n)
        if due:
            self.failed.append(what)
        return due


@contextmanager
def files(faults: Faults, folder: Path) -> Iterator[None]:
    """The disk below ``folder`` is full, or broken."""
    inside = os.fspath(folder)
    codes = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES)

    def wrapped(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(target: Any, *rest: Any, **named: Any) -> Any:
            if _is_inside(target, inside) and faults.due(f"{name} {target}"):
                code = codes[faults.n % len(codes)]
                raise OSError(code, os.strerror(code), target if isinstance(target, str) else None)
            return real(target, *rest, **named)

        return operation

    with pytest.MonkeyPatch.context() as patch:
        for name in FILES:
            patch.setattr(os, name, wrapped(name, getattr(os, name)))
        patch.setattr(io, "open", wrapped("open", io.open))
        patch.setattr(builtins, "open", wrapped("open", builtins.open))
        yield


def _is_inside(target: object, folder: str) -> bool:
    if isinstance(target, int):
        try:
            target = os.readlink(f"/proc/self/fd/{target}")  # noqa: PTH115 - pathlib's way is counted
        except OSError:
            return False
    return isinstance(target, str | os.PathLike) and os.fspath(target).startswith(folder)


@contextmanager
def database(faults: Faults) -> Iterator[None]:
    """SQLite reports that the disk fails, that the file is locked, full or no database."""

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
            _maybe(sql)
            return super().execute(sql, *rest)

        def executemany(self, sql: str, *rest: Any) -> sqlite3.Cursor:
            _maybe(sql)
            return super().executemany(sql, *rest)

    def _maybe(sql: str) -> None:
        if faults.due(sql.split("(", maxsplit=1)[0].strip()):
            code = _CODES[faults.n % len(_CODES)]
            error = sqlite3.OperationalError("injected")
            error.sqlite_errorcode = code
            raise error

    real = sqlite3.connect

    def connect(*rest: Any, **named: Any) -> sqlite3.Connection:
        _maybe("connect")
        connection: sqlite3.Connection = real(*rest, **{**named, "factory": Connection})
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", connect)
        yield


_CODES = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN)


@contextmanager
def wire(faults: Faults) -> Iterator[None]:
    """The connection to a provider breaks: while it is made, while a request is sent, or in an answer."""
    real = httpx2.AsyncHTTPTransport.handle_async_request

    async def handle(self: httpx2.AsyncHTTPTransport, request: httpx2.Request) -> httpx2.Response:
        if faults.due("connect"):
            raise httpx2.ConnectError("injected")
        if faults.due("send"):
            raise httpx2.WriteError("injected")
        response = await real(self, request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Stream(response.stream, faults)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", handle)
        yield


class _Stream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, faults: Faults) -> None:
        self._stream = stream
        self._faults = faults

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            for at in range(0, len(chunk), 400):
                if self._faults.due("read"):
                    raise httpx2.ReadError("injected")
                yield chunk[at : at + 400]

    async def aclose(self) -> None:
        await self._stream.aclose()


@contextmanager
def clock(faults: Faults) -> Iterator[None]:
    """The wall clock jumps by ten years, forward or back."""
    jump = TEN_YEARS if faults.n % 2 else -TEN_YEARS
    defaults = [defaults_of(each) for each in (DiskCache, DiskClaims)]
    real = [each["clock"] for each in defaults]

    def now() -> float:
        return time.time() + (jump if faults.due("clock") else 0.0)

    for each in defaults:
        each["clock"] = now
    try:
        yield
    finally:
        for each, before in zip(defaults, real, strict=True):
            each["clock"] = before


def defaults_of(what: type) -> dict[str, Any]:
    """What a class takes if it is not told otherwise; may be changed."""
    initialise: Any = what.__init__  # type: ignore[misc]  # it is looked at, and not called
    defaults: dict[str, Any] = initialise.__kwdefaults__
    return defaults
