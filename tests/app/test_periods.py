from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kibitz.app.periods import MOST_DAYS, Periods

DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))


def test_a_month_has_days_and_a_year_has_weeks() -> None:
    month = Periods.between(date(2026, 11, 1), date(2026, 11, 30))
    assert (month.unit, month.head, len(month.names)) == ("day", "Day", 30)
    assert (month.names[0], month.names[-1]) == ("2026-11-01", "2026-11-30")
    year = Periods.between(date(2025, 11, 30), date(2026, 11, 29))
    assert (year.unit, year.head) == ("week", "Week of")
    assert year.names[:3] == ("2025-11-30", "2025-12-01", "2025-12-08")
    assert year.of("2025-12-07") == year.of("2025-12-07T09") == "2025-12-01"
    assert year.of("2025-12-08") == "2025-12-08"


def test_what_is_outside_belongs_to_the_nearest() -> None:
    found = Periods.between(date(2026, 11, 1), date(2026, 11, 3))
    assert found.of("2020-01-01") == "2026-11-01"
    assert found.of("2026-11-04T10") == found.of("9999-12-31") == found.of("what?") == "2026-11-03"
    assert Periods.between(date(2026, 11, 3), date(2026, 11, 1)).names == ("2026-11-03",)


@given(DAYS, st.integers(0, 500), st.data())
def test_each_day_belongs_to_one_period_that_begins_with_it_or_before(
    first: date, length: int, data: st.DataObject
) -> None:
    last = first + timedelta(length)
    periods = Periods.between(first, last)
    assert len(periods.names) <= max(MOST_DAYS, 80), "a plot has room for them"
    assert list(periods.names) == sorted(set(periods.names))
    assert periods.names[0] == first.isoformat()
    day = first + timedelta(data.draw(st.integers(0, length)))
    name = date.fromisoformat(periods.of(day.isoformat()))
    assert timedelta(0) <= day - name < timedelta(1 if periods.unit == "day" else 7)
    assert periods.of(f"{day}T23") == name.isoformat()
