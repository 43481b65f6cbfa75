"""Reviews through the Batch API: at half the price, within a day.

A request is a line of a file here, and its answer a line of another one, hours later and perhaps in another
process. So this module keeps nothing: ``review.batching`` remembers what was asked. Only list reviews can be
asked this way; a rewrite is a dialogue.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from kibitz.provider import pricing
from kibitz.provider.batch_requests import BatchRequests
from kibitz.provider.batch_wire import (
    Batch,
    Result,
    read_batch,
    read_file_id,
    read_files,
    read_page,
    read_result,
    url_of,
)
from kibitz.provider.errors import APIError, ConfigError, OpenAIError, Timeout
from kibitz.provider.purse import Planned, counts_of
from kibitz.provider.retry import Budget

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable

    from kibitz.provider.batch_sdk import BatchSdk
    from kibitz.provider.keys.key import Key
    from kibitz.provider.models import Usage
    from kibitz.provider.purse import Purse
    from kibitz.provider.retry import Retrier
    from kibitz.provider.target import Target

T = TypeVar("T")
NO_BATCH = "no-batch-api"
"""Code of the error for an endpoint that knows no batches."""
_UPLOAD_SECONDS = 900.0
HELD_S = 26 * 3600.0
"""A batch is over after a day, and taken a while later: so long what it may take is held."""
_PAGES = 20
"""Of the list of batches, so many are searched for one of ours: it is among the newest."""
_UNKNOWN_ADDRESS = frozenset({404, 405, 501})
_GONE = 404
_KEY_REFUSED = 401


class BatchClient:
    """Batches at one target. Belongs to one event loop; every method raises ``OpenAIError`` or nothing."""

    def __init__(
        self,
        target: Target,
        retrier: Retrier,
        *,
        secrets: Callable[[], Iterable[str]],
        clock: Callable[[], float],
        purse: Purse | None = None,
    ) -> None:
        self._target = target
        self._config = target.config
        self._retrier = retrier
        self._secrets = secrets
        self._clock = clock
        self._purse = purse

    @property
    def name(self) -> str:
        """Who is asked, for people."""
        return self._target.name

    @property
    def api(self) -> str:
        """Which API's requests the batches hold: ``responses`` or ``chat``."""
        return self._target.dialect.api

    def check(self) -> None:
        """Whether reviews can be asked for in batches at all.

        Raises:
            ConfigError: not with this configuration.
        """
        if self._config.review != "list":
            raise ConfigError(
                "a batch can only ask for a list of findings, not for rewritten code; set review to list, or "
                "leave out --batch"
            )

    async def warm(self) -> None:
        """Load what is needed, off the event loop."""
        await self._sdk()

    def requests(self) -> BatchRequests:
        """Writes requests and reads answers, as things are now; for a thread."""
        return BatchRequests(self._config, self._target.dialect, tuple(self._secrets()))

    def cost(self, usage: Usage) -> Usage:
        """The same with its price in a batch."""
        price = pricing.cost(self._config.model, usage, self._config.endpoint, batch=True)
        return replace(usage, cost_usd=price)

    async def hold(self, tag: str, most: Usage) -> None:
        """Hold what a batch may take, until it is booked: hours later, and perhaps by another process.

        Raises:
            RateLimitExceeded: the budget does not allow for it.
        """
        if self._purse is not None:
            planned = Planned(self._config.model, "batch", most, HELD_S, is_free=self._is_free)
            await self._purse.hold(planned, name=_hold_name(tag))

    def let_go(self, tag: str) -> None:
        """Nothing will come of a batch any more, or all of it is booked."""
        if self._purse is not None:
            self._purse.let_go(_hold_name(tag))

    def book(self, usage: Usage) -> None:
        """Write down what an answer of a batch took."""
        if self._purse is not None:
            account = self._purse.account(self._config.model, "batch")
            self._purse.book(account, counts_of(usage, is_free=self._is_free))

    @property
    def _is_free(self) -> bool:
        return self._config.endpoint.is_loopback

    async def upload(self, tag: str, content: bytes) -> str:
        """Put a file of requests there; returns its id."""

        async def work(sdk: BatchSdk, key: Key | None) -> str:
            return read_file_id(await sdk.upload(_file_name(tag), content, key))

        try:
            return await self._call(work, seconds=_UPLOAD_SECONDS)
        except OpenAIError as error:
            raise self._without_quotes(error) from error

    async def create(self, tag: str, file: str) -> Batch:
        """Have a file's requests answered. One batch at most comes of it, even if its answer gets lost."""
        is_sure = True

        async def work(sdk: BatchSdk, key: Key | None) -> Batch:
            nonlocal is_sure
            if not is_sure and (made := await self._find(sdk, key, tag)) is not None:
                return made
            is_sure = False
            return read_batch(await sdk.create(file, url_of(self.api), tag, key))

        try:
            return await self._call(work)
        except OpenAIError as error:
            raise self._without_quotes(error) from error

    async def find(self, tag: str) -> Batch | None:
        """The batch that was created under ``tag``, if one was."""
        return await self._call(lambda sdk, key: self._find(sdk, key, tag))

    async def find_file(self, tag: str) -> str:
        """The file that was put there under ``tag``; empty if none was."""

        async def work(sdk: BatchSdk, key: Key | None) -> str:
            return read_files(await sdk.files(key)).get(_file_name(tag), "")

        try:
            return await self._call(work)
        except OpenAIError as error:
            if error.status in _UNKNOWN_ADDRESS:
                return ""  # it keeps no list: then nobody can look
            raise

    async def get(self, name: str) -> Batch | None:
        """How far a batch is; None if the provider does not know it (any more)."""

        async def work(sdk: BatchSdk, key: Key | None) -> Batch:
            return read_batch(*await sdk.batch(name, key))

        try:
            return await self._call(work, any_key=True)
        except OpenAIError as error:
            if error.status == _GONE:
                return None
            raise

    async def cancel(self, name: str) -> Batch:
        """Stop a batch. What was answered by then will be there, and is paid."""

        async def work(sdk: BatchSdk, key: Key | None) -> Batch:
            return read_batch(await sdk.cancel(name, key))

        return await self._call(work, any_key=True)

    async def results(self, file: str) -> AsyncGenerator[Result, None]:
        """What a file of results says, line by line; nothing if the file is gone."""
        sdk = await self._sdk()
        tried: set[str] = set()
        while True:
            key = await self._target.key(tried)
            try:
                async for line in sdk.lines(file, key):
                    if (result := read_result(line)) is not None:
                        yield result
            except OpenAIError as error:
                if await self._another_key(key, error, tried, any_key=True):
                    continue
                if error.status != _GONE:
                    raise
            return

    async def discard(self, files: Collection[str]) -> bool:
        """Delete files; False if one may still be there."""
        gone = True
        for file in files:
            try:
                await self._call(partial(_delete, file), any_key=True)
            except OpenAIError as error:
                gone = gone and error.status == _GONE
        return gone

    async def _find(self, sdk: BatchSdk, key: Key | None, tag: str) -> Batch | None:
        after = ""
        for _ in range(_PAGES):
            batches, after = read_page(await sdk.batches(after, key))
            if (ours := next((batch for batch in batches if batch.tag == tag), None)) is not None:
                return ours
            if not after:
                break
        return None

    async def _call(
        self,
        work: Callable[[BatchSdk, Key | None], Awaitable[T]],
        *,
        seconds: float | None = None,
        any_key: bool = False,
    ) -> T:
        """Do ``work`` with a key that works, and again if that may help.

        ``any_key``: it is about something that another key of the pool may have made.
        """
        sdk = await self._sdk()
        budget = Budget(self._config.timeout_ms / 1000 if seconds is None else seconds, self._clock)

        async def attempt() -> T:
            tried: set[str] = set()
            while True:
                key = await self._target.key(tried)
                try:
                    with budget.spending() as left:
                        async with asyncio.timeout(left):
                            return await work(sdk, key)
                except TimeoutError as error:
                    raise self._timed_out(seconds) from error
                except OpenAIError as error:
                    if not await self._another_key(key, error, tried, any_key=any_key):
                        raise

        return await self._retrier(attempt, budget)

    async def _another_key(
        self, key: Key | None, error: OpenAIError, tried: set[str], *, any_key: bool
    ) -> bool:
        """Whether another key is worth an attempt after an error."""
        if key is None or key.id in tried:
            return False
        tried.add(key.id)
        if error.status == _KEY_REFUSED:
            return await self._target.keys.rejected(key)
        return any_key and error.status == _GONE and self._target.others(tried)

    async def _sdk(self) -> BatchSdk:
        sdk = await self._target.link.sdk()

        def load() -> BatchSdk:
            from kibitz.provider.batch_sdk import BatchSdk  # noqa: PLC0415 - 0.1 s that only batches need

            return BatchSdk(sdk)

        return await asyncio.to_thread(load)

    def _timed_out(self, seconds: float | None) -> Timeout:
        after_ms = self._config.timeout_ms if seconds is None else int(seconds * 1000)
        return Timeout(
            f"{self._config.endpoint.name} did not take or give a batch's data within {after_ms} ms; "
            "try again",
            after_ms=after_ms,
            retryable=True,
        )

    def _without_quotes(self, error: OpenAIError) -> OpenAIError:
        """The error without the provider's own words: they may repeat the file, and that is source code."""
        where = self._config.endpoint.name
        if error.status in _UNKNOWN_ADDRESS:
            return ConfigError(
                f"{where} has no Batch API; leave out --batch", code=NO_BATCH, status=error.status
            )
        if isinstance(error, APIError | ConfigError) and error.status in {400, 413, 422}:
            return APIError(
                f"{where} did not accept a batch (status {error.status}, {error.code or 'no code'}); check "
                f"that batches are allowed there for {self._config.model!r}, or leave out --batch",
                status=error.status,
                code=error.code,
                request_id=error.request_id,
            )
        return error


async def _delete(file: str, sdk: BatchSdk, key: Key | None) -> None:
    await sdk.delete(file, key)


def _hold_name(tag: str) -> str:
    return f"batch-{tag}"


def _file_name(tag: str) -> str:
    return f"kibitz-{tag}.jsonl"
