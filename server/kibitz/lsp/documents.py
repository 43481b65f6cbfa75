"""The open documents and what is known of them. Pure: no I/O, no time, no protocol objects."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum, auto
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from kibitz.lsp.shown import Shown, carry, carry_spans
from kibitz.provider.models import Usage
from kibitz.text.languages import block_comments, language_of, line_comments
from kibitz.text.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kibitz.findings.finding import Finding
    from kibitz.lsp.service import Outcome
    from kibitz.text.lines import Encoding
    from kibitz.text.remap import Replacement
    from kibitz.text.snapshot import TextChange
    from kibitz.text.spans import Span

SCHEMES = {"file", "untitled"}
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
    TOUCHED = auto()
    """Applied, and it was in a finding: that looks different now, or is gone."""
    REFUSED = auto()
    """The text is not known any more: nothing may be said about it until it is sent whole."""
    UNKNOWN = auto()
    """No such document is open."""


class Intent(IntEnum):
    """What a review is for; the most that was wanted counts."""

    LOOK = 0
    """To show what is known already: nothing is asked."""
    TYPED = 1
    """The typing pauses: what does not parse where it was typed is left for the next pause."""
    WANTED = 2
    """It was saved, or somebody asks for it: all that is not known is asked."""


@dataclass(slots=True, eq=False)
class Run:
    """A review under way: of which text, what was shown when it began, and what was typed since."""

    snapshot: Snapshot
    base: tuple[Shown, ...]
    """What was shown, dismissed or not."""
    intent: Intent = Intent.WANTED
    verify: bool = False
    """Whether its findings are verified, if that is done on demand."""
    edited: tuple[Span, ...] = ()
    """What was typed before, and is not reviewed yet."""
    edits: list[Replacement] = field(default_factory=list)
    outdated: bool = False
    """Whether another review of the same text would come to something else by now."""


@dataclass(slots=True, eq=False)
class Document:
    """An open document, its findings (in offsets of its current text), and the review under way."""

    snapshot: Snapshot
    path: str | None
    """The file's path, or None for what is not a file."""
    language: str | None
    """As the rest of kibitz names it, or None for what is not source code."""
    shown: tuple[Shown, ...] = ()
    dismissed: tuple[Shown, ...] = ()
    """What would be shown if the user had not dismissed it."""
    hints: tuple[Shown, ...] = ()
    """What kibitz sees by itself; see ``Hinting``."""
    synced: bool = True
    reviewed: str | None = None
    """The digest of the text that ``shown`` is the whole review of; None when it is not."""
    run: Run | None = None
    intent: Intent = Intent.LOOK
    """What the review is for that has not begun."""
    demanded: bool = False
    """Whether somebody asked for a review that verifies its findings, and it has not begun."""
    edited: tuple[Span, ...] = ()
    """What was typed and is not reviewed yet."""
    background: bool = False
    """Whether it was opened along with others, and nobody has looked at it yet."""
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

    @property
    def _every(self) -> tuple[Shown, ...]:
        """What is shown, and then what was dismissed."""
        return (*self.shown, *self.dismissed)

    def begin(self) -> Run:
        """A review of the current text begins; one before it counts no more."""
        base = self._every
        self.run = Run(self.snapshot, base, self.intent, self.demanded, self.edited)
        self.intent, self.demanded = Intent.LOOK, False
        return self.run

    def land(self, run: Run, outcome: Outcome, *, final: bool, failure: str = "") -> bool:
        """Take over what a review has found so far. False if the review is not this document's any more.

        Where the outcome has nothing to say (a unit that failed, or is not back yet), what was found before
        stays, and is stale if there is a ``failure``: why no answer came, in a few words. All of it is then
        carried through what was typed since the review began.
        """
        if self.run is not run:
            return False
        # Typed and undone since: it is of this very text.
        edits = run.edits if run.snapshot.text != self.snapshot.text else ()
        silent = tuple(outcome.unreviewed)
        new = [
            each
            for each in (
                *map(Shown, outcome.findings),
                *(Shown(each.finding, dismissed=each.why) for each in outcome.dismissed),
            )
            if each.span.of(run.snapshot.text) == each.finding.quote
        ]
        kept = [
            replace(old, stale=failure or old.stale)
            for old in run.base
            if any(part.overlaps(old.span) for part in silent)
            and not any(_repeats(each, old) for each in new)
        ]
        merged = {each.finding: each for each in (*kept, *new)}
        self._show(carry(merged.values(), edits, self.snapshot.text))
        if final:
            self.run = None
            self.spent += outcome.usage
            whole = not outcome.errors and not silent and not edits and not run.outdated
            self.reviewed = run.snapshot.digest if whole else None
            open_ones = [span for span in run.edited if any(_meets(part, span) for part in silent)]
            self.edited = carry_spans(open_ones, edits)
        return True

    def doubt(self, run: Run, why: str) -> bool:
        """The review failed as a whole: what is shown stays, and is stale. False as for ``land``."""
        if self.run is not run:
            return False
        self.shown = tuple(replace(shown, stale=why) for shown in self.shown)
        return True

    def edit(self, snapshot: Snapshot, edits: Sequence[Replacement]) -> Change:
        """It is another text now, made by ``edits``; whether they were in a finding."""
        before = [each.touched for each in self._every]
        self.snapshot, self.reviewed = snapshot, None
        if self.run is not None:
            self.run.edits.extend(edits)
        self.edited = carry_spans(self.edited, edits)
        self.hints = carry(self.hints, edits, snapshot.text)
        self._show(carry(self._every, edits, snapshot.text))
        return Change.APPLIED if before == [each.touched for each in self._every] else Change.TOUCHED

    def rearrange(self, snapshot: Snapshot, shown: Iterable[Shown]) -> None:
        """It is made of other parts now, or in another order; a review under way will not land."""
        self.snapshot, self.reviewed, self.run, self.edited = snapshot, None, None, ()
        self.hints = ()
        self._show(shown)

    def judge(self, why: Callable[[Finding], str | None]) -> None:
        """Others of its findings may be dismissed now: ``why``, or None, it tells for each of this text."""
        judged = {each: why(each.current) or "" for each in self._every}
        self._show(
            carry((replace(each, dismissed=said) for each, said in judged.items()), (), self.snapshot.text)
        )
        if self.run is not None:
            # What it leaves open stays as it is known by now, too.
            known = {_claim(each): said for each, said in judged.items()}
            self.run.base = tuple(
                replace(each, dismissed=known.get(_claim(each), each.dismissed)) for each in self.run.base
            )

    def outdate(self) -> None:
        """Its review would come to something else now, and so would the one under way."""
        self.reviewed = None
        if self.run is not None:
            self.run.outdated = True

    def forget(self) -> None:
        """Drop the findings and whatever is under way."""
        self.shown = self.dismissed = self.edited = ()
        self.reviewed = self.run = None

    def _show(self, all_of_them: Iterable[Shown]) -> None:
        every = tuple(all_of_them)
        self.shown = tuple(each for each in every if not each.dismissed)
        self.dismissed = tuple(each for each in every if each.dismissed)


def _claim(shown: Shown) -> object:
    """What a finding says, wherever it is by now."""
    finding = shown.finding
    return finding.rule, finding.quote, finding.title, finding.trigger


def _meets(one: Span, other: Span) -> bool:
    return one.start <= other.end and other.start <= one.end


def _repeats(new: Shown, old: Shown) -> bool:
    """Whether a finding of a unit that is not done says again what was said before."""
    return new.finding.rule == old.finding.rule and (new.span == old.span or new.span.overlaps(old.span))


class Documents:
    """All open documents, by URI."""

    def __init__(self) -> None:
        self._open: dict[str, Document] = {}

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def get(self, uri: str) -> Document | None:
        """The open document of that name, or that of which a part has that name."""
        document = self._open.get(uri)
        return document or next((each for each in self if uri in each.snapshot.names), None)

    def meant(self, uri: str | None) -> list[Document]:
        """Those that a name stands for; all of them without one."""
        return [each for each in self if uri is None or uri in each.snapshot.names]

    def add(self, document: Document) -> None:
        """It is open now."""
        self._open[document.uri] = document

    def open(self, uri: str, version: int, language_id: str, text: str) -> Document:
        """A document was opened, or opened again."""
        path = path_of(uri)
        language = _language(uri, path, language_id, text)
        document = Document(Snapshot(uri, version, language or "plaintext", text), path, language)
        self.add(document)
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
        if snapshot.text == document.snapshot.text:
            document.snapshot = snapshot
            return Change.APPLIED
        return document.edit(snapshot, edits)

    def lose(self, uri: str) -> Change:
        """The text of that document is not known any more."""
        document = self._open.get(uri)
        if document is None:
            return Change.UNKNOWN
        document.synced = False
        document.hints = ()
        document.forget()
        return Change.REFUSED


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


def known(language_id: str) -> str | None:
    """The rest of kibitz's name of the language that an editor calls so; None if it is not source code."""
    name = _ALIASES.get(language_id, language_id)
    return name if line_comments(name) or block_comments(name) else None


def _language(uri: str, path: str | None, language_id: str, text: str) -> str | None:
    if uri.partition(":")[0] not in SCHEMES:
        return None
    name = known(language_id)
    return name or language_of(PurePosixPath(path or uri).name, text[:300].partition("\n")[0])
