"""What is asked about one place: other ways to write it, and what it does."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from kibitz.findings import assist
from kibitz.findings.anchor import find
from kibitz.findings.finding import Fix
from kibitz.findings.fix import gate
from kibitz.findings.parses import parses_as_well
from kibitz.guard.redact import redact
from kibitz.guard.sanitize import plain
from kibitz.provider.models import ContextAnalysis, Edit, Suggestion
from kibitz.provider.questions import decoded, question_of
from kibitz.provider.shield import Shielded, shield

if TYPE_CHECKING:
    from kibitz.provider.call import Call, Tally
    from kibitz.provider.connection import Connection
    from kibitz.provider.models import Context

TITLE_LENGTH = 120
TEXT_LENGTH = 1000
"""Code points of a title, and of any other text that is shown."""
MAX_LINES = 40
"""Most lines that one edit of a suggestion may change: unlike a finding's fix, somebody asked for it."""


async def suggest(
    connection: Connection, place: Context, keys: tuple[str, ...], call: Call
) -> list[Suggestion]:
    """Ask for suggestions; those whose edits do not all pass the gate are left out."""
    hidden, shown = await connection.turns.in_thread(_hide, place, keys)
    request = assist.suggest(shown)
    answer = await connection.ask(
        question_of(request, place.language), decoded(assist.parse_suggestions), call
    )
    return await connection.turns.in_thread(_usable, answer, hidden, place, call.tally)


async def analyse(
    connection: Connection, place: Context, keys: tuple[str, ...], call: Call
) -> ContextAnalysis:
    """Ask what a place does."""
    _, shown = await connection.turns.in_thread(_hide, place, keys)
    request = assist.analyse(shown)
    answer = await connection.ask(question_of(request, place.language), decoded(assist.parse_analysis), call)
    tally = call.tally
    return ContextAnalysis(
        summary=plain(answer.summary, TEXT_LENGTH),
        relies_on=_clean(answer.relies_on),
        breaks_when=_clean(answer.breaks_when),
        explanation=plain(answer.explanation, TEXT_LENGTH),
        usage=tally.usage,
        model=tally.model,
        request_id=tally.request_id,
    )


def _clean(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text for text in (plain(raw, TEXT_LENGTH) for raw in texts) if text)


def _hide(place: Context, keys: tuple[str, ...]) -> tuple[Shielded, Context]:
    """The place with its secrets hidden: its code, what tools quote of it, and what the user typed."""
    hidden = shield(place.text, keys=keys)
    diagnostics = tuple(
        replace(each, message=redact(each.message, literals=keys).text) for each in place.diagnostics
    )
    instruction = redact(place.instruction, literals=keys).text
    return hidden, replace(place, text=hidden.text, diagnostics=diagnostics, instruction=instruction)


def _usable(answer: assist.Suggestions, hidden: Shielded, place: Context, tally: Tally) -> list[Suggestion]:
    suggestions = []
    for claim in answer.claims:
        title = plain(claim.title, TITLE_LENGTH)
        edits = _edits(claim, hidden, place.language)
        if title and edits:
            rationale = plain(claim.rationale, TEXT_LENGTH)
            suggestions.append(Suggestion(title, rationale, edits, tally.usage))
    return suggestions


def _edits(claim: assist.SuggestionClaim, hidden: Shielded, language: str) -> tuple[Edit, ...]:
    """The edits in order, or none if one of them must not be made: half a suggestion may be worse."""
    edits: list[Edit] = []
    for each in claim.edits:
        anchor = find(each.quote, each.start_line, hidden.lines)
        fix = gate(hidden.lines, anchor, each.replacement, language, max_lines=MAX_LINES) if anchor else None
        known = hidden.reveal_fix(fix) if isinstance(fix, Fix) else None
        if known is None:
            return ()
        edits.append(Edit(known.span, known.old_text, known.new_text, known.needs_review))
    edits.sort(key=lambda edit: edit.span)
    if any(one.span.end > other.span.start for one, other in pairwise(edits)):
        return ()
    # Each is fine alone; whether they are together is another question.
    after = hidden.original
    for edit in reversed(edits):
        after = after[: edit.span.start] + edit.new_text + after[edit.span.end :]
    return () if parses_as_well(hidden.original, after, language) is False else tuple(edits)
