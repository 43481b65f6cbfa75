"""A document as the questions that it comes to, and the packing of questions into requests. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kibitz.cache.key import EntryKey, Identity
from kibitz.findings.prompt import list_review
from kibitz.provider.models import Piece
from kibitz.provider.tokens import estimate, guidance_tokens
from kibitz.review.context import context_of
from kibitz.review.faults import half_typed
from kibitz.review.outline import outline
from kibitz.review.units import units_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from kibitz.findings.guidance import Guidance
    from kibitz.review.faults import Fault
    from kibitz.review.units import Unit
    from kibitz.text.lines import LineIndex
    from kibitz.text.spans import Span


@dataclass(frozen=True, slots=True)
class Entry:
    """One unit, what is asked about it, and how its answer is known."""

    unit: Unit
    piece: Piece
    digest: str
    """Under which the answer is kept."""
    estimated: int | None = None
    """See ``tokens``; None: not estimated yet, since it is known already and will hardly be asked."""
    accepted: tuple[str, ...] = ()
    """Where answers are known under several digests: all of them, best first. Under the last one it is known
    what was found, verified or not."""

    waits: bool = False
    """Whether it is half typed, so that asking about it would be too early."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The digests under which an answer may be known, best first."""
        return self.accepted or (self.digest,)

    @property
    def tokens(self) -> int:
        """Estimated input tokens of the piece in a request, as the client counts them."""
        return _tokens(self.piece) if self.estimated is None else self.estimated


def entries_of(
    text: str,
    language: str,
    identity: Identity,
    accepted: Sequence[Identity] = (),
    *,
    known: Container[str] = (),
    edited: Sequence[Span] = (),
    guidance: Guidance | None = None,
) -> tuple[Entry, ...]:
    """The entries of a document, in order. Pure CPU, about 40 ms for 3,000 lines: run it in a thread.

    Args:
        text: the document.
        language: an LSP language id.
        identity: who is asked.
        accepted: whose answers can be used, best first; empty: only those of ``identity``.
        known: digests that will hardly be asked about.
        edited: what was typed lately, in code points.
        guidance: what the project adds to the questions.
    """
    document = outline(text, language)
    open_faults = half_typed(document.faults, edited, document.lines) if edited else ()
    added = guidance.digest if guidance is not None else ""
    entries: list[Entry] = []
    for unit in units_of(document):
        context = context_of(unit, document)
        eol = None if "\n" in unit.text or "\r" in unit.text else document.lines.eol
        key = EntryKey(identity, language, unit.text, context, eol or "", added)
        digest = key.digest()
        keys = tuple(
            digest if each == identity else replace(key, identity=each).digest() for each in accepted
        )
        piece = Piece(unit.text, language, context, eol, guidance)
        estimated = None if digest in known else _tokens(piece)
        waits = bool(open_faults) and _holds(unit, open_faults, document.lines)
        entries.append(Entry(unit, piece, digest, estimated, keys, waits))
    return tuple(entries)


def _holds(unit: Unit, faults: Sequence[Fault], lines: LineIndex) -> bool:
    first, last = lines.line_of(unit.span.start), lines.line_of(unit.span.end)
    return any(fault.first <= last and first <= fault.last for fault in faults)


def _tokens(piece: Piece) -> int:
    return estimate(list_review((piece,)).request.input)


def pack(entries: Iterable[Entry], *, overhead: int, max_tokens: int) -> list[tuple[Entry, ...]]:
    """Fill requests in order, neighbours together, so that each stays within ``max_tokens``.

    ``overhead`` is what every request costs before its first piece, and before what a project adds to it; all
    pieces of a request are of projects that add the same. A piece that does not fit at all goes alone.
    """
    batches: list[tuple[Entry, ...]] = []
    batch: list[Entry] = []
    room = 0
    for entry in entries:
        guidance = entry.piece.guidance
        if batch and (entry.tokens > room or batch[-1].piece.guidance != guidance):
            batches.append(tuple(batch))
            batch = []
        if not batch:
            room = max_tokens - overhead - guidance_tokens(guidance)
        batch.append(entry)
        room -= entry.tokens
    if batch:
        batches.append(tuple(batch))
    return batches
