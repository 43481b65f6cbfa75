"""JSON that is written once and sent again and again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

write: Callable[[object], str] = json.JSONEncoder(separators=(",", ":")).encode
"""A value of plain JSON, as short as it can be."""


@dataclass(frozen=True, slots=True)
class Written:
    """A value as the text that goes over the wire."""

    text: str

    @classmethod
    def array(cls, texts: Iterable[str]) -> Written:
        """That of an array, by those of its elements, or of several that follow each other."""
        return cls(f"[{','.join(texts)}]")
