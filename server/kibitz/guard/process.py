"""Keeps keys inside this process: out of core dumps, ``/proc``, and the processes that it starts.

A process that runs as the same user could otherwise read a key from ``/proc/PID/environ`` or from our memory.
What remains: root, and whoever may change what we run.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Collection, Iterator, Mapping

_OURS = re.compile(r"(?:KIBITZ|OPENAI)_\w*(?:KEY|TOKEN|SECRET|PASSWORD|REDIS_URL)\w*")
_NOT_FOR_CHILDREN = re.compile(
    r"\w*(?:KEY|TOKEN|SECRET|PASSW|CREDENTIAL)\w*|KIBITZ_REDIS_URL|(?:LD|DYLD)_\w*", re.IGNORECASE
)
_PR_SET_DUMPABLE = 4


def protect() -> None:
    """Both of the following, for the variables that hold our keys. Takes 10 ms: not before ``initialize``."""
    harden()
    forget_environment(key_variables(os.environ))


def harden() -> None:
    """No core dumps, and (Linux) no look at our memory or environment for other processes of the user."""
    if os.name != "posix":
        return
    import resource  # noqa: PLC0415 - not on every platform

    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - 6 ms that the start of the server does not need

        # It may be forbidden (seccomp); the process is no worse than any other then.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def key_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that hold our keys, or are named as if they did."""
    return tuple(name for name in environ if _OURS.fullmatch(name))


def forget_environment(names: Collection[str]) -> None:
    """Take these variables out of ``os.environ``, and overwrite their values where the process began.

    ``/proc/PID/environ`` shows the memory that the process was started with, whatever it does to its
    environment later. ``kibitz.config`` keeps the values, for when the settings are loaded again.
    """
    if not names:
        return
    from kibitz.config.environ import take  # noqa: PLC0415 - costs pydantic, without a key for nothing

    if os.name == "posix":
        # Before they are taken: that removes the pointers to them.
        _overwrite({os.fsencode(name) for name in names})
    take(names)


def clean_environment(*, keep: Collection[str] = ()) -> dict[str, str]:
    """What a child process gets: no variable named like a secret, none that changes what it loads.

    Args:
        keep: names that it gets all the same.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name in keep or not _NOT_FOR_CHILDREN.fullmatch(name)
    }


def _overwrite(names: Collection[bytes]) -> None:
    import ctypes  # noqa: PLC0415 - as above

    libc = ctypes.CDLL(None)
    libc.strlen.restype = ctypes.c_size_t
    libc.strlen.argtypes = [ctypes.c_void_p]
    libc.strncmp.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    prefixes = [name + b"=" for name in names]
    for entry in _entries(libc):
        for prefix in prefixes:
            # Compared where it is: not one more copy of a key is made.
            if libc.strncmp(entry, prefix, len(prefix)) == 0:
                ctypes.memset(entry + len(prefix), 0, libc.strlen(entry) - len(prefix))


def _entries(libc: ctypes.CDLL) -> Iterator[int]:
    """Where each ``NAME=value`` of the environment is."""
    if not (environ := _environ(libc)):
        return
    index = 0
    while entry := environ[index]:
        yield entry
        index += 1


def _environ(libc: ctypes.CDLL) -> Any:
    """C's ``environ``; None if this platform's C library does not show it."""
    import ctypes  # noqa: PLC0415 - as above

    table = ctypes.POINTER(ctypes.c_void_p)
    try:
        if sys.platform == "darwin":
            libc._NSGetEnviron.restype = ctypes.POINTER(table)  # noqa: SLF001 - its public name
            return libc._NSGetEnviron().contents  # noqa: SLF001 - as above
        return table.in_dll(libc, "environ")
    except (ValueError, AttributeError):
        return None
