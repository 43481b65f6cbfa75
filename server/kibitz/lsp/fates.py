"""What becomes of findings in the editor: each is counted once when it is shown, and once when it goes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kibitz.telemetry.catalogue import DISMISSED, FIXED, SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kibitz.lsp.documents import Document
    from kibitz.lsp.shown import Shown
    from kibitz.telemetry.metrics import Counter

REMEMBERED = 4096
"""So many findings; one that comes again after that is counted again."""
_AROUND = 1000
"""Code points: a fix that was made stands so near to where its finding was shown last."""


class Fates:
    """See the module. Belongs to the event loop."""

    def __init__(self, findings: Counter) -> None:
        self._findings = findings
        self._counted: dict[int, None] = {}
        """Hashes of what was counted, oldest first."""
        self._shown: dict[str, Mapping[object, Shown]] = {}
        """What was shown last, by URI and by what it says."""

    def look(self, document: Document) -> None:
        """That is what is shown of a document now."""
        before, now = self._shown.get(document.uri, {}), _by_claim(document.shown)
        if not before and not now:
            return
        for claim, shown in now.items():
            if claim not in before:
                self._count(document, claim, shown, SHOWN)
        gone = before.keys() - now.keys()
        refused = _by_claim(document.dismissed) if gone else {}
        for claim in gone:
            if claim in refused:
                self._count(document, claim, before[claim], DISMISSED)
            elif _is_fixed(before[claim], document.snapshot.text):
                self._count(document, claim, before[claim], FIXED)
        if now:
            self._shown[document.uri] = now
        else:
            del self._shown[document.uri]

    def forget(self, uri: str) -> None:
        """That document is not open any more."""
        self._shown.pop(uri, None)

    def _count(self, document: Document, claim: object, shown: Shown, fate: str) -> None:
        mark = hash((document.uri, claim, fate))
        if mark in self._counted:
            return
        self._counted[mark] = None
        if len(self._counted) > REMEMBERED:
            del self._counted[next(iter(self._counted))]
        self._findings.add(shown.finding.rule, fate)


def _by_claim(shown: Iterable[Shown]) -> dict[object, Shown]:
    return {
        (each.finding.rule, each.finding.quote, each.finding.title, each.finding.trigger): each
        for each in shown
    }


def _is_fixed(shown: Shown, text: str) -> bool:
    """Whether the fix's text stands where its finding was, and what it was to replace does not.

    Editors make edits in their own ways, in several steps even: what they come to is what counts.
    """
    fix = shown.finding.fix
    if fix is None:
        return False
    at = (shown.hull or shown.finding.span).start
    begin = max(at - _AROUND, 0)
    near, place = text[begin : at + len(fix.new_text) + _AROUND], at - begin
    new, old = fix.new_text.strip(), fix.old_text.strip()
    if not new or old in new:
        return new in near and (old in new or old not in near)
    # What was replaced here may stand elsewhere, and rightly so.
    return _distance(near, new, place) < _distance(near, old, place)


def _distance(text: str, what: str, place: int) -> float:
    """How far from a place that stands, at the nearest."""
    found = (text.rfind(what, 0, place + len(what)), text.find(what, place))
    return min((abs(at - place) for at in found if at >= 0), default=math.inf)
