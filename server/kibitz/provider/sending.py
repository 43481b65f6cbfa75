"""A request that goes out: with what, and what came of it for the books."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from kibitz.provider import pricing
from kibitz.provider.models import Usage
from kibitz.provider.purse import Planned
from kibitz.telemetry.access import Attempt

if TYPE_CHECKING:
    from kibitz.provider import wire
    from kibitz.provider.calibration import Calibration
    from kibitz.provider.errors import OpenAIError
    from kibitz.provider.keys.key import Key
    from kibitz.provider.lanes import Lane
    from kibitz.provider.limits.permit import Permit
    from kibitz.provider.meter import Meter
    from kibitz.provider.purse import Hold
    from kibitz.provider.target import Target


@dataclass(frozen=True, slots=True)
class Expected:
    """Tokens that a request is expected to take."""

    raw: int
    """Of the input, by the estimate alone."""
    input: int
    """As learnt since."""
    output: int
    bound: int
    """Of the output: it cannot be longer."""

    @property
    def tokens(self) -> int:
        """Input and output."""
        return self.input + self.output


@dataclass(slots=True)
class Sending:
    """A request that goes out now."""

    target: Target
    key: Key | None
    lane: Lane
    permit: Permit
    expected: Expected
    started: float
    meter: Meter
    purpose: str
    hold: Hold | None = None
    """What is held of the budget for it."""
    lost: Usage = field(default_factory=Usage)
    """What it used if no answer came."""
    used: Usage | None = None
    """What it used, by its answer."""
    request_id: str | None = None
    """Its id at the provider."""

    def settle(self, took: Usage | None, error: OpenAIError | None = None) -> None:
        """Book what it took, and what went wrong."""
        if self.hold is not None and took is not None:
            trouble = "" if error is None else str(error.status) if error.status else outcome_of(error)
            self.hold.settle(took, failed=error is not None, trouble=trouble)

    @property
    def _first_seconds(self) -> float | None:
        at = self.meter.first_at
        return at - self.started if at is not None and self.meter.streams else None

    def attempt(self, outcome: str, number: int, seconds: float, redactions: int) -> Attempt:
        """What the access log says of it once it is over."""
        used, meter = self.used, self.meter
        return Attempt(
            origin=self.target.config.endpoint.address,
            model=self.target.config.model,
            purpose=self.purpose,
            outcome=outcome,
            seconds=seconds,
            first_seconds=self._first_seconds,
            attempt=number,
            status=meter.status,
            provider_id=self.request_id,
            key=None if self.key is None else self.key.id,
            bytes_out=meter.sent,
            bytes_in=meter.received,
            input_tokens=None if used is None else used.input_tokens,
            cached_tokens=None if used is None else used.cached_tokens,
            output_tokens=None if used is None else used.output_tokens,
            cost_usd=None if used is None else used.cost_usd,
            redactions=redactions,
        )


def expected_of(
    calibration: Calibration, target: Target, question: wire.Question, body: dict[str, object]
) -> Expected:
    """What the request will take, as far as can be known before."""
    bound = body.get("max_output_tokens") or body.get("max_completion_tokens") or body["max_tokens"]
    assert isinstance(bound, int)  # noqa: S101 - body_of wrote it
    model, raw = target.config.model, question.input_tokens
    return Expected(
        raw,
        calibration.input(model, question.language, raw),
        calibration.output(model, question.schema_name, bound),
        bound,
    )


def planned(
    target: Target, key: Key | None, question: wire.Question, most: Usage, *, is_retry: bool, is_asked: bool
) -> Planned:
    """The request, for the purse."""
    config = target.config
    return Planned(
        config.model,
        question.purpose,
        most,
        config.timeout_ms / 1000,
        is_free=config.endpoint.is_loopback,
        is_retry=is_retry,
        is_asked=is_asked,
        origin=config.endpoint.address,
        key="" if key is None else key.id,
        question=0 if question.purpose == "probe" else hash(question.messages),
    )


def estimated(target: Target, input_tokens: int, output_tokens: int) -> Usage:
    """What a request of that size takes, with its price where that is known."""
    config, usage = target.config, Usage(1, input_tokens, output_tokens=output_tokens)
    return replace(usage, cost_usd=pricing.cost(config.model, usage, config.endpoint))


def outcome_of(error: OpenAIError) -> str:
    """An error for the access log."""
    return error.code or error.kind


def priced(target: Target, answer: wire.Answer) -> Usage:
    """What an answer took, with its price where that is known."""
    if answer.usage is None:
        # It cost something, and nobody says how much.
        return Usage(requests=1)
    config = target.config
    price = pricing.cost(answer.model or config.model, answer.usage, config.endpoint)
    if price is None and answer.model is not None:
        # Servers call models by other names than the price list; the configured one may be known.
        price = pricing.cost(config.model, answer.usage, config.endpoint)
    return replace(answer.usage, cost_usd=price)


def unanswered(target: Target) -> Usage:
    """A request that failed costs nothing, where prices are known at all."""
    price = pricing.cost(target.config.model, Usage(), target.config.endpoint)
    return Usage(requests=1, cost_usd=None if price is None else Decimal(0))
