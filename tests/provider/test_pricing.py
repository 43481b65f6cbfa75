from __future__ import annotations

from decimal import Decimal

from kibitz.provider.endpoint import OPENAI_URL, Endpoint
from kibitz.provider.models import Usage
from kibitz.provider.pricing import cost

OPENAI = Endpoint(OPENAI_URL)
SPENT = Usage(
    requests=1, input_tokens=10_000, cached_tokens=4_000, cache_write_tokens=1_000, output_tokens=500
)


def test_cached_and_written_tokens_have_their_own_prices() -> None:
    # gpt-6-luna, dollars per million: 0.10 in, 0.01 cached, 0.125 written, 0.50 out.
    assert cost("gpt-6-luna", SPENT, OPENAI) == Decimal("0.000915")


def test_azure_and_openai_are_known_and_others_are_not() -> None:
    assert cost("gpt-5.4-mini", SPENT, Endpoint("https://x.openai.azure.com/openai/v1")) is not None
    assert cost("no-such-model", SPENT, OPENAI) is None
    assert cost("gpt-6-luna", SPENT, Endpoint("https://unknown.example/v1")) is None


def test_this_machine_has_no_price() -> None:
    assert cost("gpt-6-luna", SPENT, Endpoint("http://127.0.0.1:8080/v1")) is None


def test_impossible_details_do_not_raise() -> None:
    odd = Usage(requests=1, input_tokens=5, cached_tokens=50, cache_write_tokens=50, reasoning_tokens=9)
    price = cost("gpt-6-luna", odd, OPENAI)
    assert price is not None
    assert price >= 0
