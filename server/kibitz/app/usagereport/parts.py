"""What all parts of the page are made of: a heading, a sentence, a plot, and its numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from kibitz.app.usagereport import words
from kibitz.app.usagereport.elements import element, table
from kibitz.app.usagereport.figures import Plot, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias
    from xml.etree.ElementTree import Element

    from kibitz.app.periods import Periods
    from kibitz.app.usagereport.elements import Cell
    from kibitz.app.usagereport.words import Unit

    Values: TypeAlias = Mapping[str, Decimal | float | None]
    """By period."""


def section(key: str, title: str, said: str, *content: Element | None, width: str = "half") -> Element:
    """A part of the page; ``width`` is what it takes where there is room for columns."""
    return element(
        "section",
        element("h2", title, id=key),
        element("p", said),
        *content,
        aria_labelledby=key,
        class_=width,
    )


def figure(plot: Plot, draw: Callable[[Plot], Element], colours: str = "") -> Element | None:
    """A plot, with what its colours stand for; None if there is nothing to see.

    ``colours`` names others than the usual ones.
    """
    if plot.is_empty:
        return None
    keys = [element("li", each.name, class_=f"key-{place}") for place, each in enumerate(plot.series)]
    legend = element("ul", *keys, class_="legend") if keys[1:] else None
    return element("figure", legend, draw(plot), class_=colours)


def numbers(what: str, *tables: Element) -> Element:
    """Tables that are there for those who want to know exactly, or do not see the plot."""
    return element("details", element("summary", f"Numbers: {what}"), *map(scrolling, tables))


def scrolling(made: Element) -> Element:
    """A table, in a frame that can be scrolled with the keyboard where the page is too narrow."""
    name = f"Table: {made[0].text}"
    return element("div", made, class_="scroll", tabindex="0", role="region", aria_label=name)


def over_time(
    key: str,
    title: str,
    said: str,
    periods: Periods,
    *,
    series: Mapping[str, Values],
    unit: Unit,
    ticks: Sequence[float] = (),
) -> Plot:
    """A plot of series, by name and period."""
    last = periods.names[-1]
    return Plot(
        key,
        title,
        said,
        [words.day(name, last) for name in periods.names],
        [Series(name, [values.get(each) for each in periods.names]) for name, values in series.items()],
        unit,
        ticks,
    )


def spelt(caption: str, plot: Plot, periods: Periods) -> Element:
    """The numbers of a plot over time in a table, with their sums."""
    exactly = plot.unit.exactly
    head = [periods.head, *(each.name for each in plot.series), "all"]
    columns = zip(*(each.values for each in plot.series), strict=True)
    rows: list[Sequence[Cell]] = [
        [name, *map(exactly, values), exactly(added(values))]
        for name, values in zip(periods.names, columns, strict=bool(plot.series))
        if any(values)
    ]
    sums = [added(each.values) for each in plot.series]
    return table(caption, head, rows, ["all", *map(exactly, sums), exactly(added(sums))])


def most_first(found: Mapping[str, float]) -> Iterator[Sequence[Cell]]:
    """The rows of a table that says how often each thing happened."""
    for name, number in sorted(found.items(), key=lambda item: (-item[1], item[0])):
        yield [name, words.count(number)]


def added(values: Iterable[Decimal | float | None]) -> Decimal:
    """The sum of those that there are."""
    return sum((Decimal(value) for value in values if value is not None), Decimal(0))


def named(names: Sequence[str], most: int, others: str) -> Callable[[str], str]:
    """What each of the first is called, and all others together."""
    kept = frozenset(names if len(names) <= most else names[: most - 1])
    return lambda name: name if name in kept else others
