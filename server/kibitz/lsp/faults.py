"""Our own mistakes, described for the log without a word of what they were made on."""

from __future__ import annotations

import traceback

EARLY_LOG = "kibitz-early"
"""The name of the log handler that counts until the settings say where logs go."""

_FRAMES = 6


def describe(error: BaseException) -> str:
    """The kind of ``error`` and where it came from; never its message, which may quote the user's code."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    trail = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__} in {trail or 'unknown code'}"
