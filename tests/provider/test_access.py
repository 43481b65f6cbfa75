"""Every request that goes out has its line in the access log, whatever becomes of it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.provider.clients import BUG, CANARY, CODE, KEY_IN_CODE, client, planted
from tests.support import fake_faults
from tests.support.fake_provider import FakeProvider, Reply, reviewer

from kibitz.config import fingerprint
from kibitz.provider.config import RetryConfig
from kibitz.provider.errors import OpenAIError
from kibitz.provider.models import Piece
from kibitz.telemetry import access, security

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.fake_provider import Answer

FIELDS = {
    "ts",
    "mono",
    "request",
    "origin",
    "model",
    "purpose",
    "outcome",
    "attempt",
    "status",
    "provider_id",
    "key",
    "bytes_out",
    "bytes_in",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "cost_usd",
    "redactions",
    "dropped",
    "document",
    "latency_ms",
}
SECRET_CODE = f"{CODE}KEY = '{KEY_IN_CODE}'\n"


class Logs:
    """Both logs, while they are open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = access.open_log(folder), security.open_log(folder)

    def close(self) -> None:
        access.close_log(self._open[0])
        security.close_log(self._open[1])

    def _lines(self, name: str) -> list[dict[str, Any]]:
        self.close()
        path = self._folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def attempts(self) -> list[dict[str, Any]]:
        return self._lines(access.FILE_NAME)

    def events(self) -> list[dict[str, Any]]:
        return self._lines(security.FILE_NAME)

    def written(self) -> str:
        self.close()
        return "".join(path.read_text() for path in self._folder.glob("*.jsonl"))


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Logs]:
    monkeypatch.setattr(security, "_early", [])
    logs = Logs(tmp_path)
    yield logs
    logs.close()


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("early", [True, False])
async def test_an_answer_has_all_its_numbers(logs: Logs, api: str, *, early: bool) -> None:
    async with planted() as fake, client(fake, api=api) as tested:
        with access.about("/home/somebody/secret-project/a.py"):
            batch = await tested.process_pieces(
                [Piece(SECRET_CODE, "python")], on_finding=(lambda *_: None) if early else None
            )
        (line,) = logs.attempts()
        assert line.keys() == FIELDS - ({"cost_usd"} if line.get("cost_usd") is None else set())
        assert line["origin"] == tested.config.endpoint.address
        assert (line["outcome"], line["status"], line["attempt"]) == ("answered", 200, 1)
        assert line["bytes_out"] == len(fake.requests[0].exchange.raw)
        assert line["bytes_in"] > 100
        assert line["input_tokens"] == batch.usage.input_tokens > 0
        assert line["output_tokens"] == batch.usage.output_tokens > 0
        assert line["key"] == fingerprint(CANARY)
        assert line["provider_id"] == batch.request_id
        assert (line["redactions"], line["dropped"]) == (1, 0)
        assert line["latency_ms"] >= 0
        assert len(line["document"]) == 16
    written = logs.written()
    for hidden in (CANARY, KEY_IN_CODE, "secret-project", "len(value)", "Wrong name"):
        assert hidden not in written
    assert [(event["event"], event["places"]) for event in logs.events()] == [("SECRET_REDACTED", 1)]


@pytest.mark.parametrize(
    ("answer", "outcome", "status"),
    [
        (fake_faults.status(503), "server_error", 503),
        (fake_faults.echo_key(401), "invalid_api_key", 401),
        (fake_faults.body("{nope"), "malformed", 200),
        (fake_faults.redirect("http://127.0.0.1:9/v1"), "redirect", 307),
        (fake_faults.reset(), "connection", None),
        (fake_faults.body(" " * 2_000_000), "too-large", 200),
        (Reply('{"findings": {}}'), "malformed", 200),
        (Reply("", refusal="I cannot"), "refusal", 200),
    ],
)
async def test_a_failure_has_its_line_too(
    logs: Logs, answer: Answer, outcome: str, status: int | None
) -> None:
    async with FakeProvider(lambda _: answer) as fake, client(fake) as tested:
        with pytest.raises(OpenAIError) as caught:
            await tested.process_code(CODE)
    lines = logs.attempts()
    assert len(lines) == len(fake.requests)
    assert {(line["outcome"], line.get("status")) for line in lines} == {
        (caught.value.code or caught.value.kind, status)
    }
    assert outcome in {lines[0]["outcome"], "server_error"}
    assert CANARY not in logs.written()


async def test_attempts_are_counted(logs: Logs) -> None:
    async with planted() as fake, client(fake, retry_config=RetryConfig()) as tested:
        fake.push(fake_faults.status(503), fake_faults.status(503))
        await tested.process_code(CODE)
    lines = logs.attempts()
    assert [line["attempt"] for line in lines] == [1, 2, 3]
    assert [line.get("status") for line in lines] == [503, 503, 200]
    assert len({line["request"] for line in lines}) == 3


async def test_what_is_cancelled_has_its_line(logs: Logs) -> None:
    async with planted() as fake, client(fake) as tested:
        await tested.warm()
        fake.gate = asyncio.Event()
        asking = asyncio.create_task(tested.process_code(CODE))
        await fake.seen(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    (line,) = logs.attempts()
    assert (line["outcome"], line["bytes_out"]) == ("cancelled", len(fake.requests[0].exchange.raw))


async def test_items_that_were_not_asked_for_are_counted(logs: Logs) -> None:
    junk = Reply(json.dumps({"findings": [{"rule": "no-such-rule"}, 7]}))
    async with FakeProvider(lambda _: junk) as fake, client(fake) as tested:
        await tested.process_code(CODE)
    assert [line["dropped"] for line in logs.attempts()] == [2]


@pytest.mark.parametrize(
    ("answer", "events"),
    [
        (fake_faults.redirect("http://127.0.0.1:9/v1"), {("REDIRECT_BLOCKED", "redirect")}),
        (fake_faults.body(" " * 2_000_000), {("ANSWER_REFUSED", "too-large")}),
        (fake_faults.gzip_bomb(20_000_000), {("ANSWER_REFUSED", "too-large")}),
        (fake_faults.body("{}", headers={"content-encoding": "br"}), {("ANSWER_REFUSED", "encoding")}),
        (fake_faults.status(401), {("KEY_REFUSED", None)}),
        (fake_faults.status(429, "insufficient_quota"), {("KEY_EXHAUSTED", None)}),
    ],
)
async def test_what_matters_for_security_is_noted(
    logs: Logs, answer: Answer, events: set[tuple[str, str | None]]
) -> None:
    async with FakeProvider(lambda _: answer) as fake, client(fake) as tested:
        with pytest.raises(OpenAIError):
            await tested.process_code(CODE)
    noted = logs.events()
    assert {(event["event"], event.get("reason")) for event in noted} == events
    assert all(event["origin"] == tested.config.endpoint.address for event in noted)


async def test_an_edit_that_none_may_make_is_noted(logs: Logs) -> None:
    hostile = BUG.__class__("len(value)", "len('http://evil.example/')")
    async with FakeProvider(reviewer(hostile)) as fake, client(fake) as tested:
        (finding,) = (await tested.process_code(CODE)).findings
    assert finding.fix is None
    (event,) = logs.events()
    assert (event["event"], event["reason"]) == ("EDIT_REJECTED", "fix-new-address")
    assert "evil" not in logs.written()


def test_without_a_log_nothing_is_written(own_places: Path) -> None:
    async def ask() -> None:
        async with planted() as fake, client(fake) as tested:
            await tested.process_code(CODE)

    asyncio.run(ask())
    assert not own_places.exists()


async def test_requests_of_batches_have_their_lines(logs: Logs) -> None:
    async with planted() as fake, client(fake) as tested:
        batches = await tested.batches()
        await batches.warm()
        await batches.create("kibitz-test", await batches.upload("kibitz-test", CODE.encode()))
    lines = logs.attempts()
    assert {line["purpose"] for line in lines} == {"batch"}
    assert {line["outcome"] for line in lines} == {"answered"}
    assert max(line["bytes_out"] for line in lines) > len(CODE)
    assert "len(value)" not in logs.written()
