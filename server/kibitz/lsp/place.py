"""What an action remembers of a document until it is chosen: small, and checked when it returns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kibitz.lsp.asked import MAX_OTHERS
from kibitz.provider.models import Diagnostic
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from kibitz.lsp.documents import Document
    from kibitz.text.snapshot import Snapshot

_MAX_MESSAGE, _MAX_NAME, _MAX_INSTRUCTION = 500, 80, 2_000
_MAX_OFFSET = 1 << 30
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Place:
    """A part of one text, and what is said about it."""

    uri: str
    digest: str
    """Of the text: in another one the place may be another."""
    span: Span
    """In code points."""
    complaints: tuple[Diagnostic, ...] = ()
    instruction: str = ""

    @classmethod
    def of(
        cls, snapshot: Snapshot, span: Span, complaints: tuple[Diagnostic, ...] = (), instruction: str = ""
    ) -> Place:
        """A place in a document as it is now."""
        return cls(snapshot.uri, snapshot.digest, span, complaints[:MAX_OTHERS], instruction)

    def encode(self) -> dict[str, Any]:
        """The place as JSON."""
        return {
            "uri": self.uri,
            "digest": self.digest,
            "span": [self.span.start, self.span.end],
            "complaints": [
                {
                    "span": [each.span.start, each.span.end],
                    "message": each.message[:_MAX_MESSAGE],
                    "source": each.source[:_MAX_NAME],
                    "code": each.code[:_MAX_NAME],
                }
                for each in self.complaints
            ],
            "instruction": self.instruction,
        }


@dataclass(frozen=True, slots=True)
class AllFixes:
    """All safe fixes of one text."""

    uri: str
    digest: str

    @classmethod
    def of(cls, document: Document) -> AllFixes:
        """Those of a document as it is now."""
        return cls(document.uri, document.snapshot.digest)

    def encode(self) -> dict[str, Any]:
        """The same as JSON."""
        return {"fixAll": True, "uri": self.uri, "digest": self.digest}


def decode_all(value: object) -> AllFixes | None:
    """All fixes of a text, in what a client sent back; None if that is something else."""
    if not isinstance(value, dict) or value.get("fixAll") is not True:
        return None
    uri, digest = value.get("uri"), value.get("digest")
    return AllFixes(uri, digest) if isinstance(uri, str) and isinstance(digest, str) else None


def decode(value: object) -> Place | None:
    """The place in what a client sent back; None if it is none."""
    if not isinstance(value, dict):
        return None
    uri, digest, span = value.get("uri"), value.get("digest"), _span(value.get("span"))
    said, instruction = value.get("complaints", []), value.get("instruction", "")
    if not isinstance(uri, str) or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        return None
    if span is None or not isinstance(said, list | tuple) or not isinstance(instruction, str):
        return None
    complaints = tuple(map(_complaint, said[:MAX_OTHERS]))
    if any(each is None for each in complaints):
        return None
    known = tuple(each for each in complaints if each is not None)
    return Place(uri, digest, span, known, instruction[:_MAX_INSTRUCTION])


def _complaint(value: object) -> Diagnostic | None:
    if not isinstance(value, dict):
        return None
    span, message = _span(value.get("span")), value.get("message")
    source, code = value.get("source", ""), value.get("code", "")
    if span is None or not all(isinstance(each, str) for each in (message, source, code)):
        return None
    return Diagnostic(span, str(message)[:_MAX_MESSAGE], str(source)[:_MAX_NAME], str(code)[:_MAX_NAME])


def _span(value: object) -> Span | None:
    if not isinstance(value, list | tuple) or len(value) != 2:  # noqa: PLR2004 - a start and an end
        return None
    start, end = value
    if type(start) is not int or type(end) is not int or not 0 <= start <= end <= _MAX_OFFSET:
        return None
    return Span(start, end)
