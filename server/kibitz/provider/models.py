"""What goes into the client and what comes out of it. Plain data; no I/O."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kibitz.provider.usage import Usage, Verification

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kibitz.findings.finding import Finding
    from kibitz.findings.guidance import Guidance
    from kibitz.text.spans import Span

__all__ = [
    "BatchAnalysis",
    "CodeAnalysis",
    "Context",
    "ContextAnalysis",
    "Diagnostic",
    "Edit",
    "Piece",
    "PieceAnalysis",
    "Probe",
    "Suggestion",
    "Usage",
    "Verification",
]


@dataclass(frozen=True, slots=True)
class Piece:
    """A self-contained piece of source to review: a unit with its context, or a whole small file."""

    text: str
    language: str
    """An LSP language id, such as ``python`` or ``typescriptreact``."""
    context: str = ""
    """Source that the model may need to judge ``text`` (imports, signatures); nothing is reported on it."""
    eol: str | None = None
    """The document's line ending, for a ``text`` of one line; None takes it from ``text``."""
    guidance: Guidance | None = None
    """What the project adds to the question; only where a list is asked for."""


@dataclass(frozen=True, slots=True)
class PieceAnalysis:
    """What was found in one piece. Spans are relative to its text."""

    findings: tuple[Finding, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=Counter)
    """Claims, or fixes, that were not kept: a stable reason such as ``quote-not-found`` -> how many."""
    answered_by: str = ""
    """What answered in place of the configured model, or answered less than was asked; mostly empty. Such an
    answer is not worth keeping for long."""
    unverified: bool = False
    """Whether the findings were to be verified, and the verifier could not be asked."""
    model: str = field(default="", compare=False)
    """Who answered, as the provider names it."""
    at: float | None = field(default=None, compare=False)
    """When, in seconds since 1970."""
    paid: Usage = field(default_factory=Usage)
    """Its share of what the requests took that answered it: what is saved whenever it is used again."""


@dataclass(frozen=True, slots=True)
class BatchAnalysis:
    """The answer to several pieces that shared requests; ``pieces`` is in the order asked."""

    pieces: tuple[PieceAnalysis, ...]
    usage: Usage
    model: str
    request_id: str | None = None
    redactions: int = 0
    """How many secrets were replaced before anything was sent."""
    verification: Verification = field(default_factory=Verification)


@dataclass(frozen=True, slots=True)
class CodeAnalysis:
    """The answer of ``process_code``."""

    findings: tuple[Finding, ...]
    dropped: Mapping[str, int]
    usage: Usage
    model: str
    request_id: str | None = None
    redactions: int = 0
    verification: Verification = field(default_factory=Verification)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a first question showed about an endpoint and its model."""

    model: str
    api: str
    """``responses`` or ``chat``."""
    format: str
    """How answers are held to a schema: ``json_schema`` (by the server), ``json_object`` or ``text``."""
    understood: bool
    """Whether the answer was right, too, and not only in the schema."""
    seconds: float
    usage: Usage
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A complaint about the code in a ``Context``: one of ours, or another tool's."""

    span: Span
    message: str
    source: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What ``generate_suggestions`` and ``analyze_context`` work on: a document and a part of it."""

    text: str
    language: str
    span: Span
    """The part in question, in code points of ``text``."""
    diagnostics: tuple[Diagnostic, ...] = ()
    instruction: str = ""
    """What the user wants, in their words; may be empty."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A verified replacement of exactly ``old_text`` at ``span``."""

    span: Span
    old_text: str
    new_text: str
    needs_review: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One way to change the code, its edits verified against the context's text, sorted, not overlapping."""

    title: str
    rationale: str
    edits: tuple[Edit, ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class ContextAnalysis:
    """What a piece of code does; plain text, no markup."""

    summary: str
    relies_on: tuple[str, ...]
    """What must hold for it to work."""
    breaks_when: tuple[str, ...]
    """Inputs or changes that would break it."""
    explanation: str
    """Why the given diagnostics hold or do not; empty if there were none."""
    usage: Usage
    model: str
    request_id: str | None = None
