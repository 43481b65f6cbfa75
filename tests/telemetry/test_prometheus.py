from __future__ import annotations

import http.client
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.prometheus import ADDRESS, Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kibitz.telemetry.metrics import Family


@contextmanager
def endpoint(read: Callable[[], Sequence[Family]], ports: Iterable[int] = (0,)) -> Iterator[Endpoint]:
    opened = Endpoint(read, ports)
    try:
        yield opened
    finally:
        opened.close()


def ask(port: int, path: str = "/metrics", host: str | None = None, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"{ADDRESS}:{port}")
    connection.endheaders()
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_every_metric_is_there_in_prometheus_own_format() -> None:
    metrics = Metrics()
    metrics.requests.add('a "model"\\n', "findings", "answered", amount=3)
    for value in (0.3, 0.3, 200.0):
        metrics.latency.observe(value, "gpt", "findings")
    metrics.breakers.read = lambda: [(("gpt at api", "0a1b"), 2.0)]
    with endpoint(metrics.families) as opened:
        status, text = ask(opened.port)
    assert status == 200
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert set(families) == {each.described.name.removesuffix("_total") for each in metrics}
    (sample,) = families["kibitz_requests"].samples
    assert (sample.name, sample.value) == ("kibitz_requests_total", 3)
    assert sample.labels == {"model": 'a "model"\\n', "purpose": "findings", "outcome": "answered"}
    buckets = {
        sample.labels["le"]: sample.value
        for sample in families["kibitz_request_seconds"].samples
        if sample.name.endswith("_bucket")
    }
    assert (buckets["0.25"], buckets["0.5"], buckets["120.0"], buckets["+Inf"]) == (0, 2, 2, 3)
    totals = {
        sample.name.rpartition("_")[2]: sample.value for sample in families["kibitz_request_seconds"].samples
    }
    assert (totals["count"], totals["sum"]) == (3, 200.6)
    assert families["kibitz_breaker_state"].samples[0].value == 2


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""])
def test_a_page_that_calls_us_by_its_own_name_gets_nothing(host: str) -> None:
    with endpoint(Metrics().families) as opened:
        status, text = ask(opened.port, host=host.format(port=opened.port))
        assert (status, "kibitz_" in text) == (403, False)
        assert ask(opened.port, host=f"LocalHost:{opened.port}")[0] == 200


def test_there_is_nothing_else_and_nothing_to_write_to() -> None:
    with endpoint(Metrics().families) as opened:
        assert ask(opened.port, "/")[0] == 404
        assert ask(opened.port, "/favicon.ico")[0] == 404
        assert ask(opened.port, method="POST")[0] == 405


def test_it_listens_to_this_machine_only() -> None:
    with endpoint(Metrics().families) as opened:
        assert opened._server.socket.getsockname() == ("127.0.0.1", opened.port)
        assert opened.url == f"http://127.0.0.1:{opened.port}/metrics"


def test_of_a_range_the_first_port_that_is_free_is_taken() -> None:
    with endpoint(Metrics().families) as first:
        with endpoint(Metrics().families, (first.port, 0)) as second:
            assert second.port != first.port
            assert ask(first.port)[0] == ask(second.port)[0] == 200
        with pytest.raises(OSError, match="taken"):
            Endpoint(Metrics().families, [first.port])
    with endpoint(Metrics().families, [first.port]) as again:
        assert again.port == first.port


def test_what_cannot_be_read_says_so_and_hurts_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    answers = [TimeoutError("sk-secret"), None]

    def read() -> list[Family]:
        trouble = answers.pop(0)
        if trouble is not None:
            raise trouble
        return Metrics().families()

    with endpoint(read) as opened:
        status, text = ask(opened.port)
        assert (status, "secret" in text) == (503, False)
        assert ask(opened.port)[0] == 200
    assert capfd.readouterr() == ("", "")


def test_a_caller_that_says_nothing_does_not_hold_it_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kibitz.telemetry.prometheus._Handler.timeout", 0.05)
    with endpoint(Metrics().families) as opened, socket.create_connection((ADDRESS, opened.port)):
        assert ask(opened.port)[0] == 200


@pytest.mark.parametrize("sent", [b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n"])
def test_whatever_is_sent_it_answers_the_next(sent: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with endpoint(Metrics().families) as opened:
        with socket.create_connection((ADDRESS, opened.port)) as connection:
            connection.sendall(sent)
            connection.settimeout(10)
            assert b"kibitz_" not in connection.recv(4096)
        assert ask(opened.port)[0] == 200
    assert capfd.readouterr().out == ""
