"""The page as a whole."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from kibitz import __version__
from kibitz.app.usagereport import answers, course, headline, ranks, service, words
from kibitz.app.usagereport.elements import element
from kibitz.guard import private
from kibitz.state.places import private_folder, state_dir

if TYPE_CHECKING:
    from pathlib import Path

    from kibitz.app.usage_overview import Usage

FILE_NAME = "usage.html"
_STYLE = "report.css"


def save(usage: Usage) -> Path:
    """Write the page where only the user can read it, in place of the one before; where that is. Blocks.

    Raises:
        OSError: it cannot be written.
    """
    folder = state_dir()
    private_folder(folder)
    private.write(folder / FILE_NAME, page(usage).encode("utf-8"))
    return folder / FILE_NAME


def page(usage: Usage) -> str:
    """One self-contained HTML page; takes a tenth of a second, so it is for a thread."""
    style = resources.files(__package__).joinpath(_STYLE).read_text(encoding="utf-8")
    html = element("html", _head(style), _body(usage), lang="en")
    return f"<!DOCTYPE html>\n{ET.tostring(html, encoding='unicode', method='html')}\n"


def _head(style: str) -> ET.Element:
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
        element("title", "kibitz: usage"),
        sheet,
    )


def _body(usage: Usage) -> ET.Element:
    when = f"{words.long_day(usage.since)} to {words.long_day(usage.until)}"
    return element(
        "body",
        element(
            "header",
            element("h1", "What kibitz used"),
            element("p", f"{when}, in all windows and runs on this machine."),
        ),
        element(
            "main",
            headline.tiles(usage),
            course.cost(usage),
            headline.budgets(usage),
            course.tokens(usage),
            answers.answers(usage),
            service.latency(usage),
            service.failures(usage),
            ranks.findings(usage),
            ranks.documents(usage),
            ranks.accounts(usage),
        ),
        element(
            "footer",
            element(
                "p",
                f"Made by kibitz {__version__} from its own books. Prices are list prices; your provider's "
                "bill is what counts. This page needs no network and runs no scripts. It names documents of "
                "yours, so think before you pass it on.",
            ),
        ),
    )
