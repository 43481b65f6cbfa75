"""A report in Markdown. What comes from models and files stays text in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kibitz.guard.invisible import strip_invisible

if TYPE_CHECKING:
    from kibitz.evaluation.report.document import Document, Table

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")
_ADDRESS = re.compile(r"(?i)\b(https?|ftp|www)(?=[:.])")


def markdown(document: Document) -> str:
    """The whole report."""
    parts = [f"# {plain(document.title)}", *map(plain, document.paragraphs)]
    for table in document.tables:
        parts += [f"## {plain(table.title)}", _table(table)]
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """The text as one line that no Markdown renderer makes anything else of."""
    text = " ".join(strip_invisible(text).split())
    # A renderer may make a link of an address without being asked to.
    return _ADDRESS.sub(r"\1&#8203;", _SPECIAL.sub(r"\\\1", text.replace("&", "&amp;")))


def _table(table: Table) -> str:
    rows = [table.head, tuple("---" for _ in table.head), *table.rows]
    lines = []
    for place, row in enumerate(rows):
        cells = row if place == 1 else tuple(plain(cell) for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
