"""Writes the reports of a run into its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.evaluation.report.figures import figures
from kibitz.evaluation.report.html import html
from kibitz.evaluation.report.markdown import markdown
from kibitz.evaluation.report.run import run_document
from kibitz.evaluation.summary import summarise

if TYPE_CHECKING:
    from kibitz.evaluation.kept import Kept
    from kibitz.evaluation.report.document import Document

_TOLD = 4
"""Tables that a terminal gets, too; the others are long."""


def write_reports(kept: Kept) -> Document:
    """Write ``report.html``, ``report.md`` and ``report.json``; what is in them. Raises ``OSError``."""
    scores = kept.scores()
    summary = summarise(scores, tested=kept.tested)
    document = run_document(kept.about, summary, scores)
    kept.write("report.html", html(document))
    kept.write("report.md", markdown(document))
    kept.write("report.json", figures(kept.about, summary))
    return document


def lines(document: Document, tables: int = _TOLD) -> list[str]:
    """The first tables as lines of text."""
    told: list[str] = []
    for each in document.tables[:tables]:
        told += ["", each.title]
        told += [f"  {row[0]}: {'  '.join(cell for cell in row[1:] if cell != '-')}" for row in each.rows]
    return told[1:]
