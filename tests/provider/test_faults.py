"""What errors carry, and what they quote; the faults themselves are in ``test_fault_table``."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import openai
import pytest
from tests.provider.clients import CODE, client
from tests.provider.faults import SECRET_LINE, failure
from tests.support import fake_faults
from tests.support.fake_provider import FakeProvider, Reply

from kibitz.provider.errors import APIError, ConfigError, Timeout

if TYPE_CHECKING:
    from tests.support.fake_faults import Fault


@pytest.mark.parametrize("code", [400, 401, 404, 429, 500])
async def test_errors_carry_status_code_request_id_and_cause(code: int) -> None:
    error = await failure(fake_faults.status(code, "some_code"))
    assert (error.status, error.code, error.request_id) == (code, "some_code", f"req_{code}")
    assert isinstance(error.__cause__, openai.APIStatusError)
    assert f"(request req_{code})" in str(error)


async def test_answers_that_cannot_be_used_carry_their_request_id_and_usage() -> None:
    error = await failure(Reply("", refusal="no", input_tokens=100, output_tokens=7))
    assert error.request_id == "req_1"
    assert error.usage is not None
    assert (error.usage.requests, error.usage.input_tokens, error.usage.output_tokens) == (1, 100, 7)


async def test_a_timeout_ends_the_request_on_the_wire() -> None:
    async with FakeProvider() as fake, client(fake, timeout_ms=200) as tested:
        fake.push(fake_faults.hang())
        with pytest.raises(Timeout):
            await tested.process_code(CODE)
        await fake.until(lambda: fake.requests[0].disconnected)


async def test_a_redirect_gets_neither_the_code_nor_the_key() -> None:
    async with FakeProvider() as fake, FakeProvider() as evil, client(fake) as tested:
        fake.push(fake_faults.redirect(evil.base_url + "/chat/completions"))
        with pytest.raises(APIError, match="redirects"):
            await tested.process_code(CODE)
        assert evil.requests == []


SOON = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
PAST = email.utils.format_datetime(datetime.now(UTC) - timedelta(seconds=600), usegmt=True)


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [
        (fake_faults.status(429, retry_after=3), 3, 3),
        (fake_faults.status(429, retry_after=0.5), 0.5, 0.5),
        (fake_faults.status(429, retry_after=9, retry_after_ms=1500), 1.5, 1.5),
        (fake_faults.status(429, retry_after=SOON), 1, 600),
        (fake_faults.status(503, retry_after=PAST), 0, 0),
        (fake_faults.status(503, retry_after=10**12), 86_400, 86_400),
    ],
)
async def test_the_wait_that_is_asked_for_is_told(fault: Fault, least: float, most: float) -> None:
    error = await failure(fault)
    assert error.retry_after is not None
    assert least <= error.retry_after <= most


@pytest.mark.parametrize("raw", ["soon", "-1", "nan", "inf", "", "Wed, 99 Foo"])
async def test_a_wait_that_makes_no_sense_is_none(raw: str) -> None:
    assert (await failure(fake_faults.status(429, retry_after=raw))).retry_after is None


async def test_the_provider_is_quoted_where_that_helps() -> None:
    error = await failure(fake_faults.status(400, message="The moon is\nin the wrong\x1b[2J phase"))
    assert "The moon is in the wrong [2J phase" in error.message


async def test_the_provider_is_not_quoted_where_it_repeats_the_code() -> None:
    error = await failure(fake_faults.status(400, message=f"cannot parse {SECRET_LINE.strip()}"))
    assert "cannot parse" not in error.message


async def test_hostile_identifiers_are_left_out() -> None:
    error = await failure(fake_faults.status(400, "a b\x1b[2J", headers={"x-request-id": "<script>"}))
    assert error.code == "fake_error"
    assert error.request_id is None


async def test_without_a_key_the_advice_is_to_set_one() -> None:
    error = await failure(fake_faults.status(401), api_key=None)
    assert isinstance(error, ConfigError)
    assert "wants an API key" in error.message
