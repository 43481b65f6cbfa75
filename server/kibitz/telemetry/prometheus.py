"""The metrics for Prometheus: text over HTTP, to this machine alone.

A thread of its own answers, one request at a time; what is measured is read on the event loop, by ``read``.
It listens on 127.0.0.1 only, and answers only to whoever calls it so: a page in a browser can have its own
name point here (DNS rebinding), but it cannot send another ``Host`` than that name.
"""

from __future__ import annotations

import errno
import logging
import os
import socketserver
import threading
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from kibitz.telemetry.metrics import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from wsgiref.types import StartResponse, WSGIEnvironment

    from prometheus_client.metrics_core import Metric

    from kibitz.telemetry.metrics import Family

logger = logging.getLogger(__name__)

ADDRESS = "127.0.0.1"
PATH = "/metrics"
PATIENCE_S = 5.0
"""So long a caller may take to say what it wants, and to take the answer."""
_TEXT = ("Content-Type", "text/plain; charset=utf-8")


class Endpoint:
    """Answers until it is closed. Opening and closing block: for a thread."""

    def __init__(self, read: Callable[[], Sequence[Family]], ports: Iterable[int]) -> None:
        """Listen on the first of ``ports`` that is free (0: any).

        ``read`` is called in the endpoint's thread.

        Raises:
            OSError: none of them is.
        """
        self._server = _listening(ports)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Reader(read))
        self._server.set_app(_Guarded(make_wsgi_app(registry), self.port))
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="kibitz-prometheus", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{ADDRESS}:{self.port}{PATH}"

    def close(self) -> None:
        """Answer no more; the port is free then."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE_S)


class _Reader(Collector):
    """What is measured, in the client library's words."""

    def __init__(self, read: Callable[[], Sequence[Family]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """See ``Collector``."""
        return map(_translated, self._read())


class _Guarded:
    """The library's application, for those who mean it."""

    def __init__(self, app: Any, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in (ADDRESS, "localhost")}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        if environ.get("HTTP_HOST", "").lower() not in self._hosts:
            start_response("403 Forbidden", [_TEXT])
            return [b"kibitz answers to 127.0.0.1 and localhost only\n"]
        if environ.get("PATH_INFO") != PATH:
            start_response("404 Not Found", [_TEXT])
            return [f"the metrics are at {PATH}\n".encode()]
        try:
            answer: Iterable[bytes] = self._app(environ, start_response)
        except Exception as error:  # noqa: BLE001 - a reader must not hurt what it reads, and is told
            logger.warning("the metrics could not be read: %s", type(error).__name__)
            start_response("503 Service Unavailable", [_TEXT])
            return [b"the metrics cannot be read now\n"]
        return answer


class _Server(WSGIServer):
    # Two servers on one port, of which one hears nothing: that is what it means on Windows.
    allow_reuse_address = os.name == "posix"

    def server_bind(self) -> None:
        """Bind; the library would ask the name service who we are, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller went away; the library would print that."""


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE_S

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nobody wants to know that somebody asked."""


def _listening(ports: Iterable[int]) -> _Server:
    for port in ports:
        try:
            return _Server((ADDRESS, port), _Handler)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "all of the ports are taken")


def _translated(family: Family) -> Metric:
    said = family.described
    if family.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(said.name, said.help, labels=said.labels)
        for labels, found in family.distributions.items():
            bounds = (*map(repr, found.bounds), "+Inf")
            histogram.add_metric(labels, list(zip(bounds, found.cumulative, strict=True)), found.sum)
        return histogram
    of = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    numbers = of(said.name, said.help, labels=said.labels)
    for labels, number in family.numbers.items():
        numbers.add_metric(labels, number)
    return numbers
