r"""An OpenAI-compatible API on loopback, for tests: real HTTP, scripted answers, every fault.

In an async test::

    async with FakeProvider() as fake:                  # finds planted bugs, see fake_answers
        config = OpenAIConfig(base_url=fake.base_url, api_key="sk-test")
        ...
        assert fake.requests[0].prompt.body["store"] is False

What it says, tried in this order for each POST:

1. ``fake.push(...)``: a queue of one-time answers, each a ``Reply``, a ``Fault`` (``fake_faults``), a ``str``
   (the content) or a ``dict`` (the content, as JSON);
2. ``fake.answer``: a callable ``(Prompt) -> Reply | Fault | str | dict``, also async. The default is
   ``reviewer()``; ``FakeProvider(reviewer(Bug("len(value)", "len(values)")))`` plants a bug in plain code;
   ``FakeProvider(lambda prompt: fake_faults.status(429, retry_after=1))`` always fails.

Asked to stream, it streams; ``Reply(..., breaks="cut", breaks_after=40)`` lets that go wrong (``fake_wire``),
``holds=asyncio.Event()`` lets it wait, ``portion=1`` sends it byte by byte.

Set ``fake.latency`` (seconds) to slow every reply down, ``fake.key`` to refuse other keys with 401,
``fake.accepts`` to say which response formats it knows (a request with another is refused with 400, as old
servers do), ``fake.gate`` (an ``asyncio.Event``) to hold replies back until the test sets it.
``fake.batches`` (``fake_batches``) is its Batch API; None for a server without one.
``fake.requests`` has one ``Seen`` per POST: ``.prompt`` (``.lines``, ``.text``, ``.schema``), ``.headers``,
``.arrived``, ``.answered``, ``.disconnected``. ``await fake.seen(2)`` waits for the second request;
``await fake.until(lambda: ...)`` for anything else that the server's work changes.

In a thread, for blocking code: ``with FakeProvider().in_thread() as fake: ...``.

As a process of its own, for end-to-end tests, from the repository's root::

    python -m tests.support.fake_provider [--port N] [--latency-ms N] [--key KEY]
        [--bug 'OLD=>NEW']... [--fault NAME[:ARG]]...

Its first line on stdout is the base URL; it ends when its stdin does. Faults are used up first, one per
request. ``GET /_fake/requests`` lists what came; ``POST /_fake/push`` queues ``{"content": ...}`` or
``{"fault": "status", "args": [429]}``; ``POST /_fake/latency`` takes ``{"seconds": 0.2}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import threading
import time
from collections import deque
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from tests.support import fake_faults, fake_wire
from tests.support.fake_answers import Bug, Prompt, Reply, reviewer
from tests.support.fake_batches import FakeBatches
from tests.support.fake_faults import Fault
from tests.support.fake_http import Exchange, HttpServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

__all__ = ["Answer", "Bug", "FakeProvider", "Fault", "Prompt", "Reply", "Seen", "fake_faults", "reviewer"]

Answer: TypeAlias = "Reply | Fault | str | dict[str, Any]"
FORMATS = frozenset({"json_schema", "json_object", "text"})
PATIENCE_S = 60.0
"""More than a request is on its way, on a machine that has much else to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A POST that arrived."""

    prompt: Prompt
    exchange: Exchange

    @property
    def body(self) -> dict[str, Any]:
        """The JSON that was sent."""
        return self.prompt.body

    @property
    def path(self) -> str:
        """``/v1/chat/completions``, ``/v1/responses`` or ``/v1/completions``."""
        return self.exchange.path

    @property
    def headers(self) -> dict[str, str]:
        """Names in lower case."""
        return self.exchange.headers

    @property
    def arrived(self) -> float:
        """Seconds, ``time.monotonic``."""
        return self.exchange.arrived

    @property
    def answered(self) -> bool:
        """The whole answer was written."""
        return self.exchange.answered

    @property
    def disconnected(self) -> bool:
        """The client hung up before its answer was written."""
        return self.exchange.disconnected


class FakeProvider:
    """A provider whose every word is scripted; see the module."""

    def __init__(
        self,
        answer: Callable[[Prompt], Answer | Awaitable[Answer]] | None = None,
        *,
        latency: float = 0.0,
        key: str | None = None,
        models: tuple[str, ...] = ("fake-1",),
    ) -> None:
        self.answer = answer or reviewer()
        self.latency = latency
        self.key = key
        self.models = models
        self.accepts = FORMATS
        self.batches: FakeBatches | None = FakeBatches(self._answer_to)
        self.gate: asyncio.Event | None = None
        self.requests: list[Seen] = []
        self.base_url = ""
        self._queue: deque[Answer] = deque()
        self._server = HttpServer(self._handle)
        self._changed = asyncio.Event()

    def push(self, *answers: Answer) -> None:
        """Queue answers, one per request to come."""
        self._queue.extend(answers)

    @property
    def connections(self) -> int:
        """How many TCP connections were opened."""
        return self._server.connections_opened

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; ``base_url`` is known afterwards."""
        bound = await self._server.start(port)
        self.base_url = f"http://127.0.0.1:{bound}/v1"

    async def stop(self) -> None:
        """Drop every connection."""
        await self._server.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    @contextlib.contextmanager
    def in_thread(self) -> Iterator[Self]:
        """Serve from an event loop in a thread of its own."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="fake-provider")
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.start(), loop).result(10)
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self.stop(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()

    async def until(self, condition: Callable[[], bool], timeout: float = PATIENCE_S) -> None:  # noqa: ASYNC109 - a test's patience
        """Wait until a request's arrival or end makes the condition true."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def seen(self, count: int = 1) -> Seen:
        """Wait until so many requests have arrived; returns the last of them."""
        await self.until(lambda: len(self.requests) >= count)
        return self.requests[count - 1]

    def wait_seen(self, count: int = 1, timeout: float = PATIENCE_S) -> Seen:
        """The same for a thread that is not the server's."""
        self.wait_until(lambda: len(self.requests) >= count, timeout)
        return self.requests[count - 1]

    def wait_until(self, condition: Callable[[], bool], timeout: float = PATIENCE_S) -> None:
        """``until`` for a thread that is not the server's."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not after {timeout} s; {len(self.requests)} requests arrived")
            threading.Event().wait(0.005)

    async def _handle(self, exchange: Exchange) -> None:
        try:
            await self._route(exchange)
        finally:
            # Woken one turn later, when the server has noted how the exchange ended.
            asyncio.get_running_loop().call_soon(self._changed.set)

    async def _route(self, exchange: Exchange) -> None:
        path = exchange.path.partition("?")[0]
        if path.startswith("/_fake/"):
            await self._control(exchange, path.removeprefix("/_fake/"))
        elif self.key is not None and exchange.headers.get("authorization") != f"Bearer {self.key}":
            await fake_faults.echo_key(401)(exchange)
        elif path.endswith("/models"):
            listed = [
                {"id": name, "object": "model", "created": 0, "owned_by": "fake"} for name in self.models
            ]
            await exchange.respond(200, json.dumps({"object": "list", "data": listed}).encode())
        elif path.endswith(("/completions", "/responses")):
            await self._answer(exchange)
        elif self.batches is None or not await self.batches.handle(exchange):
            await fake_faults.status(404, "not_found", message=f"no such path: {path}")(exchange)

    def _answer_to(self, prompt: Prompt) -> Answer | Awaitable[Answer]:
        return self.answer(prompt)

    async def _answer(self, exchange: Exchange) -> None:
        prompt = Prompt(exchange, exchange.body)
        self.requests.append(Seen(prompt, exchange))
        self._changed.set()
        number = len(self.requests)
        if (refused := self._unknown_format(prompt)) and not self._queue:
            await refused(exchange)
            return
        answer = self._queue.popleft() if self._queue else self.answer(prompt)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, dict):
            answer = json.dumps(answer)
        if isinstance(answer, str):
            answer = Reply(answer)
        wait = answer.latency if isinstance(answer, Reply) and answer.latency is not None else self.latency
        await asyncio.sleep(wait)
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(answer, Reply):
            await fake_wire.send(prompt, answer, number)
        else:
            await answer(exchange)

    def _unknown_format(self, prompt: Prompt) -> Fault | None:
        if prompt.api == "chat":
            form, name = prompt.body.get("response_format") or {}, "response_format"
        else:
            form, name = prompt.body.get("text", {}).get("format") or {}, "text.format"
        kind = form.get("type", "text")
        if kind in self.accepts:
            return None
        return fake_faults.status(
            400, "invalid_request_error", message=f"'{name}' of type '{kind}' is not supported"
        )

    async def _control(self, exchange: Exchange, action: str) -> None:
        match action:
            case "requests":
                result: Any = [_described(seen) for seen in self.requests]
            case "push":
                asked = exchange.body
                if "fault" in asked:
                    self.push(fake_faults.named(asked["fault"], *asked.get("args", [])))
                else:
                    known = {f.name for f in fields(Reply)}
                    self.push(Reply(**{k: v for k, v in asked.items() if k in known}))
                result = {"queued": len(self._queue)}
            case "latency":
                self.latency = float(exchange.body["seconds"])
                result = {"latency": self.latency}
            case _:
                result = {"error": f"unknown action {action}"}
        await exchange.respond(200, json.dumps(result).encode())


def _described(seen: Seen) -> dict[str, Any]:
    return {
        "path": seen.path,
        "body": seen.body,
        "headers": seen.headers,
        "arrived": seen.arrived,
        "answered": seen.answered,
        "disconnected": seen.disconnected,
    }


def _bug(text: str) -> Bug:
    old, _, new = text.partition("=>")
    return Bug(old, new or None)


def main() -> None:
    """Serve until stdin ends."""
    import argparse  # noqa: PLC0415 - only the process needs it
    import sys  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="fake_provider")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--key")
    parser.add_argument("--bug", action="append", default=[], type=_bug)
    parser.add_argument("--fault", action="append", default=[])
    args = parser.parse_args()

    async def serve() -> None:
        fake = FakeProvider(reviewer(*args.bug), latency=args.latency_ms / 1000, key=args.key)
        for fault in args.fault:
            fake.push(fake_faults.named(*fault.split(":", 1)))
        await fake.start(args.port)
        sys.stdout.write(fake.base_url + "\n")
        sys.stdout.flush()
        # A daemon thread, because a blocking read of stdin could not be cancelled.
        ended, loop = asyncio.Event(), asyncio.get_running_loop()

        def watch() -> None:
            sys.stdin.read()
            loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=watch, daemon=True).start()
        await ended.wait()
        await fake.stop()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
