"""A report as texts and tables, whatever it is written in. Everything in it is plain text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.evaluation.statistics import Rate

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Table:
    """Its first column says what a row is about."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """See the module."""

    title: str
    paragraphs: tuple[str, ...]
    tables: tuple[Table, ...]


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> Table:
    """A table of anything that is a sequence."""
    return Table(title, tuple(head), tuple(tuple(row) for row in rows), note)


def rate(value: Rate) -> tuple[str, str, str]:
    """How many, the share, and its interval."""
    if value.share is None or value.interval is None:
        return ("0 of 0", NOTHING, NOTHING)
    low, high = value.interval
    return (f"{value.hits} of {value.total}", percent(value.share), f"{percent(low)} to {percent(high)}")


def percent(share: float) -> str:
    """In whole percent, but never 0 or 100 for what is not quite that."""
    shown = round(100 * share)
    if (shown == 0 and share > 0) or (shown == 100 and share < 1):  # noqa: PLR2004 - percent
        return "< 1 %" if share < 1 / 2 else "> 99 %"
    return f"{shown} %"


def number(value: float | None, places: int = 2) -> str:
    """A number, or that there is none."""
    return NOTHING if value is None else f"{value:.{places}f}"
