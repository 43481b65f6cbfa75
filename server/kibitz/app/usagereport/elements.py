"""Elements of a page, as trees: text in them is text, whatever it looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from xml.etree import ElementTree as ET

from kibitz.guard.invisible import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Number:
    """A number as people read it, and exactly, for programs."""

    shown: str
    exact: Decimal | float | None
    """None: it is not known."""


Cell: TypeAlias = str | Number


def element(tag: str, *children: ET.Element | str | None, **attributes: str) -> ET.Element:
    """An element; ``class_`` is its class, and ``aria_label`` its ``aria-label``."""
    made = ET.Element(tag, {name.strip("_").replace("_", "-"): clean(of) for name, of in attributes.items()})
    append(made, *children)
    return made


def append(parent: ET.Element, *children: ET.Element | str | None) -> None:
    """Put texts and elements at the end of an element."""
    for child in children:
        if isinstance(child, ET.Element):
            parent.append(child)
        elif child:
            text = clean(child)
            if len(parent):
                parent[-1].tail = (parent[-1].tail or "") + text
            else:
                parent.text = (parent.text or "") + text


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[Cell]], total: Sequence[Cell] = ()
) -> ET.Element:
    """A table of which the first column says what a row is about, and all others are numbers."""
    body = element("tbody", *(_row(row) for row in rows))
    columns = [
        element("th", each, scope="col", class_="n" if place else "") for place, each in enumerate(head)
    ]
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *columns)),
        body,
        element("tfoot", _row(total)) if total else None,
    )


def clean(text: str) -> str:
    """The text without what nobody sees, which could make it look like another one."""
    return strip_invisible(text)


def _row(cells: Sequence[Cell]) -> ET.Element:
    first, *others = cells
    row = element("tr", element("th", *_content(first), scope="row"))
    append(row, *(element("td", *_content(cell)) for cell in others))
    return row


def _content(cell: Cell) -> Sequence[ET.Element | str]:
    if isinstance(cell, str):
        return (cell,)
    if cell.exact is None:
        return (cell.shown,)
    return (element("data", cell.shown, value=f"{cell.exact:f}"),)
