"""A key that a program prints: a password manager, a cloud's helper, a script of one's own.

It is run without a shell, with nothing to read, away from the folder that is open in the editor, and without
the secrets of our environment. What it prints besides a key is thrown away unread: it might hold one.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.config.checks import check_key
from kibitz.guard.process import clean_environment
from kibitz.provider.errors import ConfigError
from kibitz.provider.keys.key import Key
from kibitz.provider.keys.renewed import Given, NoKeyError, RenewedKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EVERY_SECONDS = 300.0
SECONDS = 10.0
"""How long the program may take."""
_MAX_BYTES = 4096


def command_key(
    argv: Sequence[str], *, clock: Callable[[], float] = time.monotonic, seconds: float = SECONDS
) -> RenewedKey:
    """The key that the program ``argv[0]`` prints; it is asked again every five minutes.

    Args:
        argv: the program by its absolute path, and its arguments.
        clock: seconds that only go forward.
        seconds: how long the program may take.

    Raises:
        ConfigError: the program is not named by an absolute path.
    """
    if not argv or not Path(argv[0]).is_absolute():
        raise ConfigError(
            "api_key_command should begin with the absolute path of a program, such as /usr/bin/op: a name "
            "alone could be another program tomorrow"
        )
    place = f"command {argv[0]}"

    async def get() -> Given:
        try:
            return read(await _printed(argv, seconds), place, datetime.now(UTC))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise NoKeyError(f"the program of api_key_command, {argv[0]}, gave no key: {why}") from None

    return RenewedKey(place, get, every=EVERY_SECONDS, clock=clock)


def read(printed: bytes, place: str, now: datetime) -> Given:
    """What a program printed: a key on one line, or ``{"key": …, "expiration": "2026-01-31T12:00:00Z"}``.

    Raises:
        ValueError: it is neither, or the key has expired; the message holds nothing of it.
    """
    try:
        text = printed.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ValueError("what it printed is not text") from None
    if not text:
        raise ValueError("it printed nothing")
    if text.startswith("{"):
        word, seconds = _from_json(text, now)
    elif "\n" in text:
        raise ValueError("it printed more than one line; the key should be all that it prints")
    else:
        word, seconds = text, float("inf")
    try:
        check_key(word)
    except ValueError as error:
        raise ValueError(f"what it printed is no key: {error}") from None
    if seconds <= 0:
        raise ValueError("the key that it printed has expired")
    return Given(Key(word, place), seconds)


def _from_json(text: str, now: datetime) -> tuple[str, float]:
    try:
        data = json.loads(text)
        word, expiration = data["key"], data.get("expiration")
    except (ValueError, KeyError, RecursionError):
        raise ValueError('it printed JSON that is not like {"key": …, "expiration": …}') from None
    if not isinstance(word, str):
        raise ValueError('the "key" that it printed is no string')  # noqa: TRY004 - bad data, not a bad call
    if expiration is None:
        return word, float("inf")
    try:
        until = datetime.fromisoformat(expiration)
    except (ValueError, TypeError):
        raise ValueError('the "expiration" should be like 2026-01-31T12:00:00Z') from None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return word, (until - now).total_seconds()


async def _printed(argv: Sequence[str], seconds: float) -> bytes:
    """What the program prints, if all goes well.

    Raises:
        OSError: it cannot be started.
        ValueError: it failed, printed too much, or took too long; it is gone by then.
    """
    reading, writing = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=writing,
            stderr=asyncio.subprocess.DEVNULL,
            env=clean_environment(),
            cwd="/",
            # A group of its own, so that it goes with all that it started; and no terminal to ask on.
            start_new_session=True,
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    try:
        async with asyncio.timeout(seconds):
            printed = await _all_of(reading)
            status = await process.wait()
    except TimeoutError:
        await _end(process)
        raise ValueError(f"it was not done within {seconds:g} s") from None
    except BaseException:
        await _end(process)
        raise
    if status != 0:
        raise ValueError(f"it ended with status {status}; run it in a terminal to see why")
    return printed


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def _all_of(descriptor: int) -> bytes:
    """What comes through a pipe, which is closed then. Raises ValueError where it is too much.

    A pipe of asyncio's own would not end before everybody has closed it who was started with it.
    """
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        printed = b""
        while more := await reader.read(_MAX_BYTES):
            printed += more
            if len(printed) > _MAX_BYTES:
                raise ValueError(f"it printed more than {_MAX_BYTES} bytes")
        return printed
    finally:
        transport.close()
