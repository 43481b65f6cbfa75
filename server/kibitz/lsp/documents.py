"""The open documents and what is known of them. Pure: no I/O, no time, no protocol objects."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from kibitz.provider.models import Usage
from kibitz.text.languages import block_comments, language_of, line_comments
from kibitz.text.remap import remap
from kibitz.text.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kibitz.findings.finding import Finding
    from kibitz.lsp.service import Outcome
    from kibitz.text.lines import Encoding
    from kibitz.text.remap import Replacement
    from kibitz.text.snapshot import TextChange

_SCHEMES = {"file", "untitled"}
"""Documents that are being edited; others are views (``git:``, ``output:``, …)."""
_ALIASES = {
    "bash": "shellscript",
    "cs": "csharp",
    "js": "javascript",
    "javascript.jsx": "javascriptreact",
    "jsx": "javascriptreact",
    "py": "python",
    "rs": "rust",
    "sh": "shellscript",
    "ts": "typescript",
    "tsx": "typescriptreact",
    "typescript.tsx": "typescriptreact",
    "zsh": "shellscript",
}
"""Language ids that editors send (Vim's file types, mostly) and their names in LSP."""


class Change(Enum):
    """What a ``didChange`` did."""

    APPLIED = auto()
    DROPPED = auto()
    """Applied, and it touched a finding that is gone now."""
    REFUSED = auto()
    """The text is not known any more: nothing may be said about it until it is sent whole."""
    UNKNOWN = auto()
    """No such document is open."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding as the editor has it."""

    finding: Finding
    stale: str = ""
    """Why it was not looked at again when it should have been, in a few words. Empty: it is as reviewed."""


@dataclass(slots=True, eq=False)
class Run:
    """A review under way: of which text, what was shown when it began, and what was typed since."""

    snapshot: Snapshot
    base: tuple[Shown, ...]
    verify: bool = False
    """Whether its findings are verified, if that is done on demand."""
    edits: list[Replacement] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Document:
    """An open document, its findings (in offsets of its current text), and the review under way."""

    snapshot: Snapshot
    path: str | None
    """The file's path, or None for what is not a file."""
    language: str | None
    """As the rest of kibitz names it, or None for what is not source code."""
    shown: tuple[Shown, ...] = ()
    synced: bool = True
    reviewed: str | None = None
    """The digest of the text that ``shown`` is the whole review of; None when it is not."""
    run: Run | None = None
    demanded: bool = False
    """Whether somebody asked for a review that verifies its findings, and it has not begun."""
    spent: Usage = field(default_factory=Usage)
    """What its reviews took since it was opened."""

    @property
    def uri(self) -> str:
        """The document's name in the protocol."""
        return self.snapshot.uri

    @property
    def name(self) -> str:
        """The last part of its name, for people."""
        return (self.path or self.uri).rpartition("/")[2]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is shown, whether it was looked at again lately or not."""
        return tuple(shown.finding for shown in self.shown)

    def begin(self) -> Run:
        """A review of the current text begins; one before it counts no more."""
        self.run = Run(self.snapshot, self.shown, self.demanded)
        self.demanded = False
        return self.run

    def land(self, run: Run, outcome: Outcome, *, final: bool, failure: str = "") -> bool:
        """Take over what a review has found so far. False if the review is not this document's any more.

        Where the outcome has nothing to say (a unit that failed, or is not back yet), what was found before
        stays, and is stale if there is a ``failure``: why no answer came, in a few words. All of it is then
        carried through what was typed since the review began.
        """
        if self.run is not run:
            return False
        silent = tuple(outcome.unreviewed)
        kept = [
            old
            for old in run.base
            if any(part.overlaps(old.finding.span) for part in silent)
            and not any(_repeats(new, old.finding) for new in outcome.findings)
        ]
        if failure:
            kept = [Shown(old.finding, failure) for old in kept]
        merged = {shown.finding: shown for shown in (*kept, *map(Shown, outcome.findings))}
        self.shown = _standing(carry(merged.values(), run.edits), self.snapshot.text)
        if final:
            self.run = None
            self.spent += outcome.usage
            whole = not outcome.errors and not silent and not run.edits
            self.reviewed = run.snapshot.digest if whole else None
        return True

    def doubt(self, run: Run, why: str) -> bool:
        """The review failed as a whole: what is shown stays, and is stale. False as for ``land``."""
        if self.run is not run:
            return False
        self.shown = tuple(Shown(shown.finding, why) for shown in self.shown)
        return True

    def forget(self) -> None:
        """Drop the findings and whatever is under way."""
        self.shown = ()
        self.reviewed = self.run = None


def _repeats(new: Finding, old: Finding) -> bool:
    """Whether a finding of a unit that is not done says again what was said before."""
    return new.rule == old.rule and (new.span == old.span or new.span.overlaps(old.span))


class Documents:
    """All open documents, by URI."""

    def __init__(self) -> None:
        self._open: dict[str, Document] = {}

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def get(self, uri: str) -> Document | None:
        """The open document of that name."""
        return self._open.get(uri)

    def open(self, uri: str, version: int, language_id: str, text: str) -> Document:
        """A document was opened, or opened again."""
        path = path_of(uri)
        language = _language(uri, path, language_id, text)
        document = Document(Snapshot(uri, version, language or "plaintext", text), path, language)
        self._open[uri] = document
        return document

    def close(self, uri: str) -> Document | None:
        """Forget the document; what is under way for it will not land."""
        document = self._open.pop(uri, None)
        if document is not None:
            document.forget()
        return document

    def change(self, uri: str, version: int, changes: Sequence[TextChange], encoding: Encoding) -> Change:
        """Apply a ``didChange``."""
        document = self._open.get(uri)
        if document is None:
            return Change.UNKNOWN
        whole = next((i for i in reversed(range(len(changes))) if changes[i].range is None), None)
        if version <= document.snapshot.version or (whole is None and not document.synced):
            return self.lose(uri)
        # What a whole text replaces does not matter, except that findings are carried from it.
        changes = changes[whole:] if whole is not None else changes
        snapshot, edits = document.snapshot.apply(version, changes, encoding)
        document.synced = True
        same = snapshot.text == document.snapshot.text
        document.snapshot = snapshot
        if same:
            return Change.APPLIED
        document.reviewed = None
        if document.run is not None:
            document.run.edits.extend(edits)
        before = document.shown
        document.shown = _standing(carry(before, edits), snapshot.text)
        return Change.DROPPED if len(document.shown) < len(before) else Change.APPLIED

    def lose(self, uri: str) -> Change:
        """The text of that document is not known any more."""
        document = self._open.get(uri)
        if document is None:
            return Change.UNKNOWN
        document.synced = False
        document.forget()
        return Change.REFUSED


def carry(shown: Iterable[Shown], edits: Iterable[Replacement]) -> tuple[Shown, ...]:
    """The findings after the edits, in order; without those that an edit touched."""
    carried = tuple(shown)
    for edit in edits:
        moves = ((each, _after(each.finding, edit)) for each in carried)
        carried = tuple(
            each if moved is each.finding else Shown(moved, each.stale)
            for each, moved in moves
            if moved is not None
        )
    return carried


def _after(finding: Finding, edit: Replacement) -> Finding | None:
    span = remap(finding.span, edit)
    if span is None:
        return None
    fix = finding.fix
    if fix is not None:
        fix_span = remap(fix.span, edit)
        fix = replace(fix, span=fix_span) if fix_span is not None else None
    if span == finding.span and fix is finding.fix:
        return finding
    return replace(finding, span=span, fix=fix)


def _standing(shown: Iterable[Shown], text: str) -> tuple[Shown, ...]:
    """What still stands in ``text``, in its order."""
    standing = (each for each in shown if stands(each.finding, text))
    return tuple(sorted(standing, key=lambda each: each.finding.span))


def stands(finding: Finding, text: str) -> bool:
    """Whether the finding's own text is what ``text`` has in its place."""
    return finding.span.of(text) == finding.quote


def path_of(uri: str) -> str | None:
    """The path of a ``file:`` URI, percent-decoded; None for all others."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme != "file":
        return None
    path = unquote(parts.path)
    if len(path) > 2 and path[0] == "/" and path[2] == ":":  # noqa: PLR2004 - /C:/… on Windows
        path = path[1:]
    return f"//{parts.netloc}{path}" if parts.netloc and parts.netloc != "localhost" else path


def _language(uri: str, path: str | None, language_id: str, text: str) -> str | None:
    if uri.partition(":")[0] not in _SCHEMES:
        return None
    name = _ALIASES.get(language_id, language_id)
    if line_comments(name) or block_comments(name):
        return name
    return language_of(PurePosixPath(path or uri).name, text[:300].partition("\n")[0])
