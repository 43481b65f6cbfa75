"""The SDK's files and batches, tamed like its questions: every failure translated, nothing believed.

Imports what the SDK takes another tenth of a second for: only batches need it.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import openai.resources.batches
import openai.resources.files

from kibitz.guard.sanitize import Rejected, decode_json
from kibitz.provider import translate
from kibitz.provider.batch_wire import TAG, WINDOW
from kibitz.provider.errors import OpenAIError
from kibitz.provider.meter import metered
from kibitz.provider.sending import outcome_of
from kibitz.provider.transport import TOO_LARGE, reading_up_to, signed_with
from kibitz.telemetry import access
from kibitz.telemetry.access import Attempt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from kibitz.provider.keys.key import Key
    from kibitz.provider.sdk import Sdk

MAX_RESULT_BYTES = 512 * 1024 * 1024
"""Of a file of results, which is read line by line."""
MAX_LINE_BYTES = 4 * 1024 * 1024
"""A longer line is skipped: no answer is that long."""
_REQUESTS_KEPT_SECONDS, _RESULTS_KEPT_SECONDS = 3 * 86_400, 30 * 86_400
"""After that, OpenAI deletes them, should nobody come back to do it."""
_PAGE = 100


class BatchSdk:
    """Files and batches of one endpoint; each call with the key it is signed with."""

    def __init__(self, sdk: Sdk) -> None:
        self._client = sdk.client
        self._config = sdk.config

    async def upload(self, name: str, content: bytes, key: Key | None) -> object:
        """Put a file of requests there."""
        create, expiry = self._client.files.with_raw_response.create, self._expiry(_REQUESTS_KEPT_SECONDS)
        file = (name, content, "application/jsonl")
        data, _ = await self._json(key, lambda: create(file=file, purpose="batch", expires_after=expiry))
        return data

    async def files(self, key: Key | None) -> object:
        """The newest files of requests."""
        listed = self._client.files.with_raw_response.list
        data, _ = await self._json(key, lambda: listed(purpose="batch", order="desc", limit=_PAGE))
        return data

    async def delete(self, file: str, key: Key | None) -> None:
        """Delete a file."""
        with self._noted(key):
            await self._client.files.with_raw_response.delete(file)

    async def create(self, file: str, url: Any, tag: str, key: Key | None) -> object:
        """Have a file's requests answered."""
        create, expiry = self._client.batches.with_raw_response.create, self._expiry(_RESULTS_KEPT_SECONDS)
        data, _ = await self._json(
            key,
            lambda: create(
                completion_window=WINDOW,
                endpoint=url,
                input_file_id=file,
                metadata={TAG: tag},
                output_expires_after=expiry,
            ),
        )
        return data

    async def batch(self, name: str, key: Key | None) -> tuple[object, float | None]:
        """A batch, and in how many seconds it is worth asking again, if the provider says."""
        data, headers = await self._json(key, lambda: self._client.batches.with_raw_response.retrieve(name))
        return data, translate.retry_after(headers)

    async def batches(self, after: str, key: Key | None) -> object:
        """A page of the list of batches, newest first."""
        listed, start = self._client.batches.with_raw_response.list, after or openai.omit
        data, _ = await self._json(key, lambda: listed(limit=_PAGE, after=start))
        return data

    async def cancel(self, name: str, key: Key | None) -> object:
        """Stop a batch; what was answered by then will be there."""
        data, _ = await self._json(key, lambda: self._client.batches.with_raw_response.cancel(name))
        return data

    async def lines(self, file: str, key: Key | None) -> AsyncIterator[bytes]:
        """The lines of a file of results, as they come."""
        manager = self._client.files.with_streaming_response.content(file)
        with self._noted(key), reading_up_to(MAX_RESULT_BYTES):
            response = await manager.__aenter__()
        try:
            chunks = response.iter_bytes()
            rest = Lines()
            while True:
                with self._translated(key):
                    chunk = await anext(chunks, None)
                for line in rest.end() if chunk is None else rest.feed(chunk):
                    yield line
                if chunk is None:
                    return
        finally:
            await manager.__aexit__(None, None, None)

    def _expiry(self, seconds: int) -> Any:
        # Others may refuse what they do not know; OpenAI's own API is known to know it.
        return (
            {"anchor": "created_at", "seconds": seconds} if self._config.endpoint.is_openai else openai.omit
        )

    async def _json(
        self, key: Key | None, call: Callable[[], Awaitable[Any]]
    ) -> tuple[object, Mapping[str, str]]:
        with self._noted(key):
            raw = await call()
        try:
            return decode_json(raw.content.decode("utf-8")), raw.headers
        except (UnicodeDecodeError, Rejected) as error:
            cause = ValueError(type(error).__name__)
            content_type, request_id = (
                raw.headers.get("content-type", ""),
                translate.request_id_of(raw.headers),
            )
            raise translate.unusable(self._config, content_type, request_id) from cause

    @contextmanager
    def _noted(self, key: Key | None) -> Iterator[None]:
        """The same for the one request of the block, which has its line in the access log."""
        began, outcome = time.monotonic(), "cancelled"
        with metered() as meter:
            try:
                with self._translated(key):
                    yield
                outcome = "answered"
            except OpenAIError as error:
                outcome = outcome_of(error)
                raise
            finally:
                attempt = Attempt(
                    origin=self._config.endpoint.address,
                    model=self._config.model,
                    purpose="batch",
                    outcome=outcome,
                    seconds=time.monotonic() - began,
                    status=meter.status,
                    key=None if key is None else key.id,
                    bytes_out=meter.sent,
                    bytes_in=meter.received,
                )
                access.note(attempt)

    @contextmanager
    def _translated(self, key: Key | None) -> Iterator[None]:
        """Requests inside the block are signed with ``key``; what goes wrong is one of the five errors."""
        try:
            with signed_with(key):
                yield
        except httpx2.HTTPError as error:
            # While a body is read, the SDK does not wrap what its client raises.
            broken = openai.APIConnectionError(request=httpx2.Request("GET", self._config.endpoint.url))
            broken.__cause__ = error
            raise self._told(broken, key) from broken
        except Exception as error:
            raise self._told(error, key) from error

    def _told(self, error: Exception, key: Key | None) -> OpenAIError:
        told = translate.translate(error, self._config, key=key)
        if told.code == TOO_LARGE:
            told.message = f"a file of results at {self._config.endpoint.name} is larger than any should be"
        return told


class Lines:
    """Puts lines together from chunks; one that is too long is left out without being kept."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._skipping = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that are complete with ``chunk``."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield from self._finish(end)
        self._add(rest)

    def end(self) -> Iterator[bytes]:
        """The last line, if it has no end of its own."""
        yield from self._finish(b"")

    def _finish(self, end: bytes) -> Iterator[bytes]:
        self._add(end)
        if not self._skipping and self._rest.strip():
            yield bytes(self._rest)
        self._rest.clear()
        self._skipping = False

    def _add(self, part: bytes) -> None:
        if len(self._rest) + len(part) > self._limit:
            self._skipping = True
            self._rest.clear()
        if not self._skipping:
            self._rest += part
