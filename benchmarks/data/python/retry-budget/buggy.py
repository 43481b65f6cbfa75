"""Calls something again when it fails."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
DEFAULT_RETRIES = 3


def call(work: Callable[[], T], retries: int | None = None) -> T:
    """The result of ``work``, which is called again when it raises ``ConnectionError``.

    Args:
        work: what to do.
        retries: how many times it is called again at most; 0 for never, None for the default.
    """
    left = retries or DEFAULT_RETRIES
    while True:
        try:
            return work()
        except ConnectionError:
            if left <= 0:
                raise
            left -= 1
