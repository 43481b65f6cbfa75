"""The cost guide's figures: every one comes from the price list, and from the rules of the budget."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from kibitz.config import Settings
from kibitz.provider import pricing
from kibitz.provider.endpoint import OPENAI_URL, Endpoint
from kibitz.provider.usage import Usage
from kibitz.telemetry.anomaly import OFF_HOURS, REQUESTS_PER_HOUR, WARM_UP
from kibitz.telemetry.events import BURST, LOOKED_UP, RATIO, REPEATS
from kibitz.telemetry.ledger_table import HOURLY_DAYS, KEPT_DAYS

PATH = Path(__file__).parents[1] / "docs" / "costs.md"
PAGE = PATH.read_text(encoding="utf-8") if PATH.exists() else ""
OPENAI = Endpoint(OPENAI_URL)
MODELS = ("gpt-6-luna", "gpt-5.6-luna", "gpt-6-sol", "gpt-6-astra")
PASSAGE = Usage(1, 3000, 1000, output_tokens=300)
"""A change in the editor: a third of the question is read from the provider's prompt cache."""
FILE = Usage(1, 4000, output_tokens=400)
"""A file that is reviewed for the first time."""
VERDICT = Usage(1, 2000, output_tokens=200)


@pytest.fixture(autouse=True)
def listed_prices() -> None:
    pricing.use({})


def cost(model: str, usage: Usage, *, batch: bool = False) -> Decimal:
    found = pricing.cost(model, usage, OPENAI, batch=batch)
    assert found is not None, f"the price list does not know {model}"
    return found


def rows() -> list[str]:
    """A day (300 requests), a repository (1,000 files) at once and in a batch, and what $10 buys."""
    found = []
    for model in MODELS:
        one = cost(model, PASSAGE)
        whole, batch = 1000 * cost(model, FILE), 1000 * cost(model, FILE, batch=True)
        checked = 300 * one + 100 * cost(model, VERDICT)
        bought = int(10 / one)
        found.append(
            f"| `{model}` | ${one:.5f} | ${300 * one:.2f} | ${checked:.2f} | ${whole:.2f} | ${batch:.2f} | "
            f"{bought:,} |"
        )
    return found


def test_every_row_is_as_the_price_list_has_it() -> None:
    for row in rows():
        assert row in PAGE, f"docs/costs.md should have: {row}"


def months() -> list[str]:
    """A month of 21 days, in the situations that the page describes."""
    found = []
    for model in MODELS:
        day, file = 300 * cost(model, PASSAGE), cost(model, FILE)
        night = Decimal(1000) / 20 * cost(model, FILE, batch=True)
        checks = 40 * 3 * file * (1 + Decimal(1) / 3)
        every = [21 * each for each in (day, day / 3, 10 * day, 10 * day * 2 / 3, checks, night)]
        found.append(f"| `{model}` | " + " | ".join(f"${each:,.2f}" for each in every) + " |")
    return found


def test_every_month_is_as_the_price_list_has_it() -> None:
    for row in months():
        assert row in PAGE, f"docs/costs.md should have: {row}"


def test_a_loop_costs_what_the_page_says() -> None:
    first, last = (24 * REQUESTS_PER_HOUR * cost(model, PASSAGE) for model in (MODELS[0], MODELS[-1]))
    assert f"${first:.2f} with the first model and ${last:.2f} with the last" in " ".join(PAGE.split())


def test_the_worked_sum_is_right() -> None:
    one = cost("gpt-6-luna", PASSAGE)
    plain = cost("gpt-6-luna", Usage(1, 2000))
    cached = cost("gpt-6-luna", Usage(1, 1000, 1000))
    output = cost("gpt-6-luna", Usage(1, 0, output_tokens=300))
    assert plain + cached + output == one
    for amount in (plain, cached, output, one):
        assert f"${amount.normalize():f}" in PAGE


def test_the_words_about_defaults_and_rules_are_as_the_code_has_them() -> None:
    settings = Settings()
    assert f"`budget_usd_per_day = {settings.budget_usd_per_day}`" in PAGE
    for words in (
        f"{HOURLY_DAYS} days",
        f"{KEPT_DAYS} days",
        f"{REQUESTS_PER_HOUR} requests in an hour",
        f"{WARM_UP} hours with requests",
        f"{OFF_HOURS} hours in a row",
        f"{BURST} refused keys",
        f"more than {REPEATS} times",
        f"{RATIO} times",
        f"{LOOKED_UP} look-ups",
    ):
        assert words in " ".join(PAGE.split()), words


def test_a_price_of_ones_own_is_taken_as_the_page_says() -> None:
    prices = {"my-model": {"input": "0.50", "cached": "0.05", "output": "2"}}
    settings = Settings.model_validate({"prices": prices})
    pricing.use(settings.prices)
    try:
        local = Endpoint("http://127.0.0.1:4000/v1")
        assert pricing.cost("my-model", PASSAGE, local) == Decimal("0.00165")
    finally:
        pricing.use({})
    assert "$0.00165" in PAGE
