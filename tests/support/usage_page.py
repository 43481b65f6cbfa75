"""Reads the usage report as a browser does, without one."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from html.parser import HTMLParser

VOID = {"meta"}


@dataclass
class Table:
    """A table of the page."""

    caption: str = ""
    head: list[str] = field(default_factory=list)
    rows: list[list[str | Decimal]] = field(default_factory=list)
    """Numbers exactly, as they are for programs."""
    total: list[str | Decimal] = field(default_factory=list)

    def column(self, name: str) -> dict[str, Decimal]:
        """One of the columns, by what the rows are about; without numbers that are not known."""
        place = self.head.index(name)
        return {str(row[0]): found for row in self.rows if isinstance(found := row[place], Decimal)}

    def sum(self, name: str) -> Decimal:
        """What the page says is the sum of a column."""
        found = self.total[self.head.index(name)]
        assert isinstance(found, Decimal)
        return found


class Page(HTMLParser):
    """Fails at elements that do not fit into each other."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.tables: dict[str, Table] = {}
        self.style = ""
        self._open: list[str] = []
        self._cell: list[str] = []
        self._exact: str | None = None
        self._row: list[str | Decimal] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self._table = Table()
        elif tag in {"th", "td", "caption"}:
            self._cell, self._exact = [], None
        elif tag == "tr":
            self._row = []
        elif tag == "data":
            self._exact = dict(attrs)["value"]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        said = "".join(self._cell)
        if tag == "caption":
            self._table.caption = said
        elif tag in {"th", "td"}:
            self._row.append(said if self._exact is None else Decimal(self._exact))
        elif tag == "tr" and "thead" in self._open:
            self._table.head = [str(cell) for cell in self._row]
        elif tag == "tr" and "tfoot" in self._open:
            self._table.total = self._row
        elif tag == "tr":
            self._table.rows.append(self._row)
        elif tag == "table":
            assert self._table.caption not in self.tables
            self.tables[self._table.caption] = self._table

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["style"]:
            self.style += data
        else:
            self.texts.append(data)
            self._cell.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]
