from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr
from tests.support import canary

from kibitz.provider.config import OpenAIConfig, RetryConfig
from kibitz.provider.errors import ConfigError

CANARY = canary.KEY


def test_defaults_are_the_documented_ones() -> None:
    config = OpenAIConfig()
    assert (config.model, config.max_tokens, config.temperature, config.timeout_ms) == (
        "gpt-6-luna",
        4096,
        None,
        60_000,
    )
    assert config.retry_config == RetryConfig(max_retries=2, initial_backoff_ms=500, max_backoff_ms=20_000)
    assert config.endpoint.url == "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"timeout_ms": 0}, "timeout_ms"),
        ({"model": ""}, "model"),
        ({"model": "two words"}, "model"),
        ({"api": "soap"}, "api"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"retry_config": {"max_retries": -1}}, "max_retries"),
        ({"modle": "x"}, "modle"),
        ({"api_key": "short"}, "api_key"),
        ({"api_key": CANARY + "\n"}, "api_key"),
        ({"api_key": CANARY + " x"}, "api_key"),
        ({"api_key": CANARY + "é"}, "api_key"),
        ({"base_url": "ftp://host/v1"}, "base_url"),
        ({"base_url": "api.openai.com/v1"}, "base_url"),
        ({"base_url": "http://api.example.com/v1"}, "https"),
        ({"base_url": f"https://user:{CANARY}@host/v1"}, "user name or password"),
        ({"base_url": f"https://host/v1?key={CANARY}"}, "query"),
        ({"base_url": "https://host:99999/v1"}, "base_url"),
    ],
)
def test_wrong_values_name_their_field_and_never_show_a_key(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named) as caught:
        OpenAIConfig(**fields)
    assert CANARY not in str(caught.value) + repr(caught.value) + str(caught.value.__cause__)
    assert not caught.value.retryable


def test_a_backoff_that_shrinks_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_backoff_ms"):
        RetryConfig(initial_backoff_ms=1000, max_backoff_ms=999)


def test_the_key_does_not_show() -> None:
    config = OpenAIConfig(api_key=SecretStr(CANARY))
    assert CANARY not in repr(config) + str(config) + config.model_dump_json()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "http://localhost:1/v1", "http://[::1]:1/v1"])
def test_plain_http_is_for_this_machine(url: str) -> None:
    assert OpenAIConfig(base_url=url + "/").endpoint.url == url


@pytest.mark.parametrize(
    ("url", "openai", "azure", "responses"),
    [
        ("https://api.openai.com/v1", True, False, True),
        ("https://eu.api.openai.com/v1", True, False, True),
        ("https://mine.openai.azure.com/openai/v1", False, True, True),
        ("https://api.openai.com.evil.example/v1", False, False, False),
        ("https://evil-api.openai.com/v1", False, False, False),
        ("https://openrouter.ai/api/v1", False, False, False),
    ],
)
def test_endpoints_are_known_by_their_host(url: str, openai: bool, azure: bool, responses: bool) -> None:
    endpoint = OpenAIConfig(base_url=url).endpoint
    assert (endpoint.is_openai, endpoint.is_azure, endpoint.speaks_responses) == (openai, azure, responses)


def test_the_default_effort_goes_to_openai_only() -> None:
    assert OpenAIConfig().effort == "low"
    assert OpenAIConfig(base_url="https://other.example/v1").effort is None
    assert OpenAIConfig(base_url="https://other.example/v1", reasoning_effort="low").effort == "low"
    assert OpenAIConfig(reasoning_effort=None).effort is None
