"""Why a finding was not looked at again, in the few words that fit into a diagnostic."""

from __future__ import annotations

from kibitz.provider.errors import (
    APIError,
    ConfigError,
    InvalidResponse,
    OpenAIError,
    RateLimitExceeded,
    Timeout,
)

_BY_CODE = {
    "breaker-open": "provider is failing",
    "certificate": "certificate not trusted",
    "connection": "connection broke",
    "consent": "key not allowed",
    "content_filter": "provider's filter refused",
    "invalid_api_key": "key not accepted",
    "model_not_found": "model not found",
    "refusal": "model refused it",
    "tls": "no secure connection",
    "unreachable": "provider not reachable",
}
_BY_KIND: dict[type[OpenAIError], str] = {
    Timeout: "no answer in time",
    InvalidResponse: "answer was unusable",
    ConfigError: "settings need you",
    RateLimitExceeded: "rate limit reached",
    APIError: "request was refused",
}
_KEY_REFUSED, _SERVER_FAILED = 401, 500


def reason(error: Exception) -> str:
    """What kept the review from its answer; three words or so, never a message of the provider's."""
    if not isinstance(error, OpenAIError):
        return "kibitz itself failed"
    code = "invalid_api_key" if error.status == _KEY_REFUSED else error.code
    if code in _BY_CODE:
        return _BY_CODE[code]
    if isinstance(error, RateLimitExceeded) and not error.retryable:
        return "no credit left"
    if isinstance(error, APIError) and (error.status or 0) >= _SERVER_FAILED:
        return "provider is failing"
    return _BY_KIND.get(type(error), "request was refused")
