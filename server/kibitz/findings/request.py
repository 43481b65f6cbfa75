"""What every question to a model has in common, and how source code is laid out in one.

Source is data, whatever it says. Each of its lines stands behind a number and a tab or, where nothing is to
be reported on it, behind ``-| ``; so nothing in it can pose as one of our own lines, and there is no closing
mark that hostile code could write. A tab takes fewer tokens than any other mark: it is read with the
indentation that follows it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TERMINATOR = re.compile(r"\r\n|\n|\r")


class Malformed(ValueError):  # noqa: N818 - reads as what it says of an answer
    """An answer as a whole does not have the shape that was asked for; the message says in what."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question, independent of the API that carries it. ``instructions`` never vary within a kind."""

    instructions: str
    """Static: the prefix that a provider's prompt cache, or a local model's slot, keeps."""
    input: str
    schema_name: str
    schema: Mapping[str, object]
    """Strict JSON schema of the answer: every key required, no other keys."""
    max_output_tokens: int | None = None
    """No sane answer is longer. The smaller of this and the configured maximum counts; None: only that."""


def split_lines(text: str) -> list[str]:
    r"""The lines of ``text`` without terminators; only ``\r\n``, ``\n`` and ``\r`` end a line.

    A terminator at the very end does not start another line.
    """
    lines = _TERMINATOR.split(text)
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    return lines


def plain_ends(text: str) -> str:
    """``text`` with line feeds alone at the ends of its lines."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def numbered(text: str, first: int = 1) -> str:
    """``text`` as numbered lines, the first one with number ``first``."""
    return numbered_lines(split_lines(text), first)


def numbered_lines(lines: Iterable[str], first: int) -> str:
    """``lines`` behind their numbers, the first one with number ``first``."""
    return "\n".join(f"{number}\t{line}" for number, line in enumerate(lines, start=first))


def prefixed(text: str) -> str:
    """``text`` as lines that nothing is reported on."""
    return "\n".join(f"-| {line}" for line in split_lines(text))


def one_line(text: str, limit: int) -> str:
    """``text`` from outside on one line of at most ``limit`` code points, for use inside our own lines."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def strict_object(**properties: object) -> dict[str, object]:
    """The strict schema of an object with exactly these keys, in this order."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def version_of(*parts: str) -> str:
    """A short stable name for these texts: it changes when any of them does."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(b"%d:" % len(raw))
        digest.update(raw)
    return digest.hexdigest()[:12]
