"""Answers on a team's server: what one has paid for, the others find.

Each answer is one string that goes away by itself. How fresh it is follows from the time that is left to it,
so nobody's clock has to agree with anybody else's.
"""

from __future__ import annotations

import asyncio
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from kibitz.cache.tier import Kept

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from redis.asyncio import Redis

    from kibitz.cache.remote import Remote

T = TypeVar("T")

NAMESPACE = "kibitz:2"
MOST_READ = 512
MOST_WRITTEN = 128
MAX_BYTES = 256 * 1024
"""Of one value. What is larger is not shared."""
MAX_BYTES_AT_ONCE = 4 * 1024 * 1024
"""More is not transferred in the time there is."""
PUT_S = 1.0
"""For writing, which nobody waits for."""
CLEAR_S = 30.0
_LINES = b"\n"
_LONGEST_NUMBER = 15


class _Row(NamedTuple):
    name: str
    left_ms: int
    data: bytes


class SharedCache:
    """A ``Tier`` for everybody who uses that server, and has the same secret, or none."""

    name = "team"

    def __init__(self, remote: Remote, *, ttl_s: float, stale_s: float, namespace: str = NAMESPACE) -> None:
        """Does no I/O; nothing read here is fresh for more than ``ttl_s``, or shown for ``stale_s`` more."""
        self._remote = remote
        self._ttl_s = ttl_s
        self._stale_s = stale_s
        self._namespace = namespace

    @property
    def problem(self) -> str:
        """See ``Tier``."""
        return self._remote.problem

    async def get(self, digests: Collection[str]) -> Mapping[str, Kept]:
        """See ``Tier``. Takes 50 ms at most for 512 of them, and nothing while the server is away."""
        found: dict[str, Kept] = {}
        for some in _portions(digests, MOST_READ):
            reply = await self._remote.ask("hand out answers", partial(self._read, some))
            if reply is None:
                break
            rows = list(_rows(reply, some))
            if rows:
                found.update(await asyncio.to_thread(self._open, rows))
        return found

    async def put(self, values: Mapping[str, Kept], *, discard: Collection[str] = ()) -> bool:
        """See ``Tier``. What is too large for the server is not kept. Takes a second at most, for 128."""
        if not self._remote.is_up():
            return False
        ask = partial(self._remote.ask, "keep answers", seconds=PUT_S)
        forgotten = [self._key(digest) for digest in discard]
        done = not forgotten or await ask(lambda redis: redis.unlink(*forgotten)) is not None
        for some in _portions(values.items(), MOST_WRITTEN):
            rows = await asyncio.to_thread(self._close, some)
            done = done and bool(await ask(partial(_write, rows)))
        return done

    async def clear(self) -> bool:
        """See ``Tier``. Deletes what is found by this secret, or without one; and nothing else."""

        async def delete(redis: Redis) -> bool:
            names: list[bytes] = []
            async for name in redis.scan_iter(match=f"{self._prefix()}*", count=MOST_READ):
                names.append(name)
                if len(names) >= MOST_READ:
                    await redis.unlink(*names)
                    names.clear()
            if names:
                await redis.unlink(*names)
            return True

        return await self._remote.ready() and bool(
            await self._remote.ask("forget answers", delete, seconds=CLEAR_S)
        )

    async def aclose(self) -> None:
        """See ``Tier``; the remote belongs to others."""

    def _key(self, digest: str) -> str:
        return self._prefix() + self._remote.seal.name(digest)

    def _prefix(self) -> str:
        return f"{self._namespace}:{self._remote.seal.realm}:answer:"

    async def _read(self, digests: Sequence[str], redis: Redis) -> object:
        keys = [self._key(digest) for digest in digests]
        return await redis.register_script(_script())(keys=keys, args=[MAX_BYTES, MAX_BYTES_AT_ONCE])

    def _close(self, values: Iterable[tuple[str, Kept]]) -> list[_Row]:
        rows = []
        for digest, kept in values:
            data = _packed(kept)
            sealed = b"" if data is None else self._remote.seal.close(digest, data)
            if 0 < len(sealed) <= MAX_BYTES:
                rows.append(_Row(self._key(digest), max(1, int(kept.left_s * 1000)), sealed))
        return rows

    def _open(self, rows: Iterable[_Row]) -> dict[str, Kept]:
        found = {}
        for digest, left_ms, sealed in rows:
            data = self._remote.seal.open(digest, sealed)
            unpacked = None if data is None else _unpacked(data)
            if unpacked is not None:
                value, stale_s = unpacked
                left_s = min(left_ms / 1000, self._ttl_s + self._stale_s)
                found[digest] = Kept(value, min(left_s - stale_s, self._ttl_s), left_s)
        return found


def _portions(values: Iterable[T], most: int) -> Iterator[list[T]]:
    source = iter(values)
    while some := list(islice(source, most)):
        yield some


async def _write(rows: Sequence[_Row], redis: Redis) -> bool:
    async with redis.pipeline(transaction=False) as pipeline:
        for key, left_ms, data in rows:
            pipeline.set(key, data, px=left_ms)
        # An error that the pipeline raises itself would quote the values.
        for reply in await pipeline.execute(raise_on_error=False):
            if isinstance(reply, Exception):
                raise reply
    return True


@cache
def _script() -> str:
    return Path(__file__).with_name("read.lua").read_text("utf-8")


def _rows(reply: object, digests: Sequence[str]) -> Iterator[_Row]:
    """What of a reply can be answers."""
    items = reply if isinstance(reply, list) else []
    for number, left, data in zip(items[::3], items[1::3], items[2::3], strict=False):
        if (
            isinstance(number, int)
            and isinstance(left, int)
            and isinstance(data, bytes)
            and 0 <= number < len(digests)
            and left > 0
        ):
            yield _Row(digests[number], left, data)


def _packed(kept: Kept) -> bytes | None:
    """For how many milliseconds it is stale before it is gone, and the value; None: not for others."""
    stale_ms = max(0, int((kept.left_s - kept.fresh_s) * 1000))
    try:
        return b"%d%b%b" % (stale_ms, _LINES, kept.value.encode())
    except UnicodeEncodeError:
        return None


def _unpacked(data: bytes) -> tuple[str, float] | None:
    """A value, and for how many seconds it is stale before it is gone; None: it is no such thing."""
    number, line_end, value = data.partition(_LINES)
    if not line_end or not number.isdigit() or len(number) > _LONGEST_NUMBER:
        return None
    try:
        return value.decode(), int(number) / 1000
    except UnicodeDecodeError:
        return None
