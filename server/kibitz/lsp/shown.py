"""Findings as the editor has them, and how they are carried through what is typed. Pure.

An edit beside a finding moves it. An edit inside leaves it on what is left of the lines that it quotes, to be
re-checked: it may hold still, and a finding that goes with the first keystroke and comes back with the review
would flicker. Once the quoted lines stand there again (an undo, a formatter), it is as it was. Once its fix
stands there, it is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kibitz.findings.finding import Finding
    from kibitz.text.remap import Replacement

_LEAST = 3
"""Code points: with less left of its quote, a finding is gone."""
_MAX_EDITED = 64


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding as the editor has it."""

    finding: Finding
    """As it was found; its spans are those of the current text unless it is ``touched``."""
    stale: str = ""
    """Why it was not looked at again when it should have been, in a few words. Empty: it is as reviewed."""
    dismissed: str = ""
    """Why the user does not want to see it; empty: nobody said so."""
    hull: Span | None = None
    """Where its quote stood and what was typed there since. None: the quote stands."""
    rest: Span | None = None
    """What is left of the quote, in one piece; None as for ``hull``."""

    @property
    def touched(self) -> bool:
        """Whether something was typed inside since it was found."""
        return self.rest is not None

    @property
    def span(self) -> Span:
        """Where it is shown. That text is its quote, or the largest part of it that is left."""
        return self.rest or self.finding.span

    @property
    def current(self) -> Finding:
        """The finding, where it is shown."""
        return replace(self.finding, span=self.rest) if self.rest is not None else self.finding


def carry(shown: Iterable[Shown], edits: Sequence[Replacement], text: str) -> tuple[Shown, ...]:
    """The findings after the edits that made ``text``, in its order; those of which nothing is left go.

    What is found in two equal lines is one finding once only one of the lines is left.
    """
    if not edits:
        carried = list(shown)
    else:
        carried = [after for each in shown if (after := _carried(each, edits, text)) is not None]
    carried.sort(key=lambda each: (each.span, each.touched, each.finding.span))
    alike: dict[object, Shown] = {}
    for each in carried:
        alike.setdefault((each.span, each.finding.rule, each.finding.title, each.finding.trigger), each)
    return tuple(alike.values())


def moved(shown: Shown, by: int) -> Shown:
    """The finding ``by`` code points further on, in the same words."""
    if shown.hull is None or shown.rest is None:
        return replace(shown, finding=_shifted(shown.finding, by))
    return replace(shown, hull=shown.hull.shift(by), rest=shown.rest.shift(by))


def carry_spans(spans: Iterable[Span], edits: Iterable[Replacement]) -> tuple[Span, ...]:
    """What was typed before, and what the edits typed, in their text; neighbours as one."""
    carried = sorted(spans)
    for edit in edits:
        moved = [_grown(span, edit) for span in carried]
        typed = Span(edit.span.start, edit.span.start + edit.new_length)
        carried = _joined(sorted((*moved, typed)))
    if len(carried) > _MAX_EDITED:
        return (Span(carried[0].start, carried[-1].end),)
    return tuple(carried)


def _carried(shown: Shown, edits: Iterable[Replacement], text: str) -> Shown | None:
    begun = hull = shown.hull or shown.finding.span
    for edit in edits:
        hull = _grown(hull, edit)
    if not shown.touched and len(hull) == len(begun) and hull.of(text) == shown.finding.quote:
        # By far the most frequent, for each finding with each keystroke.
        by = hull.start - shown.finding.span.start
        return shown if not by else Shown(shown.finding.shift(by), shown.stale, shown.dismissed)
    at = _standing(shown.finding.quote, hull, text)
    if at is not None:
        by = at - shown.finding.span.start
        return replace(shown, finding=_shifted(shown.finding, by), hull=None, rest=None)
    if _is_mended(shown.finding, hull, text):
        return None
    rest = _rest(shown.finding.quote, hull, text)
    return None if rest is None else replace(shown, hull=hull, rest=rest)


def _grown(span: Span, edit: Replacement) -> Span:
    """Where ``span`` is after the edit, and what was typed in it. At its ends nothing is typed *in* it."""
    if edit.span.end <= span.start:
        return span.shift(edit.growth)
    if span.end <= edit.span.start:
        return span
    start, end = min(span.start, edit.span.start), max(span.end, edit.span.end)
    return Span(start, end + edit.growth)


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in spans:
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def _standing(quote: str, hull: Span, text: str) -> int | None:
    """Where the quote stands again, in the hull or around it (what was rubbed out at its end came back).

    It reaches from a line's start (but for its indentation) to an end.
    """
    first, last = max(hull.start - len(quote), 0), hull.end + len(quote)
    at = text.find(quote, first, last) if quote else -1
    while at >= 0:
        again = Span(at, at + len(quote))
        if (hull.contains(again) or again.contains(hull)) and _is_whole(text, at, again.end, hull):
            return at
        at = text.find(quote, at + 1, last)
    return None


def _is_whole(text: str, start: int, end: int, hull: Span) -> bool:
    before = text[max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1 : start]
    begins = start == hull.start or not before.strip(" \t\f")
    return begins and (end in {hull.end, len(text)} or text[end] in "\r\n")


def _shifted(finding: Finding, by: int) -> Finding:
    """The finding ``by`` code points further on. Its fix says what it replaces, so it need not be right."""
    fix = finding.fix
    if fix is not None and fix.span.start + by < 0:
        finding = replace(finding, fix=None)
    return finding.shift(by)


def _is_mended(finding: Finding, hull: Span, text: str) -> bool:
    """Whether the finding's fix stands there, in the place of all that it was to replace."""
    fix = finding.fix
    if fix is None:
        return False
    # A fix may begin before the quote, with its indentation, and end after it.
    starts = {hull.start, hull.start + fix.span.start - finding.span.start}
    ends = {hull.end, hull.end + fix.span.end - finding.span.end}
    return any(
        start >= 0 and start + len(fix.new_text) in ends and text.startswith(fix.new_text, start)
        for start in starts
    )


def _rest(quote: str, hull: Span, text: str) -> Span | None:
    """The longer of the quote's beginning and its end, as far as it is there; None if hardly anything is."""
    inside = hull.of(text)
    most = min(len(quote), len(inside))
    ahead = next((i for i in range(most) if quote[i] != inside[i]), most)
    behind = next((i for i in range(most - ahead) if quote[-1 - i] != inside[-1 - i]), most - ahead)
    if ahead >= behind:
        kept = inside[:ahead].rstrip()
        start = hull.start
    else:
        kept = inside[len(inside) - behind :].lstrip()
        start = hull.end - len(kept)
    if len(kept) < min(_LEAST, len(quote)) or not kept:
        return None
    return Span(start, start + len(kept))
