"""How much may leave at once: bounds that no setting lifts, whatever is open and whoever asks.

Below them the user's own settings hold (``max_file_bytes``, ``max_request_tokens``). What is beyond is not
sent, and says so.
"""

from __future__ import annotations

import re

from kibitz.guard.secrets import Refused

MAX_BYTES = 1 << 19
"""Of one text, in UTF-8."""
MAX_LINES = 20_000
MAX_LINE = 4096
"""Code points of a line: a longer one is data, or was made by a machine."""
MAX_UNITS = 5_000
"""Definitions of one document."""
MAX_TOKENS = 200_000
"""Of one request, by estimate; no setting allows more either."""

_LONG_LINE = re.compile(rf"[^\r\n]{{{MAX_LINE + 1}}}")
_MOST_BYTES_PER_CHARACTER = 4


def check_text(text: str) -> None:
    """See that one text is small enough to be looked at at all. Takes 0.2 ms for 100 KB.

    Raises:
        Refused: ``too-large``, ``too-many-lines`` or ``line-too-long``.
    """
    # Few texts are so long that their bytes have to be counted.
    if len(text) * _MOST_BYTES_PER_CHARACTER > MAX_BYTES:
        size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if size > MAX_BYTES:
            raise Refused("too-large", f"a text of {size} bytes is not sent; at most {MAX_BYTES} are")
    lines = text.count("\n") + text.count("\r") - text.count("\r\n") + 1
    if lines > MAX_LINES:
        raise Refused("too-many-lines", f"a text of {lines} lines is not sent; at most {MAX_LINES} are")
    if len(text) > MAX_LINE and _LONG_LINE.search(text) is not None:
        raise Refused(
            "line-too-long",
            f"a text with a line of more than {MAX_LINE} characters is not sent: it is data, or was made by"
            " a machine; break the line, or exclude the file",
        )


def check_units(count: int) -> None:
    """See that a document does not come to too many questions.

    Raises:
        Refused: ``too-many-units``.
    """
    if count > MAX_UNITS:
        raise Refused(
            "too-many-units",
            f"a file of {count} definitions is not sent; at most {MAX_UNITS} are. Exclude it, or split it",
        )


def check_tokens(count: int) -> None:
    """See that a request is not too long, by its estimated input.

    Raises:
        Refused: ``too-many-tokens``.
    """
    if count > MAX_TOKENS:
        raise Refused(
            "too-many-tokens", f"a request of {count} tokens is not sent; at most {MAX_TOKENS} may be asked"
        )
