from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.telemetry.caps import LEVELS, Amount, Cap, judge, money
from kibitz.telemetry.ledger_table import PICO

if TYPE_CHECKING:
    from kibitz.telemetry.caps import Period

NOTHING: dict[Period, Amount] = {"hour": Amount(), "day": Amount()}
DAY = Cap("requests", "day", 10)


def spent(hour: Amount, day: Amount) -> dict[Period, Amount]:
    return {"hour": hour, "day": day}


def test_what_is_held_counts_until_it_is_known_to_be_less() -> None:
    verdict = judge([DAY], spent(Amount(), Amount(8)), Amount(2), Amount(1))
    assert (verdict.refused, verdict.waits) == (DAY, True)
    assert judge([DAY], spent(Amount(), Amount(8)), Amount(1), Amount(1)).refused is None
    verdict = judge([DAY], spent(Amount(), Amount(10)), Amount(2), Amount(1))
    assert (verdict.refused, verdict.waits, verdict.spent) == (DAY, False, 10)


def test_of_several_caps_the_one_that_stays_is_named() -> None:
    hour = Cap("tokens", "hour", 100)
    used = spent(Amount(1, 90), Amount(10, 90))
    verdict = judge([hour, DAY], used, Amount(1, 10), Amount(1, 10))
    assert verdict.refused == DAY
    assert not verdict.waits


def test_what_has_no_price_is_held_back_by_other_caps_alone() -> None:
    money_cap = Cap("usd", "day", PICO)
    used = spent(Amount(), Amount(5, 500, 2 * PICO))
    assert judge([money_cap], used, Amount(), Amount(1, 100, 0)).refused is None
    assert judge([money_cap], used, Amount(), Amount(1, 100, 1)).refused == money_cap


def test_it_may_be_raised_by_as_much_again() -> None:
    used = spent(Amount(), Amount(10))
    assert judge([DAY], used, Amount(), Amount(1), raised=1).refused is None
    verdict = judge([DAY], spent(Amount(), Amount(20)), Amount(), Amount(1), raised=1)
    assert verdict.refused == Cap("requests", "day", 20)


@pytest.mark.parametrize(("used", "level"), [(4, 0), (5, 50), (7, 50), (8, 80), (9, 80), (10, 100)])
def test_the_levels(used: int, level: int) -> None:
    told = judge([DAY], spent(Amount(), Amount(used)), Amount(), Amount(1)).told
    assert [each[1] for each in told] == [level] * bool(level)


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        ("0", "$0.00"),
        ("10", "$10.00"),
        ("1234.5", "$1,234.50"),
        ("0.0123", "$0.0123"),
        ("0.0000042", "$0.0000042"),
    ],
)
def test_money(usd: str, shown: str) -> None:
    assert money(Decimal(usd)) == shown


def test_the_words() -> None:
    assert Cap("usd", "day", 10 * PICO).words == "today's budget of $10.00"
    assert Cap("tokens", "hour", 50_000).words == "this hour's budget of 50,000 tokens"
    assert Cap("usd", "hour", 1).setting == "budget_usd_per_hour"


AMOUNTS = st.builds(Amount, *(st.integers(0, 50) for _ in range(3)))
CAPS = st.lists(
    st.builds(
        Cap,
        st.sampled_from(["usd", "requests", "tokens"]),
        st.sampled_from(["hour", "day"]),
        st.integers(0, 100),
    ),
    max_size=6,
)


@given(CAPS, st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS), st.integers(0, 3))
def test_nothing_passes_that_would_go_over_and_nothing_else_is_refused(
    caps: list[Cap], amounts: tuple[Amount, Amount, Amount, Amount], raised: int
) -> None:
    hour, earlier, held, wanted = amounts
    used = spent(hour, hour + earlier)
    verdict = judge(caps, used, held, wanted, raised)
    over = [
        cap
        for cap in caps
        if wanted.of(cap.kind) and (used[cap.period] + held + wanted).of(cap.kind) > cap.most * (1 + raised)
    ]
    assert (verdict.refused is not None) == bool(over)
    assert all(level in LEVELS for _, level, _ in verdict.told)
