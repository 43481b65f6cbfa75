"""Results go to stdout, everything else to stderr."""

from __future__ import annotations

import sys


def say(message: str) -> None:
    """One line for the user on stderr."""
    sys.stderr.write(f"kibitz: {message}\n")
    sys.stderr.flush()
