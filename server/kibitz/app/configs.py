"""The client's view of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from kibitz.findings.dialogue import Marks
from kibitz.local import weights
from kibitz.local.engine import Endpoint
from kibitz.local.errors import LocalModelError
from kibitz.local.models import MODELS
from kibitz.provider.config import OpenAIConfig, RetryConfig
from kibitz.provider.errors import ConfigError

if TYPE_CHECKING:
    from typing import Any

    from kibitz.app.choice import Choice
    from kibitz.config import Settings

LOCAL_TIMEOUT_MS = 600_000
"""For one answer of the embedded model, where the user sets no other: a busy laptop takes minutes."""
_UNLIMITED = 1_000_000
"""Requests and tokens per minute cost nothing on this machine."""


def known_config(settings: Settings, choice: Choice) -> OpenAIConfig:
    """What is known before anything is started: all but where the embedded model will answer.

    Raises:
        ConfigError: settings that are each right do not go together, or name a model that there is not.
    """
    if choice.provider == "openai":
        return remote_config(settings, choice)
    try:
        model = weights.find(settings.local_model)
    except LocalModelError as error:
        raise ConfigError(str(error)) from error
    return local_config(settings, choice, Endpoint("http://127.0.0.1:1/v1", "not-started", model.name))


def remote_config(settings: Settings, choice: Choice) -> OpenAIConfig:
    """The client's view of the settings, for an API.

    Raises:
        ConfigError: settings that are each right do not go together.
    """
    fields = _common(settings, choice)
    if "reasoning_effort" in settings.model_fields_set:
        fields["reasoning_effort"] = settings.reasoning_effort
    return OpenAIConfig(
        **fields,
        api_key=settings.api_key,
        base_url=settings.base_url,
        model=settings.model,
        fallback_model=settings.fallback_model,
        fallback_base_url=settings.fallback_base_url,
        verify_model=settings.verify_model,
        trust_env=settings.trust_env,
        api=settings.api,
        timeout_ms=settings.timeout_ms,
        requests_per_minute=settings.requests_per_minute,
        tokens_per_minute=settings.tokens_per_minute,
        max_concurrency=settings.max_concurrency,
    )


def local_config(settings: Settings, choice: Choice, endpoint: Endpoint) -> OpenAIConfig:
    """The same for the embedded model: its own address and key, no limits but one request at a time."""
    chosen = "timeout_ms" in settings.model_fields_set
    fields = _common(settings, choice)
    # Question and answer share the model's context, with room for the estimate to be wrong.
    half = settings.local_context // 2
    model = MODELS.get(endpoint.model)
    fields["max_tokens"] = min(settings.max_tokens, half)
    fields["max_request_tokens"] = min(settings.max_request_tokens, half)
    return OpenAIConfig(
        **fields,
        api_key=SecretStr(endpoint.api_key),
        base_url=endpoint.base_url,
        model=endpoint.model,
        api="chat",
        timeout_ms=settings.timeout_ms if chosen else LOCAL_TIMEOUT_MS,
        requests_per_minute=_UNLIMITED,
        tokens_per_minute=_UNLIMITED * 1000,
        max_concurrency=endpoint.max_concurrency,
        infill=Marks(*model.infill) if model and model.infill else None,
    )


def _common(settings: Settings, choice: Choice) -> dict[str, Any]:
    return {
        "review": choice.review,
        "verify": settings.verify,
        "max_tokens": settings.max_tokens,
        "temperature": settings.temperature,
        "max_request_tokens": settings.max_request_tokens,
        "retry_config": RetryConfig(
            max_retries=settings.max_retries,
            initial_backoff_ms=settings.initial_backoff_ms,
            max_backoff_ms=max(settings.max_backoff_ms, settings.initial_backoff_ms),
        ),
    }
