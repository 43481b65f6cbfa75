"""Every way in which a provider misbehaves, through the real SDK and a real socket."""

from __future__ import annotations

import asyncio
import email.utils
import json
import socket
import time
import traceback
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import openai
import pytest
from pydantic import SecretStr
from tests.provider.clients import CANARY, CODE, client
from tests.support import fake_faults
from tests.support.fake_provider import Answer, FakeProvider, Reply

from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import OpenAIConfig, RetryConfig
from kibitz.provider.errors import (
    APIError,
    ConfigError,
    InvalidResponse,
    OpenAIError,
    RateLimitExceeded,
    Timeout,
)

if TYPE_CHECKING:
    from tests.support.fake_faults import Fault

APIS = ("chat", "responses")
SECRET_LINE = "    return sum(values) / len(value)"


def whole(error: BaseException) -> str:
    """All that printing an error in any way could show."""
    shown = traceback.format_exception(error)
    link: BaseException | None = error
    while link is not None:
        shown += [str(link), repr(link), repr(link.args)]
        link = link.__cause__ or link.__context__
    return "\n".join([*shown, repr(vars(error))])


async def failure(answer: Answer, api: str = "chat", **changes: Any) -> OpenAIError:
    """The error of a review whose only request gets this answer."""
    async with FakeProvider() as fake, client(fake, api=api, **changes) as tested:
        fake.push(answer)
        with pytest.raises(OpenAIError) as caught:
            await tested.process_code(CODE)
    error = caught.value
    assert CANARY not in whole(error)
    assert SECRET_LINE not in whole(error)
    return error


STATUS: list[tuple[Fault, type[OpenAIError], bool, str]] = [
    (fake_faults.status(400), APIError, False, "refused the request with status 400"),
    (fake_faults.status(400, "context_length_exceeded"), APIError, False, "max_request_tokens"),
    (
        fake_faults.status(400, message="This model's maximum context length is 8192 tokens"),
        APIError,
        False,
        "max_request_tokens",
    ),
    (fake_faults.status(401), ConfigError, False, "setting api_key"),
    (fake_faults.echo_key(401), ConfigError, False, "setting api_key"),
    (fake_faults.echo_key(403), ConfigError, False, "permissions"),
    (fake_faults.echo_key(400), APIError, False, "status 400"),
    (fake_faults.echo_key(500), APIError, True, "status 500"),
    (fake_faults.status(403), ConfigError, False, "setting model"),
    (fake_faults.status(404), ConfigError, False, "setting model"),
    (fake_faults.status(404, "not_found", message="nothing here"), ConfigError, False, "base_url"),
    (fake_faults.status(408), APIError, True, "try again"),
    (fake_faults.status(409), APIError, True, "try again"),
    (fake_faults.status(413), APIError, False, "max_request_tokens"),
    (fake_faults.status(422), APIError, False, "status 422"),
    (fake_faults.status(429), RateLimitExceeded, True, "requests_per_minute"),
    (fake_faults.status(429, "insufficient_quota"), RateLimitExceeded, False, "billing"),
    (fake_faults.status(429, "project_spend_limit_exceeded"), RateLimitExceeded, False, "billing"),
    (
        fake_faults.status(429, "insufficient_quota", headers={"x-should-retry": "true"}),
        RateLimitExceeded,
        False,
        "billing",
    ),
    (fake_faults.status(500), APIError, True, "try again later"),
    (fake_faults.status(500, headers={"x-should-retry": "false"}), APIError, False, "status 500"),
    (fake_faults.status(400, headers={"x-should-retry": "true"}), APIError, True, "status 400"),
    (fake_faults.status(501), APIError, False, "status 501"),
    (fake_faults.html(502), APIError, True, "status 502"),
    (fake_faults.status(503), APIError, True, "status 503"),
    (fake_faults.redirect("http://127.0.0.1:9/v1"), APIError, False, "redirects"),
    (fake_faults.redirect("/v1/elsewhere", 302), APIError, False, "redirects"),
]

WIRE: list[tuple[Answer, type[OpenAIError], bool, str]] = [
    (fake_faults.body("{nope"), InvalidResponse, True, "not valid JSON"),
    (fake_faults.body(""), InvalidResponse, True, "not valid JSON"),
    (fake_faults.body(b"\xff\xfe"), InvalidResponse, True, "not valid JSON"),
    (fake_faults.body("[" * 100_000), InvalidResponse, True, "not valid JSON"),
    (fake_faults.body('{"a": 1, "a": 2}'), InvalidResponse, True, "not valid JSON"),
    (fake_faults.body('{"a": NaN}'), InvalidResponse, True, "not valid JSON"),
    (fake_faults.html(), InvalidResponse, True, "web page"),
    (fake_faults.body("{}"), InvalidResponse, True, "not a"),
    (fake_faults.body("[]"), InvalidResponse, True, "not a"),
    (fake_faults.body('"text"'), InvalidResponse, True, "not a"),
    (fake_faults.body('{"choices": null, "output": null}'), InvalidResponse, True, "not a"),
    (fake_faults.truncated(), APIError, True, "broke"),
    (fake_faults.garbage(), APIError, True, "broke"),
    (fake_faults.reset(), APIError, True, "broke"),
    (fake_faults.gzip_bomb(20_000_000), InvalidResponse, False, "larger than 1048576 bytes"),
    (fake_faults.body(" " * 1_048_577), InvalidResponse, False, "larger than 1048576 bytes"),
]

MODEL: list[tuple[Answer, type[OpenAIError], bool, str]] = [
    (Reply("", refusal="I cannot"), InvalidResponse, False, "refused"),
    (Reply('{"findings": [', finish="length"), InvalidResponse, False, "max_tokens"),
    (Reply('{"findings": []}', finish="content_filter"), InvalidResponse, False, "content filter"),
    (Reply(""), InvalidResponse, True, "empty"),
    (Reply("I found no bugs."), InvalidResponse, True, "schema"),
    (Reply('{"findings": {}}'), InvalidResponse, True, "schema"),
    (Reply('{"findings": [], "findings": []}'), InvalidResponse, True, "schema"),
    (Reply('{"findings": [NaN]}'), InvalidResponse, True, "schema"),
    (Reply("[" * 5000), InvalidResponse, True, "schema"),
    (Reply(json.dumps({CANARY: SECRET_LINE})), InvalidResponse, True, "schema"),
]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("answer", "kind", "retryable", "says"), [*STATUS, *WIRE, *MODEL])
async def test_every_fault_becomes_one_of_the_five_errors(
    answer: Answer,
    kind: type[OpenAIError],
    retryable: bool,
    says: str,
    api: str,
) -> None:
    error = await failure(answer, api)
    assert type(error) is kind
    assert says in error.message
    assert error.retryable is retryable
    assert str(error).startswith(f"{kind.kind}: ")


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


@pytest.mark.parametrize("fault", [fake_faults.hang(), fake_faults.slow_loris()])
@pytest.mark.parametrize("api", APIS)
async def test_no_answer_before_the_deadline_is_a_timeout(fault: Fault, api: str) -> None:
    started = time.monotonic()
    error = await failure(fault, api, timeout_ms=300)
    assert isinstance(error, Timeout)
    assert error.after_ms == 300
    assert "300 ms" in error.message
    assert time.monotonic() - started < 5


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


async def test_a_server_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    async with OpenAIClient(OpenAIConfig(base_url=url, retry_config=RetryConfig(max_retries=0))) as tested:
        with pytest.raises(APIError, match="check that the server runs") as caught:
            await tested.process_code(CODE)
    assert caught.value.retryable
    assert caught.value.code == "unreachable"


async def test_a_name_that_does_not_resolve() -> None:
    config = OpenAIConfig(
        base_url="https://no-such-host.invalid/v1",
        api_key=SecretStr(CANARY),
        retry_config=RetryConfig(max_retries=0),
    )
    async with OpenAIClient(config) as tested:
        with pytest.raises(APIError, match="check the network") as caught:
            await tested.process_code(CODE)
    assert CANARY not in whole(caught.value)


async def test_speaking_tls_to_a_server_that_does_not() -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    config = OpenAIConfig(
        base_url=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1",
        api_key=SecretStr(CANARY),
        retry_config=RetryConfig(max_retries=0),
    )
    async with server, OpenAIClient(config) as tested:
        with pytest.raises(APIError, match="encrypted") as caught:
            await tested.process_code(CODE)
    assert not caught.value.retryable
    assert CANARY not in whole(caught.value)


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
