"""What a rewrite really changed: the diff of two versions of a piece, by meaning rather than by looks.

Spacing, comments, docstrings, quote style and line breaks are a model's taste, never a finding. What is left
is at most two small hunks, each with whole original lines to quote; more means that the model rewrote for
taste, and nothing is reported. Pure.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import takewhile
from typing import TYPE_CHECKING

from kibitz.findings.code_lines import TAB_WIDTH, CodeLine, code_lines, indentation_matters, raw_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_HUNKS = 2
MAX_QUOTED_LINES = 3
MAX_NEW_LINES = 5
MAX_LINES = 400
"""Lines of one version; the diff is quadratic at worst."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """One change, as whole lines of the original and what they become."""

    start_line: int
    """Where ``quote`` starts in the original, from 1."""
    quote: str
    """One to three whole lines of the original, verbatim, without the last one's line end."""
    replacement: str
    """Whole lines with the original's indentation; ``""`` where the quoted lines are deleted."""
    at: int = field(default=0, compare=False)
    """Where the rewrite, in its own code points, first says something else than the original."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Why an answer gave no finding: a stable reason for ``PieceAnalysis.dropped``."""

    reason: str


def compare(original: str, rewritten: str, language: str) -> tuple[Hunk, ...] | Dropped:
    """The hunks that turn ``original`` into ``rewritten``, or why there are none to report.

    Reasons: ``unchanged`` (nothing but looks; the model found no bug), ``rewrote-too-much``, ``too-long``,
    ``no-code``.
    """
    old, new = code_lines(original, language), code_lines(rewritten, language)
    if not old or not new:
        return Dropped("no-code")
    if max(len(old), len(new)) > MAX_LINES:
        return Dropped("too-long")
    sensitive = indentation_matters(language)
    pair = _Versions(old, new, raw_lines(original), _usual_shift(old, new), sensitive)
    changes = [change for change in pair.changes() if not pair.only_wrapped(change)]
    if not changes:
        return Dropped("unchanged")
    hunks = tuple(pair.hunk(change) for change in changes) if len(changes) <= MAX_HUNKS else ()
    if not hunks or any(_too_big(hunk) for hunk in hunks):
        return Dropped("rewrote-too-much")
    return hunks


def _too_big(hunk: Hunk) -> bool:
    quoted, new = len(raw_lines(hunk.quote)), len(raw_lines(hunk.replacement))
    return quoted > MAX_QUOTED_LINES or new > MAX_NEW_LINES


def _usual_shift(old: Sequence[CodeLine], new: Sequence[CodeLine]) -> int:
    """How many columns further left the rewrite stands as a whole: models drop a method's indentation."""
    matcher = SequenceMatcher(
        None, [line.tokens for line in old], [line.tokens for line in new], autojunk=False
    )
    deltas = Counter(
        old[a + i].column - new[b + i].column
        for a, b, size in matcher.get_matching_blocks()
        for i in range(size)
        if a + i > 0  # a unit may begin in the middle of its first line
    )
    if not deltas and len(old) == len(new):
        # Nothing else is left of it, so what was changed stays where it is.
        deltas.update(line.column - twin.column for line, twin in zip(old[1:], new[1:], strict=True))
    return deltas.most_common(1)[0][0] if deltas else 0


@dataclass(frozen=True, slots=True)
class _Change:
    """``old[start:end]`` becomes ``new[new_start:new_end]``."""

    start: int
    end: int
    new_start: int
    new_end: int


@dataclass(frozen=True, slots=True)
class _Versions:
    """Both versions of a piece, and how their indentation compares."""

    old: Sequence[CodeLine]
    new: Sequence[CodeLine]
    source: Sequence[str]
    shift: int
    sensitive: bool

    def changes(self) -> Iterator[_Change]:
        matcher = SequenceMatcher(
            None,
            [self._key(line, 0, first=index == 0) for index, line in enumerate(self.old)],
            [self._key(line, self.shift, first=index == 0) for index, line in enumerate(self.new)],
            autojunk=False,
        )
        for tag, start, end, new_start, new_end in matcher.get_opcodes():
            if tag != "equal":
                yield _Change(start, end, new_start, new_end)

    def _key(self, line: CodeLine, shift: int, *, first: bool) -> tuple[int, tuple[str, ...]]:
        return (line.column + shift if self.sensitive and not first else 0, line.tokens)

    def only_wrapped(self, change: _Change) -> bool:
        """Whether the same code merely stands on other lines."""
        removed, added = self.old[change.start : change.end], self.new[change.new_start : change.new_end]
        same = [t for line in removed for t in line.tokens] == [t for line in added for t in line.tokens]
        return same and not (self.sensitive and len(removed) == len(added))

    def hunk(self, change: _Change) -> Hunk:
        removed, added = self.old[change.start : change.end], self.new[change.new_start : change.new_end]
        at = self._parting(removed, added, change)
        if removed:
            lines = self._replaced(removed, added)
            return self._whole_lines(removed[0].number, removed[-1].number, lines, at)
        # Nothing of the original is wrong by itself: quote the line that the new ones follow (or precede).
        after = self.old[change.start - 1] if change.start else None
        beside = after or self.old[0]
        twin = self.new[change.new_start - 1] if after else self.new[change.new_end]
        lines = [self._indented(line, beside, twin) for line in added]
        whole = [beside.text, *lines] if after else [*lines, beside.text]
        return self._whole_lines(beside.number, beside.number, whole, at)

    def _parting(self, removed: Sequence[CodeLine], added: Sequence[CodeLine], change: _Change) -> int:
        """Where the rewrite leaves the original: in its first new line, or at the line after deleted ones."""
        if not added:
            beyond = change.new_start < len(self.new)
            after = self.new[change.new_start] if beyond else self.new[-1]
            return after.start + (len(after.indent) if beyond else len(after.text))
        first = added[0]
        said = first.code.lstrip(" \t")
        common = _common(removed[0].code.lstrip(" \t"), said) if removed else 0
        if removed and common == len(said) == len(removed[0].code.lstrip(" \t")):
            return first.start  # only the indentation differs
        return first.start + len(first.indent) + common

    def _replaced(self, removed: Sequence[CodeLine], added: Sequence[CodeLine]) -> list[str]:
        if len(removed) != len(added):
            return [self._indented(line, removed[0], added[0]) for line in added]
        # Line for line: what stands between (comments, blank lines) and behind (comments) stays.
        lines = list(self.source[removed[0].number : removed[-1].number + 1])
        for before, now in zip(removed, added, strict=True):
            comment = before.text[len(before.code) :]
            lines[before.number - removed[0].number] = self._indented(now, before, now) + comment
        return lines

    def _indented(self, line: CodeLine, beside: CodeLine, twin: CodeLine) -> str:
        """``line`` of the rewrite, indented as the original is; ``twin`` there is ``beside`` here."""
        code = line.code.lstrip(" \t")
        if line is twin:
            # The first line may begin in the middle of one: its column says nothing.
            matters = self.sensitive and beside is not self.old[0]
            moved = line.column + self.shift - beside.column if matters else 0
        else:
            moved = line.column - twin.column
        return _moved(beside.indent, moved) + code

    def _whole_lines(self, first: int, last: int, lines: Sequence[str], at: int) -> Hunk:
        return Hunk(first + 1, "\n".join(self.source[first : last + 1]), "\n".join(lines), at)


def _common(one: str, other: str) -> int:
    """How many code points both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _moved(indent: str, columns: int) -> str:
    """``indent`` made wider or narrower by ``columns``, in the character that it is made of."""
    if columns >= 0:
        return indent + ("\t" * (columns // TAB_WIDTH or 1) if columns and "\t" in indent else " " * columns)
    kept = indent
    while kept and len(indent.expandtabs(TAB_WIDTH)) - len(kept.expandtabs(TAB_WIDTH)) < -columns:
        kept = kept[:-1]
    return kept
