"""Plots: static SVG without scripts or colours of its own, drawn by pygal.

pygal because it is small, pure Python, needs no browser and no network, is looked after by its company since
2012, and leaves colours to the page, which has two themes. (LGPL: kibitz uses it as it is.) What was looked
at beside it: vl-convert draws more finely, and takes 84 MB of disk and a second to begin with; Matplotlib
brings NumPy, and knows no colours but its own; plotly and bokeh need scripts.
"""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pygal
from pygal.etree import etree
from pygal.style import Style

from kibitz.app.usagereport.elements import clean, element

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from xml.etree import ElementTree as ET

    from kibitz.app.usagereport.words import Unit

# Its way to find maps, which nothing here draws, is so old that Python warns of it whenever anybody imports
# what is not there.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]
# It would take lxml where that is installed, whose trees do not go together with others.
etree.to_etree()

WIDTH, HEIGHT = 560, 220
"""Of an ordinary plot, in units of its own; the page stretches it."""
_ROW, _FOOT = 26, 30
"""The height of a bar that lies, and of what is below all of them."""
_BESIDE = 20
"""Room for what is centred below the end of an axis."""
_GAUGE = 160
"""The width of a gauge, were it a whole circle."""
_LABELS = 7
"""So many days are named below a plot."""
_LONGEST = 36
"""Characters of a name beside a bar."""
_DIGITS = re.compile(r"(\.\d)\d+")
_STYLE = Style(font_family="inherit", label_font_size=11, major_label_font_size=11)
_NEEDLESS = frozenset({"text-overlay", "tooltip-overlay", "titles", "legends"})


@dataclass(frozen=True, slots=True)
class Series:
    """One of the things that a plot shows side by side."""

    name: str
    values: Sequence[Decimal | float | None]
    """For each place of the axis; None: there is none."""


@dataclass(frozen=True, slots=True)
class Plot:
    """What is shown, and what is said about it to those who do not see it."""

    key: str
    """Tells it from the others of the page: ASCII letters."""
    title: str
    description: str
    places: Sequence[str]
    """The names along the axis."""
    series: Sequence[Series]
    unit: Unit
    ticks: Sequence[float] = ()
    """What is marked on the axis of values; nothing: what fits."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to see."""
        return not any(value for series in self.series for value in series.values)

    def told(self, series: Series, place: int) -> str:
        """What a mark says when it is pointed at."""
        return clean(f"{self.places[place]}, {series.name}: {self.unit.say(series.values[place] or 0)}")


def stacked(plot: Plot, *, width: int = WIDTH) -> ET.Element:
    """Bars over time, one for each place, of a piece for each series."""
    chart = _chart(pygal.StackedBar, plot, _highest_pile(plot), width, HEIGHT, rounded_bars=1)
    return _drawn(chart, plot)


def lines(plot: Plot) -> ET.Element:
    """A line for each series, broken where it has no value."""
    most = max(float(value or 0) for series in plot.series for value in series.values)
    how: dict[str, Any] = {"allow_interruptions": True, "dots_size": 2.5, "margin_right": _BESIDE}
    return _drawn(_chart(pygal.Line, plot, most, WIDTH, HEIGHT, **how), plot)


def ranked(plot: Plot) -> ET.Element:
    """Bars that lie, with their names beside them; the first on top."""
    height = _ROW * max(len(plot.places), 2) + _FOOT
    how: dict[str, Any] = {"rounded_bars": 1, "margin_right": _BESIDE}
    most = _highest_pile(plot)
    chart = _chart(pygal.HorizontalStackedBar, plot, most, WIDTH, height, order=-1, **how)
    return _drawn(chart, plot)


def gauge(plot: Plot) -> ET.Element:
    """Half a circle that is filled as far as the first value says, from 0 to 1."""
    filled = min(max(float(plot.series[0].values[0] or 0), 0.0), 1.0)
    how = {**_common(_GAUGE, _GAUGE), "margin": 0, "spacing": 0, "half_pie": True, "inner_radius": 0.78}
    chart = pygal.SolidGauge(**how)
    # pygal draws nothing at all of nothing.
    chart.add("", [{"value": max(filled, 0.001), "max_value": 1, "tooltip": plot.told(plot.series[0], 0)}])
    drawn = _drawn(chart, plot)
    # It leaves room for the other half.
    radius = 0.45 * _GAUGE
    drawn.set("viewBox", f"{_GAUGE / 2 - radius:g} {0.75 * _GAUGE - radius:g} {2 * radius:g} {radius:g}")
    return drawn


def ticks(most: float, *, count: int = 5, least: float = 0.0) -> Sequence[float]:
    """Round numbers from 0 up to one that is not below ``most``, about so many, at least ``least`` apart."""
    if not 0 < most < math.inf:
        return (0.0, 1.0)
    power = 10.0 ** math.floor(math.log10(most / count))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * count >= most)
    step = max(step, least)
    return [step * number for number in range(math.ceil(most / step - 1e-9) + 1)]


def _highest_pile(plot: Plot) -> float:
    columns = zip(*(series.values for series in plot.series), strict=True)
    return max(sum(float(value or 0) for value in column) for column in columns)


def _chart(kind: Any, plot: Plot, most: float, width: int, height: int, *, order: int = 1, **how: Any) -> Any:
    chart = kind(**{**_common(width, height), **how})
    chart.value_formatter = plot.unit.mark
    chart.y_labels = plot.ticks or ticks(most, least=plot.unit.least)
    chart.range = (0, chart.y_labels[-1])
    names = [_short(each) for each in plot.places][::order]
    chart.x_labels = names
    if order == 1:
        chart.x_labels_major_every = -(-len(names) // _LABELS)
        chart.show_minor_x_labels = False
    for series in plot.series:
        marks = [
            None if value is None else {"value": float(value), "tooltip": plot.told(series, place)}
            for place, value in enumerate(series.values)
        ]
        chart.add("", marks[::order])
    return chart


def _common(width: int, height: int) -> dict[str, Any]:
    return {
        "width": width,
        "height": height,
        "show_legend": False,
        "js": (),
        "css": (),
        "no_prefix": True,
        "classes": ("plot",),
        "style": _STYLE,
        "margin": 4,
        "spacing": 6,
        "truncate_label": -1,
    }


def _drawn(chart: Any, plot: Plot) -> ET.Element:
    """The plot as the page has it: smaller, named, and within reach of the keyboard."""
    root: ET.Element = chart.render_tree()
    for child in [*root]:
        if child.tag in {"defs", "title"} or not isinstance(child.tag, str):
            root.remove(child)
    _tidy(root)
    names = f"{plot.key}-title", f"{plot.key}-text"
    root.attrib.pop("id", None)
    root.set("role", "img")
    root.set("tabindex", "0")
    root.set("aria-labelledby", " ".join(names))
    root.insert(0, element("desc", plot.description, id=names[1]))
    root.insert(0, element("title", plot.title, id=names[0]))
    return root


def _tidy(parent: ET.Element) -> None:
    """Leave out what only scripts would use, and digits that nobody sees."""
    for child in [*parent]:
        if _is_needless(child, parent):
            parent.remove(child)
            continue
        for name, value in child.attrib.items():
            if name != "class":
                child.set(name, _DIGITS.sub(r"\1", value))
        _tidy(child)
        if child.tag == "g" and not len(child):
            parent.remove(child)


def _is_needless(child: ET.Element, parent: ET.Element) -> bool:
    if child.tag == "title":
        # Beside an axis it is a value of its own making, even where names are.
        return parent.get("class") == "guides"
    if child.tag == "rect":
        return not float(child.get("height", 1)) or not float(child.get("width", 1))
    return child.tag == "desc" or not _NEEDLESS.isdisjoint(child.get("class", "").split())


def _short(name: str) -> str:
    """The end of a long name says more than its beginning."""
    name = clean(name)
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"
