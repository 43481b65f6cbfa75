"""Keeps keys out of everything that is shown or written: logs, errors, messages to the editor.

The keys in use are known here by value (``hide``); shapes that look like keys are masked as well, because a
provider may echo a key that is not ours any more.
"""

from __future__ import annotations

import json
import logging
import re
from threading import Lock

MASK = "[key hidden]"

_SHAPES = re.compile(r"\b(?:sk|pk|rk)-[A-Za-z0-9_*-]{8,}|(?i:bearer)\s+(?!\[key)[^\s\"',;)\]}]+")
_MIN_LENGTH = 8

_hidden: tuple[str, ...] = ()
_lock = Lock()


def hide(secret: str) -> None:
    """Mask this value from now on, wherever it appears. Shorter than 8 characters: ignored, too common."""
    global _hidden  # noqa: PLW0603 - logging is process-wide, and so are the keys it must not show
    if len(secret) < _MIN_LENGTH:
        return
    # As it is, and as it looks once it was printed inside of something.
    forms = {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]}
    with _lock:
        # The longest first, so that a key that contains another one is masked whole.
        _hidden = tuple(sorted({*_hidden, *forms}, key=len, reverse=True))


def mask(text: str) -> str:
    """``text`` with every key, and all that looks like one, replaced."""
    for secret in _hidden:
        if secret in text:
            text = text.replace(secret, MASK)
    return _SHAPES.sub(MASK, text)


class Masking(logging.Formatter):
    """Formats a record without any of them, its traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as text."""
        return mask(super().format(record))
