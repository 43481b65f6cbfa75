"""Writes down what happens between kibitz and its providers: numbers for the metrics, lines into the log.

A line has a request's model, numbers and codes; never what was asked or answered, and never a key.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kibitz.telemetry.catalogue import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.provider.errors import OpenAIError
    from kibitz.provider.fallback import Step
    from kibitz.provider.keys.consent import ConsentNeeded
    from kibitz.provider.models import Usage
    from kibitz.telemetry.access import Attempt

logger = logging.getLogger(__name__)

_TOO_MANY = 429
"""HTTP's number for too many requests."""


class Recorder:
    """An ``Observer``."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        self.on_step: Callable[[Step], None] | None = None
        """Is told when something else is asked than before."""
        self.on_consent: Callable[[ConsentNeeded], None] | None = None
        """Is told when a key was not sent for want of its owner's consent."""
        self.on_failure: Callable[[OpenAIError], None] | None = None
        """Is told of every request that failed, also if it is tried again."""
        self.on_over: Callable[[Attempt, OpenAIError | None], None] | None = None
        """Is told of every request when it is over."""
        self.metrics = metrics or Metrics()

    def admitted(self, *, model: str, waited: float) -> None:
        """See ``Observer``."""
        self.metrics.waits.observe(waited, model)

    def over(self, attempt: Attempt, error: OpenAIError | None) -> None:
        """See ``Observer``."""
        metrics, model, purpose = self.metrics, attempt.model, attempt.purpose
        outcome = attempt.outcome if error is None else kind_of(error)
        metrics.requests.add(model, purpose, outcome)
        metrics.latency.observe(attempt.seconds, model, purpose)
        if attempt.status == _TOO_MANY:
            metrics.rate_limited.add(model)
        if self.on_over is not None:
            self.on_over(attempt, error)

    def answered(self, *, model: str, seconds: float, usage: Usage, request_id: str | None) -> None:
        """See ``Observer``."""
        self.measure(model, usage)
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
        self.measure(model, usage)
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
        self.measure(model, usage)

    def retrying(self, error: OpenAIError, *, wait: float) -> None:
        """See ``Observer``."""
        self.metrics.retries.add(kind_of(error) if error.status is None else f"http_{error.status}")
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

    def measure(self, model: str, usage: Usage) -> None:
        """Count what a request used among the metrics, and in no book."""
        metrics = self.metrics
        metrics.tokens.add(model, "input", amount=usage.input_tokens)
        metrics.tokens.add(model, "cached", amount=usage.cached_tokens)
        metrics.tokens.add(model, "cache_write", amount=usage.cache_write_tokens)
        metrics.tokens.add(model, "output", amount=usage.output_tokens)
        metrics.tokens.add(model, "reasoning", amount=usage.reasoning_tokens)
        if usage.cost_usd is not None:
            metrics.cost.add(model, amount=float(usage.cost_usd))
        elif usage.requests:
            metrics.unpriced.add(model, amount=usage.requests)


def kind_of(error: OpenAIError) -> str:
    """Which of the five kinds it is, as a label: ``rate_limit_exceeded``."""
    return error.kind.lower().replace(" ", "_")


def _write(level: int, event: str, **fields: object) -> None:
    """One line; in the order of the words that matter for those who read a log without a tool."""
    known = {name: value for name, value in fields.items() if value is not None}
    logger.log(level, event, extra={"fields": known})
