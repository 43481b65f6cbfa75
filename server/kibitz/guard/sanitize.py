"""What comes back from a model, read as if an enemy wrote it.

Three uses: JSON that says one thing only (``decode_json``), text that is only text (``plain``), and questions
about an edit (``introduces_invisible``, ``introduces_script``, ``risks``).
"""

from __future__ import annotations

import itertools
import json
import math
import re
from typing import NoReturn

from kibitz.guard.invisible import introduces_invisible, introduces_script, strip_invisible
from kibitz.guard.risks import risks

__all__ = ["Rejected", "decode_json", "introduces_invisible", "introduces_script", "plain", "risks"]

MAX_CHARACTERS = 1 << 20
"""A longer answer is not read."""
MAX_DEPTH = 20
"""Arrays and objects inside each other."""


class Rejected(ValueError):  # noqa: N818 - it says what happened to the answer
    """An answer that cannot be used. ``reason`` is a stable word for counting; nothing quotes the answer."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def decode_json(raw: str) -> object:
    """The JSON value in ``raw``, held to more than the standard parser asks.

    Duplicate keys (of which parsers keep either), NaN and infinite numbers, more than 20 levels and more than
    a megabyte are refused.

    Raises:
        Rejected: for ``too-large``, ``not-json``, ``duplicate-key``, ``not-finite`` or ``too-deep``.
    """
    if len(raw) > MAX_CHARACTERS:
        raise Rejected("too-large", f"the answer has {len(raw)} characters; {MAX_CHARACTERS} are read")
    try:
        value: object = _DECODER.decode(raw)
    except Rejected:
        raise
    except RecursionError:
        raise Rejected("too-deep", f"the answer is nested more than {MAX_DEPTH} levels deep") from None
    except ValueError:
        # Also numbers of thousands of digits. The message would quote the answer: leave it out.
        raise Rejected("not-json", "the answer is not valid JSON") from None
    _check_depth(value)
    return value


def plain(text: str, limit: int) -> str:
    """Model text for a message or a title: one line of plain text, at most ``limit`` code points.

    No invisible or control characters, no address that a client would make a link of, no HTML, no Markdown
    links or code fences. Comparisons such as ``a < b`` survive.
    """
    # What is beyond this cannot be in the result, and every pattern below is linear in what is left.
    text = strip_invisible(text[: limit * 8 + 1000])
    for pattern, replacement in _REMOVED:
        text = pattern.sub(replacement, text)
    for pattern, replacement in _NEUTRALISED:
        text = pattern.sub(replacement, text)
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    # A colon before the mark would be a scheme with something behind it again.
    return text[: max(limit - 1, 0)].rstrip(" :") + "…"[:limit]


_TAGS = (
    "a|abbr|audio|b|base|body|br|button|code|details|div|em|embed|font|form|h[1-6]|head|hr|html|i|iframe|img|input"
    "|kbd|li|link|meta|object|ol|p|pre|s|script|span|strong|style|sub|summary|sup|svg|table|tbody|td|th|tr|tt|u"
    "|ul|video"
)
_END_OF_ADDRESS = r"\s'\"<>()\[\]"
# First what carries meaning is kept and the rest removed ...
_REMOVED = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"```[\w+-]{0,20}", " "),
        (r"!?\[([^\[\]]{0,200})\]\([^()\s:/]{0,250}[:/][^()\s]{0,250}\)", r"\1"),
        (rf"</?(?:{_TAGS})(?:\s[^<>]{{0,500}})?/?>", " "),
        (
            rf"\b[a-z][a-z0-9+.-]{{0,20}}://([^/?#{_END_OF_ADDRESS}]{{0,255}})[^{_END_OF_ADDRESS}]*",
            r"\1",
        ),
        (r"\bwww\.", ""),
    )
)
# ... and then what is left, or was put together by removing something, is broken up. These only insert
# spaces, so none can undo another.
_SCHEMES = r"command|data|file|ftp|https?|javascript|mailto|vbscript|vscode[\w-]{0,20}"
_NEUTRALISED = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"`{3,}|~{3,}", " "),
        (r"\](?=[(\[:])", "] "),
        (r"<(?=[a-z/!?])", "< "),
        (r":(?=//)", ": "),
        (rf"({_SCHEMES}):(?=\S)", r"\1: "),
        (r"www(?=\.)", "www "),
    )
)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Rejected("duplicate-key", "the answer has an object with the same key twice")
    return value


def _no_constant(_name: str) -> NoReturn:
    raise Rejected("not-finite", "the answer has a number that is not finite")


def _number(digits: str) -> float:
    # 1e999 is infinite, and the parser does not ask about it.
    value = float(digits)
    return value if math.isfinite(value) else _no_constant(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_number)


def _check_depth(root: object) -> None:
    """Without recursion."""
    level = [root]
    for depth in itertools.count():
        nested = [value for value in level if isinstance(value, dict | list)]
        if not nested:
            return
        if depth == MAX_DEPTH:
            raise Rejected("too-deep", f"the answer is nested more than {MAX_DEPTH} levels deep")
        level = [v for one in nested for v in (one.values() if isinstance(one, dict) else one)]
