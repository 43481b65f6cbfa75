"""Who reads the metrics of this process from outside: opened, changed and closed as the settings say."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from kibitz.telemetry.targets import announce, withdraw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    from kibitz.config import Settings
    from kibitz.provider.errors import OpenAIError
    from kibitz.telemetry.access import Attempt
    from kibitz.telemetry.catalogue import Metrics
    from kibitz.telemetry.metrics import Family, Gauge
    from kibitz.telemetry.otel import Bridge
    from kibitz.telemetry.prometheus import Endpoint

    T = TypeVar("T")

logger = logging.getLogger(__name__)

READ_S = 2.0
"""So long the event loop may take to be there for a reader."""


class Exports:
    """See the module. Belongs to one event loop."""

    def __init__(self, metrics: Metrics) -> None:
        """Open nothing."""
        self._metrics = metrics
        self._ports: str | None = None
        self._endpoint: Endpoint | None = None
        self._target: Path | None = None
        self._bridge: Bridge | None = None
        self._loop = asyncio.get_running_loop()
        self._changing = asyncio.Lock()

    @property
    def url(self) -> str:
        """Where Prometheus can read; empty: nowhere."""
        return "" if self._endpoint is None else self._endpoint.url

    def over(self, attempt: Attempt, error: OpenAIError | None) -> None:
        """A request is over."""
        if self._bridge is not None:
            from kibitz.provider.recorder import kind_of  # noqa: PLC0415 - it is what calls this

            self._bridge.over(attempt, None if error is None else kind_of(error))

    async def use(self, settings: Settings) -> str:
        """Let those read that the settings name; why one of them cannot, or nothing."""
        async with self._changing:
            problems = [await self._prometheus(settings.prometheus_ports), self._opentelemetry(settings)]
        return "; ".join(filter(None, problems))

    async def aclose(self) -> None:
        """Nobody reads any more."""
        async with self._changing:
            await self._prometheus(None)
            if self._bridge is not None:
                self._bridge.close()
                self._bridge = None

    async def _prometheus(self, ports: str | None) -> str:
        if ports == self._ports:
            return ""
        endpoint, target, self._ports = self._endpoint, self._target, ports
        self._endpoint = self._target = None
        if target is not None:
            await asyncio.to_thread(withdraw, target)
        if endpoint is not None:
            await asyncio.to_thread(endpoint.close)
        if ports is None:
            return ""
        try:
            self._endpoint = await asyncio.to_thread(self._opened, ports)
        except ImportError:
            return (
                "Prometheus cannot read the metrics (setting prometheus_ports): the extra is missing. "
                "Install it: pip install 'kibitz[prometheus]'"
            )
        except OSError as error:
            self._ports = None  # It is tried again when the settings are read again.
            return (
                f"Prometheus cannot read the metrics on the ports {ports}: {error.strerror}. Name others "
                "with the setting prometheus_ports"
            )
        logger.warning("metrics for Prometheus are at %s", self._endpoint.url)
        try:
            self._target = await asyncio.to_thread(announce, "127.0.0.1", self._endpoint.port)
        except OSError as error:
            return f"where Prometheus can read the metrics is not written down: {error.strerror}"
        return ""

    def _opened(self, ports: str) -> Endpoint:
        from kibitz.telemetry.prometheus import Endpoint  # noqa: PLC0415 - few want it

        return Endpoint(lambda: self._on_loop(self._metrics.families), ports_of(ports))

    def _opentelemetry(self, settings: Settings) -> str:
        if settings.opentelemetry == (self._bridge is not None):
            return ""
        if self._bridge is not None:
            self._bridge.close()
            self._bridge = None
            return ""
        try:
            from kibitz.telemetry.otel import Bridge  # noqa: PLC0415 - few want it
        except ImportError:
            return (
                "the metrics are not passed on to OpenTelemetry (setting opentelemetry): the extra is "
                "missing. Install it: pip install 'kibitz[otel]'"
            )
        self._bridge = Bridge(self._metrics, self._gauge)
        return ""

    def _gauge(self, gauge: Gauge) -> Family | None:
        try:
            return self._on_loop(gauge.family)
        except (TimeoutError, RuntimeError):
            return None

    def _on_loop(self, read: Callable[[], T]) -> T:
        """What is measured belongs to the event loop; those who read have threads of their own.

        Raises:
            TimeoutError: the event loop has no time.
            RuntimeError: it is not there any more.
        """
        if self._loop.is_closed():
            raise RuntimeError("the event loop is closed")

        async def reading() -> T:
            return read()

        asked = asyncio.run_coroutine_threadsafe(reading(), self._loop)
        try:
            return asked.result(READ_S)
        except TimeoutError:
            asked.cancel()
            raise


def ports_of(ports: str) -> range:
    """What the setting says: ``any``, one port, or the first free one of a range."""
    first, _, last = ("0" if ports == "any" else ports).partition("-")
    return range(int(first), int(last or first) + 1)
