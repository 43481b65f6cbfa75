"""Results go to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys

from kibitz.cli import PIPE_CLOSED


def say(message: str) -> None:
    """One line for the user on stderr."""
    sys.stderr.write(f"kibitz: {message}\n")
    sys.stderr.flush()


def forgiving() -> None:
    """A file name or a finding that the terminal's encoding lacks must not end the run."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def pipe_closed() -> int:
    """The exit code when whoever read our output went away."""
    # The interpreter flushes once more at exit; let that go nowhere instead of into a traceback.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED
