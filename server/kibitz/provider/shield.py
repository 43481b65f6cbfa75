"""Code as it may leave: secrets replaced one to one, and put back into what returns.

Replacing keeps every offset, so what is found in the shielded text stands at the same place in the original.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kibitz.guard.redact import redact
from kibitz.text.lines import LineIndex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kibitz.findings.finding import Finding, Fix
    from kibitz.findings.guidance import Guidance
    from kibitz.guard.redact import Redacted
    from kibitz.text.spans import Span

SECRET = "fix-touches-secret"  # noqa: S105 - a reason to drop a fix
"""Why a fix was dropped: it changes a secret in part, or names one that is not there."""


@dataclass(frozen=True, slots=True, repr=False)
class Shielded:
    """A text whose secrets are hidden from the model."""

    original: str
    lines: LineIndex
    """Of the shielded text: what the model sees, and what it quotes."""
    context: str
    _redacted: Redacted
    _head: str
    """What was shielded together with the text, before it."""

    @property
    def secrets(self) -> int:
        """How many places were replaced."""
        return len(self._redacted.hits)

    @property
    def text(self) -> str:
        """What the model sees."""
        return self.lines.text

    def reveal(self, finding: Finding) -> tuple[Finding, str | None]:
        """A finding of the shielded text as one of the original, and why it lost its fix if it did."""
        fix = None if finding.fix is None else self.reveal_fix(finding.fix)
        dropped = SECRET if finding.fix is not None and fix is None else None
        return replace(finding, quote=finding.span.of(self.original), fix=fix), dropped

    def reveal_fix(self, fix: Fix) -> Fix | None:
        """A fix of the shielded text as one of the original; None if it tampers with a secret."""
        if self._cuts(fix.span):
            return None
        new = self._redacted.restore(fix.new_text)
        old = fix.span.of(self.original)
        # A tag that the old lines do not have may be another piece's, and stand for another secret there.
        if new is None or any(secret in new and secret not in old for secret in self._values()):
            return None
        return replace(fix, old_text=old, new_text=new)

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
        kibitz.guard.redact.Refused: there are too many, or looking takes too long: it must not be sent.
    """
    # Together, so that one secret has one tag, and different ones never share theirs.
    head = f"{context}\n" if context else ""
    redacted = redact(head + text, literals=keys)
    return Shielded(
        original=text,
        lines=LineIndex(redacted.text[len(head) :]),
        context=redacted.text[: max(len(head) - 1, 0)],
        _redacted=redacted,
        _head=head,
    )


def shielded(guidance: Guidance | None, keys: Iterable[str] = ()) -> Guidance | None:
    """What a project adds to a question, without secrets; else as ``shield``."""
    return None if guidance is None else replace(guidance, text=redact(guidance.text, literals=keys).text)
