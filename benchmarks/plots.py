"""Plots of benchmarks as files: SVG without scripts, light and dark, drawn as the usage report's are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from benchmarks.measures import digits

from kibitz.app.usagereport.elements import element
from kibitz.app.usagereport.figures import Plot, Series, lines, ranked, ticks
from kibitz.app.usagereport.words import Unit, count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from kibitz.app.usagereport.elements import Number

# An image goes by the system's theme, and the page around it perhaps by its own: so it has its own ground.
_STYLE = """
.plot { --card: #ffffff; --soft: #555e69; --line: #e3e7ec; --key-0: #2a63c8; --key-1: #d0700f; }
@media (prefers-color-scheme: dark) {
  .plot { --card: #181c22; --soft: #a3adb9; --line: #2b323b; --key-0: #74a7ff; --key-1: #ffae5e; }
}
.plot { font: 11px system-ui, -apple-system, "Segoe UI", sans-serif; }
.card { fill: var(--card); }
.plot text { fill: var(--soft); }
.plot .background, .plot .nofill { fill: none; }
.plot .guide { fill: none; stroke: var(--line); }
.plot .axis > .line, .plot .axis.x .guide { fill: none; stroke: none; }
.plot .horizontal .axis.y .guide { stroke: none; }
.plot .axis.x text { text-anchor: middle; }
.plot .axis.y text { text-anchor: end; }
.color-0 { --key: var(--key-0); }
.color-1 { --key: var(--key-1); }
.plot .series rect, .plot .series circle { fill: var(--key); }
.plot .series path { stroke: var(--key); stroke-width: 2; }
.plot .color-1 path { stroke-dasharray: 4 3; }
.plot .color-1 circle { fill: none; }
"""
_SVG = "http://www.w3.org/2000/svg"


def bars(key: str, title: str, unit: str, values: Mapping[str, float]) -> str:
    """A bar for each, with its name and value beside it."""
    places = [f"{name}: {digits(value)} {unit}" for name, value in values.items()]
    series = Series(unit, list(values.values()))
    plot = Plot(key, title, "; ".join(places), places, [series], _unit(digits), ticks(max(values.values())))
    return _file(ranked(plot))


def powers(key: str, title: str, unit: str, values: Mapping[int, float], fitted: Mapping[int, float]) -> str:
    """A line from size to size, with powers of ten going up, and a broken one for what was fitted."""
    every = [*values.values(), *fitted.values()]
    lowest = math.floor(math.log10(min(every)) + 1e-9)
    highest = max(math.ceil(math.log10(max(every)) - 1e-9), lowest + 1)

    def above(of: Mapping[int, float]) -> list[float | None]:
        return [math.log10(of[size]) - lowest if size in of else None for size in values]

    def said(power: float) -> str:
        return f"{digits(10 ** (power + lowest))} {unit}"

    told = "; ".join(f"{size:,}: {digits(value)} {unit}" for size, value in values.items())
    series = [Series("measured", above(values)), Series("fitted", above(fitted))]
    marks = [float(power) for power in range(highest - lowest + 1)]
    return _file(lines(Plot(key, title, told, [f"{size:,}" for size in values], series, _unit(said), marks)))


def _unit(said: Callable[[float], str]) -> Unit:
    def exactly(number: Decimal | float | None) -> Number:
        return count(number or 0)

    return Unit(lambda number: said(float(number)), said, exactly)


def _file(drawn: ET.Element) -> str:
    """As a file of its own."""
    drawn.set("xmlns", _SVG)
    drawn.attrib.pop("tabindex", None)
    style = element("style")
    style.text = _STYLE
    _, _, width, height = drawn.get("viewBox", "0 0 560 220").split()
    named = 2
    drawn.insert(named, element("rect", class_="card", width=width, height=height, rx="8"))
    drawn.insert(named, style)
    ET.indent(drawn, " ")
    return ET.tostring(drawn, encoding="unicode") + "\n"
