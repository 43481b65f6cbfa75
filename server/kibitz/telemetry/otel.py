"""The metrics for OpenTelemetry: requests by the conventions for generative AI, and kibitz's own beside them.

Only the API is used. Whether anybody exports them, and where to, is said by whoever starts the process, such
as ``opentelemetry-instrument kibitz serve``; without that, recording costs next to nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry.metrics import Observation, get_meter

from kibitz._version import __version__
from kibitz.telemetry.metrics import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import CallbackOptions, Meter

    from kibitz.telemetry.access import Attempt
    from kibitz.telemetry.catalogue import Metrics
    from kibitz.telemetry.metrics import Family, Labels

DURATIONS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""The convention's bounds for seconds."""
TOKENS = tuple(4**power for power in range(14))
"""The same for tokens."""
_UNITS = {"seconds": "s", "bytes": "By", "tokens": "{token}", "usd": "{USD}", "": "1"}


class Bridge:
    """Passes on what happens, until it is closed."""

    def __init__(
        self, metrics: Metrics, read: Callable[[Gauge], Family | None], meter: Meter | None = None
    ) -> None:
        """Begin.

        Args:
            metrics: what is passed on.
            read: reads a gauge, from whatever thread; None: it cannot be read now.
            meter: where to; None: whatever the process is set up for.
        """
        self._meter = meter or get_meter("kibitz", __version__)
        self._metrics = metrics
        self._read: Callable[[Gauge], Family | None] = read
        self._duration = self._meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "GenAI operation duration.",
            explicit_bucket_boundaries_advisory=DURATIONS,
        )
        self._first = self._meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            "s",
            "Time to receive the first chunk of a streamed answer.",
            explicit_bucket_boundaries_advisory=DURATIONS,
        )
        self._tokens = self._meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=TOKENS,
        )
        for instrument in metrics:
            self._pass_on(instrument)

    def over(self, attempt: Attempt, kind: str | None) -> None:
        """A request is over, for an error of that ``kind`` if it failed."""
        attributes = _attributes(attempt)
        error = {} if kind is None else {"error.type": kind}
        if kind is None and attempt.outcome != "answered":
            error = {"error.type": attempt.outcome}
        self._duration.record(attempt.seconds, {**attributes, **error})
        if attempt.first_seconds is not None:
            self._first.record(attempt.first_seconds, attributes)
        for token_type, count in (("input", attempt.input_tokens), ("output", attempt.output_tokens)):
            if count is not None:
                self._tokens.record(count, {**attributes, "gen_ai.token.type": token_type})

    def close(self) -> None:
        """Pass on nothing more."""
        self._read = lambda _: None
        for instrument in self._metrics:
            instrument.told = None

    def _pass_on(self, instrument: Counter | Gauge | Histogram) -> None:
        said = instrument.described
        name, unit = otel_name(said.name), _UNITS[said.unit]
        attributes = partial(_named, tuple(f"kibitz.{label}" for label in said.labels))
        match instrument:
            case Counter():
                counter = self._meter.create_counter(name, unit, said.help)
                instrument.told = lambda value, labels: counter.add(value, attributes(labels))
            case Histogram():
                histogram = self._meter.create_histogram(
                    name, unit, said.help, explicit_bucket_boundaries_advisory=instrument.bounds
                )
                instrument.told = lambda value, labels: histogram.record(value, attributes(labels))
            case Gauge():

                def observe(_: CallbackOptions) -> Iterable[Observation]:
                    family = self._read(instrument)
                    numbers = {} if family is None else family.numbers
                    return [Observation(number, attributes(labels)) for labels, number in numbers.items()]

                self._meter.create_observable_gauge(name, [observe], unit, said.help)


def otel_name(name: str) -> str:
    """``kibitz_cost_usd_total`` in OpenTelemetry's style: ``kibitz.cost_usd``."""
    return name.removesuffix("_total").replace("_", ".", 1)


def _named(names: Labels, values: Labels) -> dict[str, str]:
    return dict(zip(names, values, strict=True))


def _attributes(attempt: Attempt) -> dict[str, str | int]:
    parts = urlsplit(attempt.origin)
    azure = (parts.hostname or "").endswith(".openai.azure.com")
    found: dict[str, str | int] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "azure.ai.openai" if azure else "openai",
        "gen_ai.request.model": attempt.model,
        "server.address": parts.hostname or "",
    }
    if parts.port is not None:
        found["server.port"] = parts.port
    return found
