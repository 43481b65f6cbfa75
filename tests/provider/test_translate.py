"""What cannot be provoked over loopback; all else is in test_faults."""

from __future__ import annotations

import ssl

import httpx2
import openai
import pytest
from pydantic import SecretStr

from kibitz.provider import transport
from kibitz.provider.config import OpenAIConfig
from kibitz.provider.errors import APIError, ConfigError, OpenAIError, Timeout
from kibitz.provider.translate import quotable, translate

CONFIG = OpenAIConfig(api_key=SecretStr("sk-test-12345678"))
REQUEST = httpx2.Request("POST", "https://api.openai.com/v1/responses")


def connection_error(cause: BaseException) -> openai.APIConnectionError:
    error = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = cause
    return error


def test_a_certificate_that_is_not_trusted() -> None:
    inner = ssl.SSLCertVerificationError("certificate verify failed")
    outer = httpx2.ConnectError("x")
    outer.__context__ = inner
    error = translate(connection_error(outer), CONFIG)
    assert isinstance(error, ConfigError)
    assert "certificate of api.openai.com is not trusted" in error.message


def test_a_connection_that_nobody_answers() -> None:
    timeout = openai.APITimeoutError(REQUEST)
    timeout.__cause__ = httpx2.ConnectTimeout("x")
    error = translate(timeout, CONFIG)
    assert isinstance(error, APIError)
    assert error.retryable
    assert "does not answer" in error.message


@pytest.mark.parametrize("raised", [openai.APITimeoutError(REQUEST), TimeoutError()])
def test_timeouts(raised: Exception) -> None:
    error = translate(raised, CONFIG)
    assert isinstance(error, Timeout)
    assert error.after_ms == 60_000


def test_a_request_that_cannot_be_written() -> None:
    error = translate(connection_error(httpx2.LocalProtocolError("Illegal header")), CONFIG)
    assert isinstance(error, ConfigError)


def test_a_request_to_another_origin() -> None:
    error = translate(transport.Refused(transport.WRONG_ORIGIN), CONFIG)
    assert isinstance(error, APIError)
    assert not error.retryable


@pytest.mark.parametrize("raised", [RuntimeError("sk-x"), RecursionError(), KeyError("a")])
def test_what_nobody_expects_is_named_by_its_type_only(raised: Exception) -> None:
    error = translate(raised, CONFIG)
    assert type(error) is APIError
    assert type(raised).__name__ in error.message
    assert "sk-x" not in error.message


def test_our_own_errors_stay_as_they_are() -> None:
    error = OpenAIError("x")
    assert translate(error, CONFIG) is error


def test_quotes_are_short_plain_and_no_echo() -> None:
    assert quotable("a\n\tb\u202e c", "") == "a b c"
    assert len(quotable("x y" * 200, "")) <= 200
    assert quotable("bad: def secret_function(): pass", "def secret_function(): pass") == ""
    assert quotable("short", "short") == "short"
    assert "sk-" not in quotable("key sk-abcdefghijkl", "")
