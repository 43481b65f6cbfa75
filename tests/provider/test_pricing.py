from __future__ import annotations

from decimal import Decimal

import genai_prices
import pytest
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from kibitz.provider.endpoint import OPENAI_URL, Endpoint
from kibitz.provider.models import Usage
from kibitz.provider.pricing import cost

COUNTS = st.integers(0, 2_000_000)
LISTED = [
    (provider.id, model.id)
    for provider in get_snapshot().providers
    if provider.id in ("openai", "azure", "deepseek", "perplexity", "mistral")
    for model in provider.models
]
WHERE = {
    "openai": "https://api.openai.com/v1",
    "azure": "https://x.openai.azure.com/openai/v1",
    "deepseek": "https://api.deepseek.com",
    "perplexity": "https://api.perplexity.ai",
    "mistral": "https://api.mistral.ai",
}

OPENAI = Endpoint(OPENAI_URL)
SPENT = Usage(
    requests=1, input_tokens=10_000, cached_tokens=4_000, cache_write_tokens=1_000, output_tokens=500
)


def test_cached_and_written_tokens_have_their_own_prices() -> None:
    # gpt-6-luna, dollars per million: 0.10 in, 0.01 cached, 0.125 written, 0.50 out.
    assert cost("gpt-6-luna", SPENT, OPENAI) == Decimal("0.000915")


@pytest.mark.parametrize("model", ["gpt-6-luna", "gpt-5.5", "gpt-4o-mini"])
def test_a_batch_costs_half(model: str) -> None:
    # Not all batches have cached tokens cheaper still.
    spent = Usage(requests=1, input_tokens=10_000, output_tokens=500)
    whole, half = (cost(model, spent, OPENAI, batch=batch) for batch in (False, True))
    assert whole is not None
    assert half == whole / 2


def test_azure_and_openai_are_known_and_others_are_not() -> None:
    assert cost("gpt-5.4-mini", SPENT, Endpoint("https://x.openai.azure.com/openai/v1")) is not None
    assert cost("no-such-model", SPENT, OPENAI) is None
    assert cost("gpt-6-luna", SPENT, Endpoint("https://unknown.example/v1")) is None


def test_this_machine_costs_nothing() -> None:
    assert cost("gpt-6-luna", SPENT, Endpoint("http://127.0.0.1:8080/v1")) == 0


def test_impossible_details_do_not_raise() -> None:
    odd = Usage(requests=1, input_tokens=5, cached_tokens=50, cache_write_tokens=50, reasoning_tokens=9)
    price = cost("gpt-6-luna", odd, OPENAI)
    assert price is not None
    assert price >= 0


@given(st.sampled_from(LISTED), COUNTS, COUNTS, COUNTS, COUNTS)
@settings(max_examples=300, deadline=None)
def test_the_sum_is_the_price_list_s_own(
    listed: tuple[str, str], plain: int, cached: int, written: int, output: int
) -> None:
    provider, model = listed
    tokens = genai_prices.Usage(
        input_tokens=plain + cached + written,
        cache_read_tokens=cached,
        cache_write_tokens=written,
        output_tokens=output,
    )
    usage = Usage(
        requests=1,
        input_tokens=plain + cached + written,
        cached_tokens=cached,
        cache_write_tokens=written,
        output_tokens=output,
    )
    try:
        expected = genai_prices.calc_price(tokens, model, provider_api_url=WHERE[provider]).total_price
    except (LookupError, ValueError):
        expected = None
    assert cost(model, usage, Endpoint(WHERE[provider])) == expected


def test_a_long_input_has_another_price() -> None:
    short = cost("gpt-6-luna", Usage(requests=1, input_tokens=272_000), OPENAI)
    long = cost("gpt-6-luna", Usage(requests=1, input_tokens=544_000), OPENAI)
    assert short is not None
    assert long == pytest.approx(4 * short)
