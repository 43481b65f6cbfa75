"""What else could be asked when a request fails, and why.

The ladder, from what costs nothing to what is worst: another key, the fallback model, the fallback endpoint,
fewer pieces in a request; after that the caller shows what it knew before. Which step can help follows from
what went wrong: another key does not mend a missing model, and another model does not mend a dead network.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from kibitz.provider.errors import (
    ConfigError,
    InvalidResponse,
    OpenAIError,
    RateLimitExceeded,
    Timeout,
)
from kibitz.provider.keys.pool import REFUSED

BREAKER_OPEN = "breaker-open"
"""Code of the error for a request that was not sent, because nearly all before it failed."""
MODEL_MISSING = "model_not_found"
TOO_LARGE = "request_too_large"
"""Code of a refusal because one request alone is more than a minute's tokens."""
BUDGET = "BUDGET"
"""Code of the error for a request that the user's own budget does not allow for. Nothing was sent."""
CONSENT = "consent"
"""Code of the error for a key that the user did not allow to go to an address."""
_REFUSED_KEY = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_NOT_HERE = _REFUSED_KEY | {HTTPStatus.NOT_FOUND}
_OF_THE_NETWORK = frozenset({"unreachable", "certificate", "tls", "redirect"})
_OF_THE_ENDPOINT = _OF_THE_NETWORK | {CONSENT, REFUSED}


class Kind(StrEnum):
    """What a step does."""

    NEXT_KEY = "next key"
    FALLBACK_MODEL = "fallback model"
    FALLBACK_ENDPOINT = "fallback endpoint"
    FEWER_UNITS = "fewer units"
    NO_CONTEXT = "without context"
    MODEL_MISSING = "model missing"
    BREAKER_OPENED = "breaker opened"
    BREAKER_CLOSED = "breaker closed"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Step:
    """One step down the ladder, or back up; for logs, status and (some) for the user."""

    kind: Kind
    why: str
    """The code or the kind of what went wrong, such as ``insufficient_quota``."""
    before: str
    """What was used until then: a model and its endpoint, or a key's fingerprint."""
    after: str
    """What is used now."""
    message: str = ""
    """What the user should know, in plain words; empty: nothing."""


@dataclass(frozen=True, slots=True)
class Remedies:
    """Which steps can help against an error."""

    key: bool = False
    model: bool = False
    endpoint: bool = False


def remedies(error: OpenAIError) -> Remedies:
    """What else could be asked after ``error``. Nothing, where the same request would fail everywhere."""
    match error:
        case RateLimitExceeded() if error.code == BUDGET:
            # It holds for all keys and models; one elsewhere may cost nothing.
            return Remedies(endpoint=True)
        case RateLimitExceeded():
            # Limits and credit belong to a key; another model has limits of its own, but no other purse.
            return Remedies(key=True, model=error.retryable, endpoint=True)
        case ConfigError():
            return _of_settings(error)
        case Timeout():
            return Remedies(model=True, endpoint=True)
        case InvalidResponse():
            return Remedies(model=error.retryable, endpoint=error.retryable)
        case _:
            network = error.code in _OF_THE_NETWORK
            failed = error.retryable or error.code == BREAKER_OPEN
            return Remedies(model=failed and not network, endpoint=failed or network)


def _of_settings(error: ConfigError) -> Remedies:
    is_missing = error.code == MODEL_MISSING
    other_model = is_missing or error.status == HTTPStatus.FORBIDDEN
    elsewhere = error.code in _OF_THE_ENDPOINT or error.status in _NOT_HERE
    return Remedies(error.status in _REFUSED_KEY, other_model, elsewhere or is_missing)


def why(error: OpenAIError) -> str:
    """An error in one word."""
    return error.code or (str(error.status) if error.status else error.kind)
