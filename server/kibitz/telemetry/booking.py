"""For whom something is asked: the folder and the purpose under which the ledger counts it."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_purpose: ContextVar[str] = ContextVar("_purpose", default="")

PURPOSES = ("review", "verify", "suggest", "explain", "warm", "batch", "doctor")
"""What requests are for."""


@contextmanager
def purpose(name: str) -> Iterator[None]:
    """What is asked in the block, and by tasks that begin in it, is for that, whatever the question is."""
    token = _purpose.set(name)
    try:
        yield
    finally:
        _purpose.reset(token)


def current_purpose() -> str:
    """What things are asked for here; empty: as the questions say."""
    return _purpose.get()
