"""What a provider says about its limits in the headers of an answer (``x-ratelimit-*``), if that makes sense.

Servers and the proxies before them send all sorts of things. What cannot be true is treated as not said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST_LIMIT = 1e12
_LONGEST_RESET = 32 * 86_400.0
"""Seconds. Limits may be by the month; a larger number is a date, not a duration."""
_LONGEST_TEXT = 32
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:d|h|ms|m|s|us|µs|ns))+")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(d|h|ms|m|s|us|µs|ns)")
_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


@dataclass(frozen=True, slots=True)
class Observed:
    """One answer's word on both limits; ``None`` where nothing, or nothing possible, was said."""

    limit_requests: float | None = None
    remaining_requests: float | None = None
    reset_requests: float | None = None
    """Seconds until all requests are there again."""
    limit_tokens: float | None = None
    remaining_tokens: float | None = None
    reset_tokens: float | None = None
    """Seconds until all tokens are there again."""


def observed(headers: Mapping[str, str]) -> Observed | None:
    """What these headers (names in lower case) say, or ``None`` if that is nothing. Never raises."""
    seen = Observed(*_dimension(headers, "requests"), *_dimension(headers, "tokens"))
    return None if seen == Observed() else seen


def _dimension(headers: Mapping[str, str], of: str) -> tuple[float | None, float | None, float | None]:
    limit = _number(headers.get(f"x-ratelimit-limit-{of}"))
    remaining = _number(headers.get(f"x-ratelimit-remaining-{of}"))
    if limit is not None and limit < 1:
        limit = None
    if limit is not None and remaining is not None and remaining > limit:
        remaining = None
    return limit, remaining, _duration(headers.get(f"x-ratelimit-reset-{of}"))


def _number(text: str | None) -> float | None:
    if text is None or len(text) > _LONGEST_TEXT or not _NUMBER.fullmatch(text := text.strip()):
        return None
    number = float(text)
    return number if number <= _LARGEST_LIMIT else None


def _duration(text: str | None) -> float | None:
    """Seconds of ``120ms``, ``6m0s``, ``1h2m3.5s`` or a plain number of seconds."""
    if text is None or len(text) > _LONGEST_TEXT:
        return None
    text = text.strip()
    if _NUMBER.fullmatch(text):
        seconds = float(text)
    elif _DURATION.fullmatch(text):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    else:
        return None
    return seconds if seconds <= _LONGEST_RESET else None
