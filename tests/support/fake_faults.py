"""The ways in which a fake provider misbehaves; each returns a ``Fault`` to queue or to answer with."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from tests.support.fake_http import Exchange, head

Fault: TypeAlias = Callable[[Exchange], Awaitable[None]]
"""Takes the wire and does with it what it wants."""

CODES: dict[int, str] = {
    400: "invalid_request",
    401: "invalid_api_key",
    403: "unsupported_country_region_territory",
    404: "model_not_found",
    429: "rate_limit_exceeded",
}


def status(
    code: int,
    error: str | None = None,
    *,
    message: str = "",
    retry_after: str | float | None = None,
    retry_after_ms: int | None = None,
    headers: dict[str, str] | None = None,
) -> Fault:
    """An error as OpenAI sends it; ``error`` is its ``error.code``."""
    name = error or CODES.get(code)
    detail = {"message": message or f"fake {code}", "type": "fake_error", "param": None, "code": name}
    extra = {"x-request-id": f"req_{code}", **(headers or {})}
    if retry_after is not None:
        extra["retry-after"] = str(retry_after)
    if retry_after_ms is not None:
        extra["retry-after-ms"] = str(retry_after_ms)
    return body(json.dumps({"error": detail}), status=code, headers=extra)


def body(
    text: str | bytes,
    *,
    status: int = 200,
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Fault:
    """Exactly this body: malformed JSON, ``{}``, ``[]``, HTML, duplicate keys, NaN."""
    data = text.encode() if isinstance(text, str) else text

    async def send(exchange: Exchange) -> None:
        await exchange.respond(status, data, content_type=content_type, headers=headers)

    return send


def html(code: int = 200) -> Fault:
    """A proxy's or a captive portal's page."""
    page = "<html><head><title>Log in</title></head><body>gateway says no</body></html>"
    return body(page, status=code, content_type="text/html; charset=utf-8")


def echo_key(code: int = 401) -> Fault:
    """An error that repeats the key that was sent."""

    async def send(exchange: Exchange) -> None:
        sent = exchange.headers.get("authorization", "")
        text = f"Incorrect API key provided: {sent.removeprefix('Bearer ')} ({sent})."
        await status(code, message=text)(exchange)

    return send


def truncated(text: str = '{"id": "fake", "choices": [{"index": 0, "mess') -> Fault:
    """Fewer bytes than promised, then the end of the connection."""

    async def send(exchange: Exchange) -> None:
        await exchange.respond(200, text.encode(), length=len(text) + 100)
        exchange.hang_up()

    return send


def garbage() -> Fault:
    """Not HTTP at all."""

    async def send(exchange: Exchange) -> None:
        await exchange.write(b"\x00\xff\x00 what is this\r\n\r\n")
        exchange.hang_up()

    return send


def reset() -> Fault:
    """A TCP reset in place of an answer."""

    async def send(exchange: Exchange) -> None:
        exchange.hang_up(reset=True)

    return send


def reset_midway(text: str = '{"id": "fake", "choices": [{"index": 0, "mess') -> Fault:
    """A TCP reset in the middle of an answer."""

    async def send(exchange: Exchange) -> None:
        await exchange.respond(200, text.encode(), length=len(text) + 100)
        exchange.hang_up(reset=True)

    return send


def hang() -> Fault:
    """Nothing, until the client gives up."""

    async def send(exchange: Exchange) -> None:
        del exchange
        await asyncio.Event().wait()

    return send


def slow_loris(interval: float = 0.02) -> Fault:
    """One byte every ``interval`` seconds, for ever: no read ever times out."""

    async def send(exchange: Exchange) -> None:
        await exchange.write(head(200, "application/json", 10**9))
        while True:
            await exchange.write(b" ")
            await asyncio.sleep(interval)

    return send


def redirect(location: str, code: int = 307) -> Fault:
    """Somewhere else, please, and bring the source code along."""
    return body(b"", status=code, headers={"location": location})


def gzip_bomb(size: int = 200_000_000) -> Fault:
    """``size`` spaces, compressed a thousand times smaller."""
    return body(gzip.compress(b" " * size, 1), headers={"content-encoding": "gzip"})


def named(name: str, *args: Any) -> Fault:
    """A fault by its name, for the command line: ``status:429`` or ``hang``."""
    faults: dict[str, Callable[..., Fault]] = {
        "status": status,
        "body": body,
        "html": html,
        "echo_key": echo_key,
        "truncated": truncated,
        "garbage": garbage,
        "reset": reset,
        "reset_midway": reset_midway,
        "hang": hang,
        "slow_loris": slow_loris,
        "redirect": redirect,
        "gzip_bomb": gzip_bomb,
    }
    return faults[name](*(int(a) if isinstance(a, str) and a.isdigit() else a for a in args))
