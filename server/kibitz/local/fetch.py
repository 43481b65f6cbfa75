"""Gets one file over HTTP into one file on the disk, and goes on where an earlier attempt stopped.

The only module that knows the HTTP library; import it late, it takes a while.
"""

from __future__ import annotations

import os
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import httpx2

from kibitz._version import __version__
from kibitz.local.errors import WeightsError
from kibitz.local.index import host_of, pip_option

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

CHUNK_BYTES = 1 << 20
ATTEMPTS = 4
"""How often in a row a transfer may stop without having brought a single byte."""
_TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
"""Seconds. A host that cannot be reached must not keep the next source waiting."""
_OK, _PARTIAL, _BEYOND_THE_END = 200, 206, 416
_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Page:
    """A small answer."""

    body: bytes
    content_type: str
    url: str
    """Where it came from in the end; its links are relative to this."""


class Fetcher:
    """One connection pool, used by one thread. Trusts what pip trusts, and takes the same proxies."""

    def __init__(self, *, wait: Callable[[float], None] = time.sleep) -> None:
        self._wait = wait
        self._http = httpx2.Client(
            timeout=_TIMEOUT,
            follow_redirects=True,
            verify=_trust(),
            headers={"User-Agent": f"kibitz/{__version__}", "Accept-Encoding": "identity"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def page(self, url: str, accept: str, limit: int) -> Page:
        """A small answer, of ``limit`` bytes at most. Raises ``WeightsError``."""
        for attempt in range(ATTEMPTS):
            try:
                return self._page(url, accept, limit)
            except (_Broken, httpx2.TransportError) as error:
                if attempt + 1 == ATTEMPTS or not _may_pass(error):
                    raise _gave_up(url, error) from error
            self._wait(2.0**attempt)
        raise AssertionError("unreachable")

    def _page(self, url: str, accept: str, limit: int) -> Page:
        with self._http.stream("GET", url, headers={"Accept": accept}) as response:
            _check(response)
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > limit:
                    raise _Broken(f"answered with a page of more than {limit} bytes")
            return Page(bytes(body), response.headers.get("content-type", ""), str(response.url))

    def file(self, url: str, into: Path, size: int | None, on_bytes: Callable[[int], None]) -> None:
        """Fill ``into`` with what ``url`` holds, going on behind the bytes that are there already.

        A cut transfer is taken up again, as long as each attempt brings something. ``on_bytes`` hears the
        length of the file after each chunk. With a ``size``, nothing of another length is accepted. Raises
        ``WeightsError``; what came so far stays in ``into``.
        """
        fruitless = 0
        while True:
            before = into.stat().st_size if into.exists() else 0
            try:
                self._some(url, into, size, on_bytes)
            except (_Broken, httpx2.TransportError) as error:
                came = into.exists() and into.stat().st_size > before
                fruitless = 0 if came else fruitless + 1
                if fruitless == ATTEMPTS or not _may_pass(error):
                    raise _gave_up(url, error) from error
                self._wait(0.5 * 2.0**fruitless)
            else:
                return

    def _some(self, url: str, into: Path, size: int | None, on_bytes: Callable[[int], None]) -> None:
        have = into.stat().st_size if into.exists() else 0
        if size is not None and have >= size:
            if have == size:
                return
            into.unlink()  # longer than the whole: it cannot be the beginning of it
            have = 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._http.stream("GET", url, headers=headers) as response:
            if response.status_code == _BEYOND_THE_END:
                into.unlink(missing_ok=True)
                raise _Broken("could not go on where the download stopped", may_pass=True)
            _check(response)
            start = have if _goes_on(response, have) else 0
            whole = _announced(response, start)
            if size is not None and whole is not None and whole != size:
                raise _Broken(f"offers {whole} bytes where {size} were expected")
            with into.open("r+b" if start else "wb") as out:
                out.truncate(start)
                out.seek(start)
                for chunk in response.iter_bytes():
                    out.write(chunk)
                    on_bytes(out.tell())
                    if size is not None and out.tell() > size:
                        raise _Broken(f"sent more than the {size} bytes that were expected")
                got = out.tell()
        wanted = size if size is not None else whole
        if wanted is not None and got < wanted:
            raise _Broken(f"stopped after {got} of {wanted} bytes", may_pass=True)


class _Broken(Exception):  # noqa: N818 - never leaves this module
    """The server answered, but not with what was asked for. The message says what it did."""

    def __init__(self, did: str, *, may_pass: bool = False) -> None:
        super().__init__(did)
        self.may_pass = may_pass


def _check(response: httpx2.Response) -> None:
    status = response.status_code
    if status not in {_OK, _PARTIAL}:
        raise _Broken(
            f"answered HTTP {status} {response.reason_phrase}".rstrip(), may_pass=status in _RETRYABLE
        )


def _goes_on(response: httpx2.Response, have: int) -> bool:
    """Whether the server kept to the range; one that does not support ranges sends the whole again."""
    if response.status_code != _PARTIAL:
        return False
    if response.headers.get("content-range", "").startswith(f"bytes {have}-"):
        return True
    raise _Broken("sent another part of the file than was asked for")


def _announced(response: httpx2.Response, start: int) -> int | None:
    length = response.headers.get("content-length", "")
    return start + int(length) if length.isascii() and length.isdigit() else None


def _may_pass(error: Exception) -> bool:
    """Whether trying the same again can help. A host that cannot be reached is not asked twice."""
    if isinstance(error, _Broken):
        return error.may_pass
    unreachable = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError, httpx2.UnsupportedProtocol)
    return not isinstance(error, unreachable)


def _gave_up(url: str, error: Exception) -> WeightsError:
    if isinstance(error, _Broken):
        why = str(error)
    elif isinstance(error, httpx2.ConnectTimeout):
        why = f"did not answer within {_TIMEOUT.connect:g} seconds"
    elif isinstance(error, (httpx2.ConnectError, httpx2.ProxyError)):
        why = f"cannot be reached ({str(error) or type(error).__name__})"
    elif isinstance(error, httpx2.TimeoutException):
        why = f"sent nothing for {_TIMEOUT.read:g} seconds"
    else:
        why = f"broke the connection ({type(error).__name__})"
    return WeightsError(
        f"{host_of(url)} {why}. Check the network, the proxy settings (HTTPS_PROXY) and pip's index "
        "(PIP_INDEX_URL), then try again: the download goes on where it stopped."
    )


def _trust() -> ssl.SSLContext | bool:
    """Pip's own certificate setting where there is one, else the system's certificates."""
    bundle = os.environ.get("PIP_CERT") or pip_option("cert") or os.environ.get("REQUESTS_CA_BUNDLE")
    if not bundle or not os.path.exists(bundle):  # noqa: PTH110 - only asks
        return True
    folder = os.path.isdir(bundle)  # noqa: PTH112 - only asks
    return ssl.create_default_context(capath=bundle) if folder else ssl.create_default_context(cafile=bundle)
