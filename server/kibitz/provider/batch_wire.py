"""What the Batch API is told and what it answers, as plain JSON; no I/O and no SDK.

A batch is a file of requests, one JSON object a line, answered within a day at half the price. Its results
come as a file, too: lines in any order, of which each may be missing, doubled or wrong.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from kibitz.guard.sanitize import Rejected, decode_json
from kibitz.provider.errors import InvalidResponse
from kibitz.provider.wire import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_REQUESTS = 50_000
"""Of one batch, as the API allows."""
MAX_FILE_BYTES = 50_000_000
"""Of one batch's requests. The API takes four times that; a smaller file fits in memory, is up sooner, and
loses less if it fails."""
TAG = "kibitz"
"""Where a batch's metadata says which of ours it is."""
WINDOW: Literal["24h"] = "24h"

_ID = re.compile(r"[\w-]{1,128}", re.ASCII)
"""Ids become parts of addresses: nothing in them may lead elsewhere."""
_MOST = 1_000_000_000
_ERRORS = 5
"""Of a failed batch's, so many are told."""


class Status(StrEnum):
    """How far a batch is; the first four are under way."""

    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    """Its file was not accepted; nothing of it was answered."""
    EXPIRED = "expired"
    """The day was over before all was answered. What was is there."""
    CANCELLED = "cancelled"
    """The same, but somebody stopped it."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self in {self.COMPLETED, self.FAILED, self.EXPIRED, self.CANCELLED}


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the provider tells of it."""

    id: str
    status: Status
    tag: str = ""
    """Which of ours it is; empty if it is somebody else's."""
    input_file: str = ""
    output_file: str = ""
    error_file: str = ""
    total: int = 0
    """Requests; 0 until it is validated."""
    completed: int = 0
    failed: int = 0
    errors: tuple[str, ...] = ()
    """Codes of what is wrong with its file, such as ``token_limit_exceeded``."""
    retry_after: float | None = None
    """Seconds until it is worth asking again, if the provider says."""

    @property
    def files(self) -> tuple[str, ...]:
        """All that lies at the provider because of it."""
        return tuple(file for file in (self.input_file, self.output_file, self.error_file) if file)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one request."""

    custom_id: str
    status: int = 0
    """HTTP status of the answer; 0 if there was none."""
    body: object = None
    """The answer as the API would have given it at once."""
    code: str = ""
    """Why there is none, such as ``batch_expired``."""
    request_id: str | None = None


def line_of(custom_id: str, api: str, body: Mapping[str, Any]) -> bytes:
    """A request as a line of a batch's file."""
    request = {"custom_id": custom_id, "method": "POST", "url": url_of(api), "body": body}
    return json.dumps(request, separators=(",", ":")).encode("ascii") + b"\n"


def url_of(api: str) -> Literal["/v1/responses", "/v1/chat/completions"]:
    """The address that all requests of a batch go to."""
    return "/v1/responses" if api == "responses" else "/v1/chat/completions"


def chunked(
    lines: Iterable[tuple[str, bytes]],
    *,
    max_requests: int = MAX_REQUESTS,
    max_bytes: int = MAX_FILE_BYTES,
) -> Iterator[list[tuple[str, bytes]]]:
    """Requests (id and line) in order, as many together as one batch may hold."""
    chunk: list[tuple[str, bytes]] = []
    size = 0
    for name, line in lines:
        if chunk and (len(chunk) == max_requests or size + len(line) > max_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append((name, line))
        size += len(line)
    if chunk:
        yield chunk


def read_file_id(data: object) -> str:
    """The id of a file that was put there.

    Raises:
        InvalidResponse: the answer names none.
    """
    if file := _id(data.get("id") if isinstance(data, dict) else None):
        return file
    raise _unusable("did not say under which id the file is kept")


def read_files(data: object) -> dict[str, str]:
    """The ids of the files in a list, by name; a file that cannot be read is left out."""
    listed = _object(data).get("data")
    files = [_object(item) for item in listed] if isinstance(listed, list) else []
    return {name: _id(f.get("id")) for f in files if isinstance(name := f.get("filename"), str)}


def read_batch(data: object, retry_after: float | None = None) -> Batch:
    """A batch from a decoded answer.

    Raises:
        InvalidResponse: it is none, or in a state that nobody knows.
    """
    if not isinstance(data, dict) or not (name := _id(data.get("id"))):
        raise _unusable("answered, but not with a batch")
    try:
        status = Status(str(data.get("status")))
    except ValueError:
        raise _unusable("tells of a batch in a state that kibitz does not know") from None
    counts, metadata = _object(data.get("request_counts")), _object(data.get("metadata"))
    listed = _object(data.get("errors")).get("data")
    errors = [_object(error).get("code") for error in listed[:_ERRORS]] if isinstance(listed, list) else []
    return Batch(
        id=name,
        status=status,
        tag=_id(metadata.get(TAG)),
        input_file=_id(data.get("input_file_id")),
        output_file=_id(data.get("output_file_id")),
        error_file=_id(data.get("error_file_id")),
        total=_count(counts.get("total")),
        completed=_count(counts.get("completed")),
        failed=_count(counts.get("failed")),
        errors=tuple(code for error in errors if (code := name_of(error)) is not None),
        retry_after=retry_after,
    )


def read_page(data: object) -> tuple[list[Batch], str]:
    """One page of the list of batches, and the id after which the next one begins; empty if it is the last.

    Raises:
        InvalidResponse: it is no such list. A batch in it that cannot be read is left out.
    """
    listed = data.get("data") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(listed, list):
        raise _unusable("answered, but not with a list of batches")
    batches: list[Batch] = []
    for item in listed:
        try:
            batches.append(read_batch(item))
        except InvalidResponse:
            continue
    last = _id(_object(listed[-1]).get("id")) if listed else ""
    return batches, last if data.get("has_more") is True else ""


def read_result(line: bytes) -> Result | None:
    """One line of a result or an error file, whatever it holds; None if it does not say what it is about."""
    try:
        data = decode_json(line.decode("utf-8"))
    except (UnicodeDecodeError, Rejected):
        return None
    if not isinstance(data, dict) or not (custom_id := _id(data.get("custom_id"))):
        return None
    response, error = _object(data.get("response")), _object(data.get("error"))
    body = response.get("body")
    status = _count(response.get("status_code"))
    told = error or _object(_object(body).get("error"))
    code = "" if told == {} else name_of(told.get("code")) or name_of(told.get("type")) or "unknown"
    return Result(custom_id, status, body, code, name_of(response.get("request_id")))


def _id(value: object) -> str:
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _count(value: object) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
    return value if is_count and isinstance(value, int) else 0


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _unusable(what: str) -> InvalidResponse:
    return InvalidResponse(
        f"the provider {what}; check that the setting base_url leads to an OpenAI-compatible Batch API",
        code="malformed",
        retryable=True,
    )
