"""Numbers for people: in sentences, beside an axis, and in tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from kibitz.app.usagereport.elements import Number
from kibitz.telemetry.caps import money

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.telemetry.counts import Counts

UNKNOWN, NONE = "not known", "\N{EN DASH}"
_SPACE = "\N{NO-BREAK SPACE}"
"""Between a number and its unit."""
_THOUSAND = 1000
_TINY = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class Unit:
    """What is counted, and how that is said."""

    say: Callable[[Decimal | float], str]
    """For people."""
    mark: Callable[[float], str]
    """A round number, beside an axis."""
    exactly: Callable[[Decimal | float | None], Number]
    """In a table."""
    least: float = 0.0
    """There is nothing between two marks on an axis that are so far apart."""


def day(name: str, last: str) -> str:
    """``2026-11-03`` is 3 Nov; if the ``last`` day is of another year, 3 Nov 2026."""
    found = date.fromisoformat(name)
    return f"{found.day} {found:%b}" + ("" if name[:4] == last[:4] else f" {found:%Y}")


def long_day(found: date) -> str:
    """3 November 2026."""
    return f"{found.day} {found:%B %Y}"


def count(number: Decimal | float) -> Number:
    """How many."""
    return Number(_digits(number), Decimal(round(number)))


def cost(counts: Counts) -> Number:
    """What it cost; ``+ ?`` where some of it has no known price."""
    found = dollars(counts.cost_usd)
    if counts.unpriced:
        return Number(UNKNOWN if found.exact is None else f"{found.shown} + ?", found.exact)
    return found


def dollars(usd: Decimal | None) -> Number:
    """US dollars."""
    return Number(NONE if usd is None else money(usd), usd)


def seconds(number: Decimal | float | None) -> Number:
    """How long it took."""
    if number is None:
        return Number(NONE, None)
    return Number(f"{number:.{2 if number < 10 else 0}f}{_SPACE}s", number)  # noqa: PLR2004 - three digits


def share(part: float, whole: float) -> Number:
    """In percent."""
    return _percent(part / whole if whole else None)


def about(number: Decimal | float) -> str:
    """A large number, in three digits: 12.3 M."""
    number, unit = _scaled(number)
    digits = 0 if not unit else 2 if number < 10 else 1 if number < 100 else 0  # noqa: PLR2004 - as said
    return f"{number:,.{digits}f}{unit}"


def plural(number: float, what: str, many: str = "") -> str:
    """1 request, 2,000 requests."""
    return f"{_digits(number)} {what if number == 1 else many or f'{what}s'}"


def _scaled(number: Decimal | float) -> tuple[float, str]:
    number = float(number)
    for unit in ("", f"{_SPACE}k", f"{_SPACE}M"):
        if number < _THOUSAND:
            return number, unit
        number /= _THOUSAND
    return number, f"{_SPACE}G"


def _mark_about(number: float) -> str:
    number, unit = _scaled(number)
    return f"{number:,.10g}{unit}"


def _mark_money(usd: float) -> str:
    whole, point, cents = f"{usd:,.10g}".partition(".")
    return f"${whole}{point}{cents.ljust(2, '0') if point else ''}"


def _digits(number: Decimal | float) -> str:
    return f"{number:,.0f}"


def _percent(of: Decimal | float | None) -> Number:
    """Rounded down, as everywhere: what is all of it is all of it, and not nearly."""
    return Number(NONE if of is None else f"{math.floor(100 * Decimal(of) + _TINY)}{_SPACE}%", of)


COUNTS = Unit(_digits, _digits, lambda number: count(number or 0), least=1.0)
TOKENS = Unit(about, _mark_about, lambda number: count(number or 0), least=1.0)
MONEY = Unit(
    lambda usd: money(Decimal(usd)),
    _mark_money,
    lambda usd: dollars(None if usd is None else Decimal(usd)),
)
SECONDS = Unit(lambda number: seconds(number).shown, lambda number: f"{number:g}{_SPACE}s", seconds)
SHARES = Unit(lambda of: _percent(of).shown, lambda of: _percent(of).shown, _percent)
