from __future__ import annotations

from decimal import Decimal

from kibitz.telemetry.cachecounts import CacheCounts
from kibitz.telemetry.savings_text import savings_line

HIT = CacheCounts(
    looked_up=1, hits=1, saved_input_tokens=900, saved_output_tokens=80, saved_usd=Decimal("0.01")
)
MISS = CacheCounts(looked_up=1, misses=1)


def test_periods_are_told_in_their_order() -> None:
    line = savings_line(
        {"this run": {"disk": HIT}, "today, in all windows": {"disk": HIT + HIT, "team": MISS}}
    )
    assert line == (
        "cache, this run: 100 % of 1 answer cost nothing, which saved 900 tokens in, 80 out, $0.0100; "
        "today, in all windows: 66 % of 3 answers cost nothing, which saved 1800 tokens in, 160 out, $0.0200"
    )


def test_the_same_is_told_once() -> None:
    line = savings_line({"this run": {"disk": MISS}, "today": {"disk": MISS}})
    assert line == "cache, this run: 0 % of 1 answer cost nothing"


def test_nothing_is_no_sentence() -> None:
    assert savings_line({}) == savings_line({"this run": {}, "today": {"disk": CacheCounts()}}) == ""


def test_what_has_no_price_is_not_free_of_charge() -> None:
    line = savings_line({"today": {"disk": CacheCounts(looked_up=1, hits=1, saved_input_tokens=5)}})
    assert line.endswith(", which saved 5 tokens in, 0 out")
