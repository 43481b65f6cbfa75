"""What is said of a failure that nobody caught: its kind and where it came from, never a value or a message.

Python itself would print the whole exception, whose text may quote the user's code or a key; asyncio would
log it. What a crash in native code prints (``faulthandler``) holds names of functions only.
"""

from __future__ import annotations

import sys
import threading
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from types import TracebackType

_FRAMES = 6


def describe(error: BaseException) -> str:
    """The kind of ``error`` and where it came from; never its message, which may quote the user's code."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    trail = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__} in {trail or 'unknown code'}"


def install() -> None:
    """Have it said like that on standard error, whichever way Python comes to it."""
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    # No standard error that is a file: then there is nowhere to say it.
    with suppress(AttributeError, OSError, ValueError, RuntimeError):
        import faulthandler  # noqa: PLC0415 - where there is one

        faulthandler.enable(all_threads=True)


def of_loop(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """For ``loop.set_exception_handler``. Of the context only asyncio's own message is shown.

    It goes on with the arguments of what was called.
    """
    import logging  # noqa: PLC0415 - loaded with asyncio

    error = context.get("exception")
    what = describe(error) if isinstance(error, BaseException) else "no exception"
    message = str(context.get("message", "in the event loop")).partition("(")[0]
    logging.getLogger(__name__).error("%s: %s", message, what)


def _uncaught(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    _say(f"an error of its own, please report it: {describe(error)}")


def _uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None and not issubclass(arguments.exc_type, SystemExit):
        _say(f"an error of its own in a thread, please report it: {describe(arguments.exc_value)}")


def _unraisable(arguments: sys.UnraisableHookArgs) -> None:
    if arguments.exc_value is not None:
        _say(f"an error while something was put away: {describe(arguments.exc_value)}")


def _say(line: str) -> None:
    with suppress(OSError, ValueError, AttributeError):
        print(f"kibitz: {line}", file=sys.stderr, flush=True)  # noqa: T201 - the way out of last resort
