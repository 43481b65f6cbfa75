"""Findings as the protocol shows them: diagnostics, and code actions that mend them."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from lsprotocol import types

from kibitz.findings.finding import Severity
from kibitz.findings.rule_pages import address
from kibitz.lsp.kinds import SOURCE
from kibitz.text.lines import Position
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kibitz.findings.finding import Finding
    from kibitz.lsp.capabilities import Client
    from kibitz.lsp.shown import Shown
    from kibitz.text.lines import Encoding
    from kibitz.text.snapshot import Snapshot

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
_MAX_RELATED = 3


def identity(finding: Finding) -> str:
    """A short name for the finding that stays while it moves."""
    return _name(finding.rule, finding.quote, finding.title, finding.trigger)


@lru_cache(maxsize=4096)
def _name(*parts: str) -> str:
    # Of all that is shown, for each keystroke and each menu.
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def position(where: types.Position) -> Position:
    """The protocol's position as ours."""
    return Position(where.line, where.character)


def offset_at(where: types.Position, uri: str, snapshot: Snapshot, encoding: Encoding) -> int:
    """The offset in ``snapshot`` of a position in that of its parts which the client calls ``uri``."""
    part, start = snapshot.part(uri)
    return start + part.lines.offset(position(where), encoding)


def span_at(where: types.Range, uri: str, snapshot: Snapshot, encoding: Encoding) -> Span:
    """The same of a range; a reversed one means the same range."""
    ends = (offset_at(each, uri, snapshot, encoding) for each in (where.start, where.end))
    return Span(*sorted(ends))


def lsp_range(span: Span, snapshot: Snapshot, encoding: Encoding) -> types.Range:
    """Where ``span`` is in its part of the document, in the client's columns."""
    part, span = snapshot.locate(span)
    start = part.lines.position(span.start, encoding)
    end = part.lines.position(span.end, encoding)
    return types.Range(types.Position(start.line, start.character), types.Position(end.line, end.character))


def diagnostic(shown: Shown, snapshot: Snapshot, client: Client) -> types.Diagnostic:
    """The finding as a diagnostic of ``snapshot``. What is in doubt says so in words: there is no tag."""
    finding = shown.finding
    fix = finding.fix if not shown.touched else None
    fades = client.fades and fix is not None and not fix.new_text and not shown.dismissed
    return types.Diagnostic(
        range=lsp_range(shown.span, snapshot, client.encoding),
        message="\n".join(filter(None, (finding.title, finding.trigger, _doubt(shown)))),
        severity=_severity(shown),
        code=finding.rule,
        code_description=_page(finding, client),
        source=SOURCE,
        tags=[types.DiagnosticTag.Unnecessary] if fades else None,
        data={
            "id": identity(finding),
            "version": snapshot.version,
            "stale": bool(shown.stale),
            "touched": shown.touched,
            "dismissed": bool(shown.dismissed),
        },
    )


def diagnostics(every: Sequence[Shown], snapshot: Snapshot, client: Client) -> list[types.Diagnostic]:
    """All of a document's, each with where else the same was found, if the client shows that."""
    rendered = [diagnostic(each, snapshot, client) for each in every]
    if client.related_information:
        for group in _alike(every):
            for number in group:
                rendered[number].related_information = [
                    types.DiagnosticRelatedInformation(
                        types.Location(snapshot.locate(every[other].span)[0].uri, rendered[other].range),
                        "The same was found here",
                    )
                    for other in group
                    if other != number
                ][:_MAX_RELATED]
    return rendered


def _alike(every: Sequence[Shown]) -> Iterable[Sequence[int]]:
    """The places in ``every`` of findings that say the same about the same lines."""
    groups: dict[tuple[str, str], list[int]] = {}
    for number, each in enumerate(every):
        groups.setdefault((each.finding.rule, each.finding.quote), []).append(number)
    return (group for group in groups.values() if len(group) > 1)


def _page(finding: Finding, client: Client) -> types.CodeDescription | None:
    page = address(finding.rule) if client.code_descriptions else None
    return types.CodeDescription(page) if page else None


def _severity(shown: Shown) -> types.DiagnosticSeverity:
    if shown.dismissed:
        return types.DiagnosticSeverity.Hint
    if shown.touched:
        # It may be mended by now: no reason for alarm.
        return types.DiagnosticSeverity.Information
    return _SEVERITIES[shown.finding.severity]


def _doubt(shown: Shown) -> str:
    if shown.dismissed:
        return f"dismissed: {shown.dismissed}"
    if shown.stale:
        return f"not re-checked: {shown.stale}"
    return "to be re-checked: you edited this since" if shown.touched else ""
