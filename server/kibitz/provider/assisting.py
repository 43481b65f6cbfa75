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
from kibitz.guard.sanitize import plain
from kibitz.provider.models import ContextAnalysis, Edit, Suggestion
from kibitz.provider.questions import decoded, question_of
from kibitz.provider.shield import Shielded, hidden, shield

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
    code, shown = await connection.turns.in_thread(_hide, place, keys)
    request = assist.suggest(shown)
    answer = await connection.ask(
        question_of(request, place.language), decoded(assist.parse_suggestions), call
    )
    return await connection.turns.in_thread(_usable, answer, code, place, call.tally)


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
    code = shield(place.text, keys=keys)
    diagnostics = tuple(
        replace(each, span=code.shown(each.span), message=hidden(each.message, keys))
        for each in place.diagnostics
    )
    instruction = hidden(place.instruction, keys)
    span = code.shown(place.span)
    return code, replace(place, text=code.text, span=span, diagnostics=diagnostics, instruction=instruction)


def _usable(answer: assist.Suggestions, code: Shielded, place: Context, tally: Tally) -> list[Suggestion]:
    suggestions = []
    for claim in answer.claims:
        title = plain(claim.title, TITLE_LENGTH)
        edits = _edits(claim, code, place.language)
        if title and edits:
            rationale = plain(claim.rationale, TEXT_LENGTH)
            suggestions.append(Suggestion(title, rationale, edits, tally.usage))
    return suggestions


def _edits(claim: assist.SuggestionClaim, code: Shielded, language: str) -> tuple[Edit, ...]:
    """The edits in order, or none if one of them must not be made: half a suggestion may be worse."""
    edits: list[Edit] = []
    for each in claim.edits:
        anchor = find(each.quote, each.start_line, code.lines)
        fix = gate(code.lines, anchor, each.replacement, language, max_lines=MAX_LINES) if anchor else None
        known = code.reveal_fix(fix) if isinstance(fix, Fix) else None
        if not isinstance(known, Fix):
            return ()
        edits.append(Edit(known.span, known.old_text, known.new_text, known.needs_review))
    edits.sort(key=lambda edit: edit.span)
    if any(one.span.end > other.span.start for one, other in pairwise(edits)):
        return ()
    # Each is fine alone; whether they are together is another question.
    after = code.original
    for edit in reversed(edits):
        after = after[: edit.span.start] + edit.new_text + after[edit.span.end :]
    return () if parses_as_well(code.original, after, language) is False else tuple(edits)
