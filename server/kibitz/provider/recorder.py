"""Writes down what happens between kibitz and its providers: counts into the daybook, lines into the log.

A line has a request's model, numbers and codes; never what was asked or answered, and never a key.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kibitz.telemetry.daybook import Counts

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.provider.errors import OpenAIError
    from kibitz.provider.fallback import Step
    from kibitz.provider.keys.consent import ConsentNeeded
    from kibitz.provider.models import Usage
    from kibitz.telemetry.daybook import Daybook

logger = logging.getLogger(__name__)


class Recorder:
    """An ``Observer``."""

    def __init__(self, daybook: Daybook) -> None:
        self.on_step: Callable[[Step], None] | None = None
        """Is told when something else is asked than before."""
        self.on_consent: Callable[[ConsentNeeded], None] | None = None
        """Is told when a key was not sent for want of its owner's consent."""
        self.on_failure: Callable[[OpenAIError], None] | None = None
        """Is told of every request that failed, also if it is tried again."""
        self._daybook = daybook

    def answered(self, *, model: str, seconds: float, usage: Usage, request_id: str | None) -> None:
        """See ``Observer``."""
        self._daybook.add(model, _counts(usage))
        _write(
            logging.INFO,
            "request answered",
            model=model,
            seconds=round(seconds, 3),
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            output_tokens=usage.output_tokens,
            request_id=request_id,
        )

    def failed(self, error: OpenAIError, *, model: str, seconds: float, usage: Usage) -> None:
        """See ``Observer``."""
        self._daybook.add(model, _counts(usage, failed=1))
        _write(
            logging.INFO,
            "request failed",
            model=model,
            seconds=round(seconds, 3),
            error=error.kind,
            code=error.code,
            status=error.status,
            request_id=error.request_id,
        )
        if self.on_failure is not None:
            self.on_failure(error)

    def taken(self, usage: Usage, *, model: str) -> None:
        """An answer was taken from a batch."""
        self._daybook.add(model, _counts(usage))

    def retrying(self, error: OpenAIError, *, wait: float) -> None:
        """See ``Observer``."""
        _write(logging.INFO, "request tried again", error=error.kind, code=error.code, wait=round(wait, 3))

    def stepped(self, step: Step) -> None:
        """See ``Observer``."""
        _write(
            logging.WARNING,
            f"provider: {step.kind.value}",
            why=step.why,
            before=step.before,
            after=step.after,
        )
        if self.on_step is not None:
            self.on_step(step)

    def unconsented(self, error: ConsentNeeded) -> None:
        """See ``Observer``."""
        _write(logging.INFO, "key not sent without consent", place=error.place, origin=error.origin)
        if self.on_consent is not None:
            self.on_consent(error)


def _counts(usage: Usage, *, failed: int = 0) -> Counts:
    return Counts(
        requests=usage.requests,
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cost_usd=usage.cost_usd,
        failed=failed,
    )


def _write(level: int, event: str, **fields: object) -> None:
    """One line; in the order of the words that matter for those who read a log without a tool."""
    known = {name: value for name, value in fields.items() if value is not None}
    logger.log(level, event, extra={"fields": known})
