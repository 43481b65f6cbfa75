"""What is measured in this server, and who reads it: the editor, Prometheus, OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kibitz.lsp.fates import Fates
from kibitz.lsp.lag import Lag
from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.metrics_json import as_json

if TYPE_CHECKING:
    from kibitz.app.exports import Exports
    from kibitz.config import Settings
    from kibitz.lsp.clock import Clock
    from kibitz.lsp.session import Session
    from kibitz.provider.errors import OpenAIError
    from kibitz.telemetry.access import Attempt


class Measuring:
    """The metrics of one server, from its begin to its end. Belongs to the event loop."""

    def __init__(self, clock: Clock) -> None:
        self.metrics = Metrics()
        self.lag = Lag(clock, self.metrics.lag)
        self.fates = Fates(self.metrics.findings)
        self._exports: Exports | None = None

    def watch(self, session: Session) -> None:
        """Measure what goes on there."""
        session.publisher.on_publish = self.fates.look
        session.publisher.on_clear = self.fates.forget
        session.reviews.on_first_finding = self.metrics.first_finding.observe

    async def use(self, settings: Settings) -> str:
        """Let those read that the settings name; why one of them cannot, or nothing."""
        if self._exports is None:
            if settings.prometheus_ports is None and not settings.opentelemetry:
                return ""
            from kibitz.app.exports import Exports  # noqa: PLC0415 - few want it

            self._exports = Exports(self.metrics)
        return await self._exports.use(settings)

    def over(self, attempt: Attempt, error: OpenAIError | None) -> None:
        """A request is over."""
        if self._exports is not None:
            self._exports.over(attempt, error)

    def as_json(self) -> dict[str, Any]:
        """All of it, and where it can be scraped."""
        return {
            "metrics": as_json(self.metrics.families()),
            "prometheus": (self._exports.url or None) if self._exports is not None else None,
        }

    async def close(self) -> None:
        """Measure and tell no more."""
        self.lag.stop()
        if self._exports is not None:
            await self._exports.aclose()
