"""Every fault of an answer, through the real SDK and a real socket: what becomes of a call that meets it each
time it asks, how often it asks, how long that takes, and what the user is told (what happened, what to do).

Faults of the network are in ``test_fault_network``, those that keys and limits answer to in
``test_fault_keys`` and ``test_fault_limits``.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.provider.clients import CANARY, CODE, client, planted
from tests.provider.faults import APIS, SECRET_LINE, failed
from tests.support.fake_faults import (
    body,
    echo_key,
    garbage,
    gzip_bomb,
    hang,
    html,
    redirect,
    reset,
    reset_midway,
    slow_loris,
    status,
    truncated,
)
from tests.support.fake_provider import FakeProvider, Reply

from kibitz.provider.config import RetryConfig
from kibitz.provider.errors import (
    APIError,
    ConfigError,
    InvalidResponse,
    OpenAIError,
    RateLimitExceeded,
    Timeout,
)

if TYPE_CHECKING:
    from tests.support.fake_provider import Answer

ALL = 1 + RetryConfig().max_retries
"""Attempts at what may pass by itself."""
TWICE = 2
"""An unusable answer was perhaps paid for: it is asked for once more."""
LIMIT = 1_048_576
MODEL = "gpt-6-luna"


@dataclass(frozen=True, slots=True)
class Row:
    """One fault, and what is to come of it."""

    answer: Answer
    error: type[OpenAIError]
    says: tuple[str, str]
    """What happened, and what the user can do."""
    code: str | None = None
    attempts: int = 1
    retryable: bool | None = None
    """None: if there was more than one attempt."""
    seconds: float = 5.0
    """At most. The backoff between attempts takes no time here."""
    timeout_ms: int = 20_000


def refused(answer: Answer, says: str, what_to_do: str, code: str | None = None) -> Row:
    return Row(answer, ConfigError, (says, what_to_do), code)


def broken(answer: Answer, says: str, code: str | None = None) -> Row:
    """On the provider's side, and likely to pass."""
    return Row(answer, APIError, (says, "try again"), code, attempts=ALL)


def unusable(answer: Answer, says: str, what_to_do: str, code: str = "malformed") -> Row:
    return Row(answer, InvalidResponse, (says, what_to_do), code, attempts=TWICE)


def final(answer: Answer, says: str, what_to_do: str, code: str) -> Row:
    """An answer that another attempt would not better."""
    return Row(answer, InvalidResponse, (says, what_to_do), code)


NOT_JSON, NETWORK = "not valid JSON", "check the network and the setting base_url"
OFF_SCHEMA, OTHER_MODEL = "does not follow its schema", "use another model"
NOT_AN_ANSWER = "JSON came, but it is not an answer of the"
OTHER_SHAPE = "check the setting base_url"
TOO_LARGE = f"larger than {LIMIT} bytes"

ROWS: dict[str, Row] = {
    # The status tells
    "400": Row(status(400), APIError, ("refused the request with status 400", "fake 400"), "invalid_request"),
    "400 that is worth another try": Row(
        status(400, headers={"x-should-retry": "true"}),
        APIError,
        ("refused the request with status 400", "fake 400"),
        "invalid_request",
        attempts=ALL,
    ),
    "400 context": Row(
        status(400, "context_length_exceeded"),
        APIError,
        ("longer than the model or server takes", "lower the setting max_request_tokens"),
        "context_length_exceeded",
    ),
    "400 context, in words": Row(
        status(400, message="This model's maximum context length is 8192 tokens"),
        APIError,
        ("longer than the model or server takes", "lower the setting max_request_tokens"),
        "context_length_exceeded",
    ),
    "400 that repeats the key": Row(
        echo_key(400), APIError, ("refused the request with status 400", "[key hidden]"), "invalid_request"
    ),
    "401": refused(status(401), "does not accept the API key", "put a valid one there", "invalid_api_key"),
    "401 that repeats the key": refused(
        echo_key(401), "does not accept the API key", "put a valid one there", "invalid_api_key"
    ),
    "403": refused(
        echo_key(403),
        f"does not let this key use the model '{MODEL}'",
        "check the key's permissions, the project and the region",
        "unsupported_country_region_territory",
    ),
    "404 model": refused(
        status(404), f"has no model '{MODEL}'", "set another one with the setting model", "model_not_found"
    ),
    "404 address": refused(
        status(404, "not_found", message="nothing here"),
        "does not know the address that was asked",
        "check the setting base_url",
        "not_found",
    ),
    "408": broken(status(408), "could not take the request just now"),
    "409": broken(status(409), "could not take the request just now"),
    "413": Row(
        status(413),
        APIError,
        ("longer than the model or server takes", "lower the setting max_request_tokens"),
        "context_length_exceeded",
    ),
    "422": Row(status(422), APIError, ("refused the request with status 422", "fake 422")),
    "429": Row(
        status(429, retry_after_ms=20),
        RateLimitExceeded,
        ("wants fewer requests or tokens", "lower requests_per_minute or tokens_per_minute"),
        "rate_limit_exceeded",
        attempts=ALL,
    ),
    "429 for one request": Row(
        status(429, message="Request too large for gpt-6-luna on tokens per min (TPM)"),
        RateLimitExceeded,
        ("one request needs more tokens than", "lower the setting max_request_tokens"),
        "request_too_large",
    ),
    "500": broken(status(500), "failed with status 500; this is on its side"),
    "500 that is not worth another try": Row(
        status(500, headers={"x-should-retry": "false"}),
        APIError,
        ("failed with status 500; this is on its side", "try again later"),
    ),
    "500 that repeats the key": broken(echo_key(500), "failed with status 500; this is on its side"),
    "501": Row(status(501), APIError, ("failed with status 501", "try again later")),
    "502 with a web page": broken(html(502), "failed with status 502; this is on its side"),
    "503": broken(status(503), "failed with status 503; this is on its side"),
    "504": broken(status(504), "failed with status 504; this is on its side"),
    "redirect to another host": Row(
        redirect("http://127.0.0.1:9/v1"),
        APIError,
        ("redirects to another address, where no source code is sent", "set base_url to it"),
        "redirect",
    ),
    "redirect to another path": Row(
        redirect("/v1/elsewhere", 302), APIError, ("redirects to another address", "set base_url"), "redirect"
    ),
    # The wire breaks
    "truncated": broken(truncated(), "broke before the answer was complete", "connection"),
    "garbage": broken(garbage(), "broke before the answer was complete", "connection"),
    "reset": broken(reset(), "broke before the answer was complete", "connection"),
    "reset in the middle": broken(reset_midway(), "broke before the answer was complete", "connection"),
    "hang": Row(
        hang(),
        Timeout,
        ("no whole answer within 300 ms", "raise the setting timeout_ms"),
        retryable=True,
        seconds=3,
        timeout_ms=300,
    ),
    "slow loris": Row(
        slow_loris(),
        Timeout,
        ("no whole answer within 300 ms", "raise the setting timeout_ms"),
        retryable=True,
        seconds=3,
        timeout_ms=300,
    ),
    # Success, it says
    "malformed JSON": unusable(body("{nope"), NOT_JSON, NETWORK),
    "empty body": unusable(body(""), NOT_JSON, NETWORK),
    "bad UTF-8": unusable(body(b'{"id": "\xff\xfe"}'), NOT_JSON, NETWORK),
    "200,000 deep": unusable(body("[" * 200_000), NOT_JSON, NETWORK),
    "duplicate keys": unusable(body('{"id": 1, "id": 2}'), NOT_JSON, NETWORK),
    "NaN": unusable(body('{"id": NaN}'), NOT_JSON, NETWORK),
    "web page": unusable(html(), "sent a web page in place of an answer", NETWORK),
    "{}": unusable(body("{}"), NOT_AN_ANSWER, OTHER_SHAPE),
    "list": unusable(body("[]"), NOT_AN_ANSWER, OTHER_SHAPE),
    "string": unusable(body('"text"'), NOT_AN_ANSWER, OTHER_SHAPE),
    "no choices": unusable(body('{"choices": null, "output": null}'), NOT_AN_ANSWER, OTHER_SHAPE),
    "empty choices": unusable(body('{"choices": [], "output": 1}'), NOT_AN_ANSWER, OTHER_SHAPE),
    "10 MB": final(body(" " * 10_000_000), TOO_LARGE, "check the setting base_url", "too-large"),
    "gzip bomb": final(gzip_bomb(20_000_000), TOO_LARGE, "check the setting base_url", "too-large"),
    "compressed in a strange way": final(
        body("{}", headers={"content-encoding": "br"}), "compressed in a way", "check proxies", "encoding"
    ),
    # The model's part of it
    "refusal": final(Reply("", refusal="I cannot"), "refused to answer", "try another model", "refusal"),
    "cut off": final(
        Reply('{"findings": [', finish="length"),
        "cut off at its longest",
        "raise the setting max_tokens",
        "length",
    ),
    "content filter": final(
        Reply('{"findings": []}', finish="content_filter"),
        "content filter stopped",
        "try another model",
        "content_filter",
    ),
    "nothing": unusable(Reply(""), "the answer is empty", "use another model", "empty"),
    "prose": unusable(Reply("I found no bugs."), OFF_SCHEMA, OTHER_MODEL),
    "wrong schema": unusable(Reply('{"findings": {}}'), OFF_SCHEMA, OTHER_MODEL),
    "duplicate keys in the answer": unusable(
        Reply('{"findings": [], "findings": []}'), OFF_SCHEMA, OTHER_MODEL
    ),
    "NaN in the answer": unusable(Reply('{"findings": [NaN]}'), OFF_SCHEMA, OTHER_MODEL),
    "a deep answer": unusable(Reply("[" * 200_000), OFF_SCHEMA, OTHER_MODEL),
    "key and code in the answer": unusable(Reply(json.dumps({CANARY: SECRET_LINE})), OFF_SCHEMA, OTHER_MODEL),
}
PASSING = {name: row for name, row in ROWS.items() if row.attempts > 1}


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_a_fault_that_stays(row: Row, api: str) -> None:
    async with (
        FakeProvider(lambda _: row.answer) as fake,
        client(fake, api=api, retry_config=RetryConfig(), timeout_ms=row.timeout_ms) as tested,
    ):
        await tested.warm()
        began = time.monotonic()
        error = await failed(tested)
        took = time.monotonic() - began
    assert type(error) is row.error
    for words in row.says:
        assert words in error.message
    assert str(error).startswith(f"{row.error.kind}: ")
    assert error.code == (row.code or error.code)
    assert error.retryable is (row.attempts > 1 if row.retryable is None else row.retryable)
    assert len(fake.requests) == row.attempts
    assert took < row.seconds


@pytest.mark.parametrize("row", PASSING.values(), ids=PASSING)
async def test_a_fault_that_passes_costs_one_more_attempt(row: Row) -> None:
    async with planted() as fake, client(fake, retry_config=RetryConfig()) as tested:
        fake.push(row.answer)
        assert (await tested.process_code(CODE)).findings
    assert len(fake.requests) == 2


async def test_a_lone_surrogate_is_replaced_before_it_is_sent() -> None:
    async with planted() as fake, client(fake) as tested:
        assert (await tested.process_code(CODE + "x = '\ud800'\n")).findings
    assert "x = '⟦U+D800⟧'" in fake.requests[0].prompt.text
