"""Code as it may leave: bounded, its secrets hidden, what is invisible shown; and what returns, put back.

Lines stay as they are. Within a line, the mark of an invisible character takes more room than it did, so
places are counted back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kibitz.findings.fix import Rejection
from kibitz.guard.budget import check_text, check_tokens
from kibitz.guard.invisible import introduces_invisible
from kibitz.guard.redact import redact
from kibitz.guard.visible import visible
from kibitz.provider.tokens import estimate
from kibitz.text.lines import LineIndex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kibitz.findings.finding import Finding, Fix
    from kibitz.findings.guidance import Guidance
    from kibitz.guard.redact import Redacted, Secret
    from kibitz.guard.visible import Visible
    from kibitz.text.spans import Span

SECRET = "fix-touches-secret"  # noqa: S105 - a reason to drop a fix
INVISIBLE = "fix-touches-invisible"
"""Why a fix was dropped; see below."""
_SECRET = Rejection("touches-secret")
"""It changes a secret in part, or names one that is not there."""
_INVISIBLE = Rejection("touches-invisible")
"""The same of an invisible character."""


@dataclass(frozen=True, slots=True, repr=False)
class Shielded:
    """A text of which a model sees what it may see."""

    original: str
    lines: LineIndex
    """Of the shielded text: what the model sees, and what it quotes."""
    context: str
    _redacted: Redacted
    _head: str
    """What was shielded together with the text, before it."""
    _visible: Visible

    @property
    def secrets(self) -> int:
        """How many places were replaced."""
        return len(self._redacted.hits)

    @property
    def hits(self) -> tuple[Secret, ...]:
        """The secrets of the text, where they stand in the original."""
        start = len(self._head)
        return tuple(
            replace(hit, span=hit.span.shift(-start))
            for hit in self._redacted.hits
            if hit.span.start >= start
        )

    @property
    def text(self) -> str:
        """What the model sees."""
        return self.lines.text

    def shown(self, span: Span) -> Span:
        """What the model sees of ``span`` of the original."""
        return self._visible.shown(span)

    def reveal(self, finding: Finding) -> tuple[Finding, str | None]:
        """A finding of the shielded text as one of the original, and why it lost its fix if it did."""
        span = self._visible.origin(finding.span)
        known = replace(finding, span=span, quote=span.of(self.original), fix=None)
        if finding.fix is None:
            return known, None
        fix = self.reveal_fix(finding.fix)
        if isinstance(fix, Rejection):
            return known, f"fix-{fix.reason}"
        return replace(known, fix=fix), None

    def reveal_fix(self, fix: Fix) -> Fix | Rejection:
        """A fix of the shielded text as one of the original, unless it tampers with what is hidden."""
        span = self._visible.origin(fix.span)
        if self._cuts(span):
            return _SECRET
        shown = self._visible.restore(fix.new_text, fix.old_text)
        if shown is None:
            return _INVISIBLE
        new, old = self._redacted.restore(shown), span.of(self.original)
        # A tag that the old lines do not have may be another piece's, and stand for another secret there.
        if new is None or any(secret in new and secret not in old for secret in self._values()):
            return _SECRET
        if introduces_invisible(old, new):
            return _INVISIBLE
        return replace(fix, span=span, old_text=old, new_text=new)

    def _cuts(self, span: Span) -> bool:
        """Whether a secret is only partly inside."""
        inside = span.shift(len(self._head))
        hidden = [hit.span for hit in self._redacted.hits]
        return any(secret.overlaps(inside) and not inside.contains(secret) for secret in hidden)

    def _values(self) -> list[str]:
        whole = self._head + self.original
        return [hit.span.of(whole) for hit in self._redacted.hits]


def shield(text: str, context: str = "", *, keys: Iterable[str] = ()) -> Shielded:
    """Hide the secrets of ``text`` and ``context``; ``keys`` are hidden wherever they stand.

    Raises:
        kibitz.guard.redact.Refused: it is too large, has too many, or looking takes too long: it must not be
            sent.
    """
    check_text(text)
    check_text(context)
    # Together, so that one secret has one tag, and different ones never share theirs.
    head = f"{context}\n" if context else ""
    redacted = redact(head + text, literals=keys)
    shown = visible(redacted.text[len(head) :])
    beside = visible(redacted.text[: max(len(head) - 1, 0)]).text
    check_tokens(estimate(shown.text) + estimate(beside))
    return Shielded(
        original=text,
        lines=LineIndex(shown.text),
        context=beside,
        _redacted=redacted,
        _head=head,
        _visible=shown,
    )


def shielded(guidance: Guidance | None, keys: Iterable[str] = ()) -> Guidance | None:
    """What a project adds to a question, without secrets; else as ``shield``."""
    return None if guidance is None else replace(guidance, text=hidden(guidance.text, keys))


def hidden(text: str, keys: Iterable[str] = ()) -> str:
    """A text that is sent along and of which nothing comes back; else as ``shield``."""
    check_text(text)
    return visible(redact(text, literals=keys).text).text
