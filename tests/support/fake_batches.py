"""The fake provider's files and batches: results as scripted, by the same answerer as single questions.

``fake.batches`` of a ``FakeProvider``::

    fake.batches.polls = 2                  # so many looks find a batch under way before it is over
    fake.batches.ends = "expired"           # completed, failed, expired, cancelled
    fake.batches.unanswered = 1             # so many requests, from the end, are in the error file instead
    fake.batches.failing("create", fake_faults.status(503))      # once, instead of doing it
    fake.batches.failing("create", fake_faults.reset(), after=True)   # it is done, but the answer gets lost

``fake.batches.calls`` lists what came: ``upload``, ``create``, ``get``, ``list``, ``cancel``, ``content``,
``delete``, ``files``. ``files`` and ``made`` show what lies there.
"""

from __future__ import annotations

import email
import email.policy
import inspect
import json
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.support import fake_faults, fake_wire
from tests.support.fake_answers import Prompt, Reply
from tests.support.fake_http import Exchange

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.fake_faults import Fault


@dataclass(slots=True)
class StoredFile:
    """A file that was put there, or came of a batch."""

    name: str
    content: bytes


@dataclass(slots=True)
class MadeBatch:
    """A batch as the provider keeps it."""

    id: str
    body: dict[str, Any]
    status: str = "validating"
    looks: int = 0
    output: str | None = None
    error: str | None = None
    counts: dict[str, int] = field(default_factory=lambda: {"total": 0, "completed": 0, "failed": 0})
    errors: list[str] = field(default_factory=list)

    @property
    def shown(self) -> dict[str, Any]:
        listed = [{"code": code, "message": "echo of the file", "line": None} for code in self.errors]
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.body["endpoint"],
            "input_file_id": self.body["input_file_id"],
            "completion_window": self.body["completion_window"],
            "metadata": self.body.get("metadata"),
            "created_at": 1_800_000_000,
            "status": self.status,
            "output_file_id": self.output,
            "error_file_id": self.error,
            "request_counts": self.counts,
            "errors": {"object": "list", "data": listed} if listed else None,
        }


class FakeBatches:
    """See the module."""

    def __init__(self, answer: Callable[[Prompt], Any]) -> None:
        self._answer = answer
        self.polls = 1
        self.ends = "completed"
        self.unanswered = 0
        self.errors: list[str] = []
        """Codes of a batch that ends as ``failed``."""
        self.page = 100
        self.files: dict[str, StoredFile] = {}
        self.made: dict[str, MadeBatch] = {}
        self.calls: list[str] = []
        self.headers: dict[str, str] = {}
        """Sent along with every look at a batch."""
        self.change: Callable[[list[bytes]], list[bytes]] = lambda lines: lines
        """What becomes of the lines of results."""
        self._faults: list[tuple[str, Fault, bool]] = []
        self._stored = 0

    def failing(self, call: str, fault: Fault, *, after: bool = False) -> None:
        """Have one call fail: instead of being done, or once it is."""
        self._faults.append((call, fault, after))

    def requests(self, batch: MadeBatch) -> list[dict[str, Any]]:
        """The requests of a batch."""
        return [json.loads(line) for line in self.files[batch.body["input_file_id"]].content.splitlines()]

    def end(self) -> None:
        """Let every batch be over at the next look."""
        self.polls = 0

    async def handle(self, exchange: Exchange) -> bool:
        """Answer what is about files or batches; False if it is not."""
        parts = urlsplit(exchange.path)
        name, _, rest = parts.path.partition("/v1/")[2].partition("/")
        if name not in {"files", "batches"}:
            return False
        call, work = self._route(exchange, name, rest, parse_qs(parts.query))
        self.calls.append(call)
        fault = next((entry for entry in self._faults if entry[0] == call), None)
        if fault is not None:
            self._faults.remove(fault)
            if not fault[2]:
                await fault[1](exchange)
                return True
        result = await work()
        if fault is not None:
            await fault[1](exchange)
        elif result is None:
            await fake_faults.status(404, "not_found", message=f"no such {name}")(exchange)
        elif isinstance(result, bytes):
            await exchange.respond(200, result, content_type="application/octet-stream")
        else:
            await exchange.respond(200, json.dumps(result).encode(), headers=self.headers)
        return True

    def _route(
        self, exchange: Exchange, name: str, rest: str, query: dict[str, list[str]]
    ) -> tuple[str, Callable[[], Awaitable[Any]]]:
        thing, _, action = rest.partition("/")
        routes: dict[tuple[str, str, bool, str], tuple[str, Callable[[], Awaitable[Any]]]] = {
            ("POST", "files", False, ""): ("upload", lambda: self._upload(exchange)),
            ("GET", "files", False, ""): ("files", self._list_files),
            ("GET", "files", True, "content"): ("content", lambda: self._content(thing)),
            ("DELETE", "files", True, ""): ("delete", lambda: self._delete(thing)),
            ("POST", "batches", False, ""): ("create", lambda: self._create(exchange.body)),
            ("GET", "batches", False, ""): ("list", lambda: self._list(query.get("after", [""])[0])),
            ("GET", "batches", True, ""): ("get", lambda: self._get(thing)),
            ("POST", "batches", True, "cancel"): ("cancel", lambda: self._cancel(thing)),
        }
        return routes[exchange.method, name, bool(thing), action]

    async def _upload(self, exchange: Exchange) -> Any:
        head = f"content-type: {exchange.headers['content-type']}\r\n\r\n".encode()
        message = email.message_from_bytes(head + exchange.raw, policy=email.policy.HTTP)
        assert isinstance(message, EmailMessage)
        fields: dict[str, bytes] = {}
        filename = ""
        for part in message.iter_parts():
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            fields[str(part.get_param("name", header="content-disposition"))] = payload
            filename = part.get_filename() or filename
        assert fields["purpose"] == b"batch"
        return {"id": self._store(filename, fields["file"]), "object": "file", "filename": filename}

    async def _list_files(self) -> Any:
        listed = [{"id": name, "filename": file.name} for name, file in self.files.items()]
        return {"object": "list", "data": listed[::-1]}

    async def _content(self, name: str) -> bytes | None:
        return self.files[name].content if name in self.files else None

    async def _delete(self, name: str) -> Any:
        found = self.files.pop(name, None)
        return None if found is None else {"id": name, "deleted": True}

    async def _create(self, body: dict[str, Any]) -> Any:
        if body["input_file_id"] not in self.files:
            return None
        batch = MadeBatch(f"batch_{len(self.made) + 1}", body)
        self.made[batch.id] = batch
        return batch.shown

    async def _list(self, after: str) -> Any:
        newest = list(self.made.values())[::-1]
        names = [batch.id for batch in newest]
        start = names.index(after) + 1 if after else 0
        page = newest[start : start + self.page]
        return {
            "object": "list",
            "data": [batch.shown for batch in page],
            "has_more": start + self.page < len(newest),
        }

    async def _get(self, name: str) -> Any:
        batch = self.made.get(name)
        if batch is None:
            return None
        batch.looks += 1
        if batch.status in {"validating", "in_progress", "cancelling"}:
            if batch.looks > self.polls:
                await self._finish(batch, "cancelled" if batch.status == "cancelling" else self.ends)
            elif batch.status == "validating":
                batch.status = "in_progress"
                batch.counts["total"] = len(self.requests(batch))
        return batch.shown

    async def _cancel(self, name: str) -> Any:
        batch = self.made.get(name)
        if batch is None:
            return None
        batch.status = "cancelling"
        return batch.shown

    async def _finish(self, batch: MadeBatch, status: str) -> None:
        batch.status = status
        if status == "failed":
            batch.errors = self.errors or ["invalid_json_line"]
            return
        requests = self.requests(batch)
        answered = len(requests) - self.unanswered
        done = [await self._result(request) for request in requests[:answered]]
        lost = [_lost(request, status) for request in requests[answered:]]
        batch.counts = {"total": len(requests), "completed": len(done), "failed": len(lost)}
        if done:
            # In another order than they were asked.
            batch.output = self._store("output.jsonl", b"".join(self.change(done[::-1])))
        if lost:
            batch.error = self._store("errors.jsonl", b"".join(lost))

    async def _result(self, request: dict[str, Any]) -> bytes:
        raw = json.dumps(request["body"]).encode()
        exchange = Exchange(request["method"], request["url"], {}, raw, None)  # type: ignore[arg-type]  # no wire
        prompt = Prompt(exchange, request["body"])
        answer = self._answer(prompt)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, dict):
            answer = json.dumps(answer)
        reply = Reply(answer) if isinstance(answer, str) else answer
        assert isinstance(reply, Reply), "the results of a batch come as one file: script them with `change`"
        body = fake_wire.whole(prompt, reply, len(self.calls))
        response = {"status_code": 200, "request_id": "req_batch", "body": body}
        return _line({"custom_id": request["custom_id"], "response": response, "error": None})

    def _store(self, name: str, content: bytes) -> str:
        self._stored += 1
        file = f"file-{self._stored}"
        self.files[file] = StoredFile(name, content)
        return file


def _lost(request: dict[str, Any], status: str) -> bytes:
    if status == "completed":
        body = {"error": {"code": "server_error", "message": "fake failure"}}
        response: dict[str, Any] | None = {"status_code": 500, "request_id": "req_lost", "body": body}
        error = None
    else:
        response, error = None, {"code": f"batch_{status}", "message": "This request could not be executed."}
    return _line({"custom_id": request["custom_id"], "response": response, "error": error})


def _line(data: dict[str, Any]) -> bytes:
    return json.dumps({"id": "batch_req_1", **data}).encode() + b"\n"
