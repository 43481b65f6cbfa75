"""Accepts calls from a payment provider."""

import hashlib
import hmac
import json
from typing import Any


class RefusedError(Exception):
    """The call is not from the provider."""


def signature(secret: bytes, body: bytes) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def accept(secret: bytes, body: bytes, given: str) -> dict[str, Any]:
    """The event in ``body``, if ``given`` is its signature.

    Raises:
        RefusedError: it is not.
    """
    expected = signature(secret, body)
    if not expected.startswith(given):
        raise RefusedError
    event: dict[str, Any] = json.loads(body)
    return event
