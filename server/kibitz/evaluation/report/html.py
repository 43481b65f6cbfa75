"""A report as one self-contained page: no script, nothing from elsewhere, and text stays text."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from kibitz.app.usagereport.elements import element

if TYPE_CHECKING:
    from kibitz.evaluation.report.document import Document, Table

_STYLE = "report.css"


def html(document: Document) -> str:
    """The whole page."""
    style = resources.files(__package__).joinpath(_STYLE).read_text(encoding="utf-8")
    body = element(
        "body",
        element("header", element("h1", document.title)),
        element("main", *(element("p", text) for text in document.paragraphs), *map(_table, document.tables)),
    )
    page = element("html", _head(document.title, style), body, lang="en")
    return f"<!DOCTYPE html>\n{ET.tostring(page, encoding='unicode', method='html')}\n"


def _head(title: str, style: str) -> ET.Element:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    sheet = element("style")
    sheet.text = style
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        ET.Element("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        sheet,
    )


def _table(table: Table) -> ET.Element:
    head = element("thead", element("tr", *(element("th", cell, scope="col") for cell in table.head)))
    rows = [
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:]))
        for row in table.rows
    ]
    shown = element("table", head, element("tbody", *rows))
    # A wide table scrolls by itself, and not the page; by keyboard, too.
    scroller = element("div", shown, class_="scroller", tabindex="0", role="region", aria_label=table.title)
    return element("section", element("h2", table.title), scroller)
