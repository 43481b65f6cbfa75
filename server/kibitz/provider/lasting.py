"""Which failures the same question would meet again for certain: those are worth remembering.

Whatever a network, a limit, a key, a setting or a server that fails may change is none of them, and neither
is a failure that several pieces share: which of them is the trouble is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.provider.errors import APIError, InvalidResponse

if TYPE_CHECKING:
    from kibitz.provider.errors import OpenAIError

REFUSALS = frozenset(
    {"refusal", "content_filter", "content_policy_violation", "invalid_prompt", "string_above_max_length"}
)
"""Codes that say that the model or a filter in front of it does not take what a request holds."""
_TOO_LONG = frozenset({"length", "context_length_exceeded"})
_ABOUT_THE_REQUEST = frozenset({400, 422})
"""Statuses of a request that is not as it should be, be it for its input or for a setting."""


def lasting(error: OpenAIError) -> bool:
    """Whether the piece that failed with ``error`` would fail the same way if it were asked about again."""
    if error.pieces != 1 or error.retryable or not isinstance(error, APIError | InvalidResponse):
        return False
    return error.code in REFUSALS | _TOO_LONG or (error.singled_out and _rejects(error))


def may_be_one_piece(error: OpenAIError) -> bool:
    """Whether a single piece may be why all that share its request failed."""
    if error.retryable or not isinstance(error, APIError | InvalidResponse):
        return False
    return error.code in REFUSALS or _rejects(error)


def _rejects(error: OpenAIError) -> bool:
    """Whether the provider rejects what was sent, without saying what of it."""
    return isinstance(error, APIError) and error.status in _ABOUT_THE_REQUEST
