"""How much may be spent, and whether something more may: a judgement of numbers, without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from kibitz.telemetry.ledger_table import dollars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEVELS = (50, 80, 100)
"""Percent of a cap at which the user is told."""
Kind = Literal["usd", "requests", "tokens"]
Period = Literal["hour", "day"]


@dataclass(frozen=True, slots=True)
class Amount:
    """Something that is spent, or to be spent."""

    requests: int = 0
    tokens: int = 0
    """Input and output."""
    pico: int = 0
    """Pico-dollars; 0 where the price is not known, too."""

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.requests + other.requests, self.tokens + other.tokens, self.pico + other.pico)

    def of(self, kind: Kind) -> int:
        """What counts for a cap of that kind."""
        return self.pico if kind == "usd" else self.requests if kind == "requests" else self.tokens


@dataclass(frozen=True, slots=True)
class Cap:
    """The most of one kind in one period."""

    kind: Kind
    period: Period
    most: int
    """Pico-dollars, requests or tokens."""

    @property
    def setting(self) -> str:
        """The name of the setting that it comes from."""
        return f"budget_{self.kind}_per_{self.period}"

    @property
    def words(self) -> str:
        """Such as ``today's budget of $10.00``."""
        whose = "today's" if self.period == "day" else "this hour's"
        return f"{whose} budget of {self.shown(self.most)}"

    def shown(self, amount: int) -> str:
        """An amount of its kind, for people."""
        if self.kind == "usd":
            return money(dollars(amount))
        return f"{amount:,} {self.kind}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something more may be spent."""

    refused: Cap | None = None
    """The cap that it would go over."""
    spent: int = 0
    """What is spent of that one."""
    held: int = 0
    """What requests under way may still take of it."""
    told: tuple[tuple[Cap, int, int], ...] = ()
    """Caps of which something is spent that should be told: with the percentage, and what is spent."""

    @property
    def waits(self) -> bool:
        """Whether it is only for what is under way that it may not: that may take less than was held."""
        return self.refused is not None and self.held > 0


def judge(
    caps: Sequence[Cap], spent: Mapping[Period, Amount], held: Amount, wanted: Amount, raised: int = 0
) -> Verdict:
    """Whether ``wanted`` may be spent on top of what is spent and held.

    ``raised``: so often the user said today that as much again may be spent.
    """
    told: list[tuple[Cap, int, int]] = []
    refused: tuple[Cap, int, int] | None = None
    for cap in caps:
        most = Cap(cap.kind, cap.period, cap.most * (1 + raised))
        used, under_way = spent[cap.period].of(cap.kind), held.of(cap.kind)
        more = wanted.of(cap.kind)
        # Of several, one for which waiting does not help: that is why nothing goes on.
        if more and used + under_way + more > most.most and (refused is None or refused[2]):
            refused = (most, used, 0 if used + more > most.most else under_way)
        out = more and used + more > most.most
        level = LEVELS[-1] if out else _level(used, most.most)
        if level:
            told.append((most, level, used))
    if refused is None:
        return Verdict(told=tuple(told))
    cap, used, under_way = refused
    return Verdict(cap, used, under_way, tuple(told))


def _level(used: int, most: int) -> int:
    """The highest level that is reached; 0: none."""
    return max((level for level in LEVELS if used * 100 >= most * level), default=0) if most else 0


def money(usd: Decimal) -> str:
    """Dollars for people: cents, and of small sums the first two digits that are not 0."""
    if usd >= Decimal("0.995") or not usd:
        return f"${usd:,.2f}"
    return f"${usd:.4f}" if usd >= Decimal("0.0001") else f"${usd:.2g}"
