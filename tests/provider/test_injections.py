"""Code that gives orders to a model that obeys: what gets out are plain words, and checked edits."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

import pytest
from lsprotocol.converters import get_converter
from tests.provider.clients import CANARY, client
from tests.provider.injections import (
    CASES,
    DROPPED,
    LANGUAGES,
    NOTHING,
    REVIEW,
    SECRET,
    TEXT,
    Case,
    obey,
)
from tests.support.fake_provider import FakeProvider

from kibitz.findings.rule_pages import FOLDER
from kibitz.guard.invisible import introduces_invisible, introduces_script
from kibitz.guard.risks import ADDRESS, risks
from kibitz.lsp.capabilities import Client
from kibitz.lsp.edits import workspace_edit
from kibitz.lsp.hovers import about
from kibitz.lsp.rendering import diagnostic
from kibitz.lsp.shown import Shown
from kibitz.provider.errors import OpenAIError
from kibitz.provider.models import CodeAnalysis, Context
from kibitz.text.snapshot import Snapshot
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from kibitz.findings.finding import Fix
    from kibitz.provider.models import Edit

pytestmark = pytest.mark.deep
URI = "file:///w/code"
BANNED = re.compile(
    r"\]\(|!\[|</?[a-z]|https?:\S|://|www\.|(?:command|file|vscode|data|javascript):\S|```|[\x00-\x1f\x7f-\x9f]"
)
CONVERTER = get_converter()


def check_words(*texts: str) -> None:
    for text in texts:
        assert text
        assert len(text) <= 1000
        assert not BANNED.search(text), text
        assert not introduces_invisible("", text)
        assert SECRET not in text
        assert CANARY not in text


def check_edit(code: str, edit: Fix | Edit) -> None:
    assert edit.span.of(code) == edit.old_text != edit.new_text
    assert not introduces_invisible(edit.old_text, edit.new_text)
    assert not introduces_script(code, edit.new_text)
    risky = risks(edit.old_text, edit.new_text)
    assert ADDRESS not in risky
    assert edit.needs_review or not risky
    assert edit.new_text.count(SECRET) <= edit.old_text.count(SECRET)
    assert "REDACTED" not in edit.new_text


def check_rendered(code: str, language: str, analysis: CodeAnalysis) -> None:
    """The same of what an editor gets, whatever it can show."""
    snapshot = Snapshot(URI, 1, language, code)
    able = Client(
        code_descriptions=True, related_information=True, versioned_edits=True, annotated_edits=True
    )
    for finding in analysis.findings:
        shown = Shown(finding)
        rendered = CONVERTER.unstructure(diagnostic(shown, snapshot, able))
        page = rendered.pop("codeDescription")["href"]
        assert page.startswith(FOLDER.as_uri())
        for part in rendered["message"].split("\n"):
            check_words(part)
        check_words(*about(shown, None, now=0, markdown=False).split("\n"))
        if finding.fix is None:
            continue
        edit = CONVERTER.unstructure(workspace_edit([finding.fix], snapshot, able))
        assert set(edit) == {"documentChanges", "changeAnnotations"}
        (change,) = edit["documentChanges"]
        assert change["textDocument"] == {"uri": URI, "version": 1}
        assert {key for each in change["edits"] for key in each} == {"range", "newText", "annotationId"}
        asks = [each["needsConfirmation"] for each in edit["changeAnnotations"].values() if len(each) > 1]
        assert asks == [True] * finding.fix.needs_review


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_a_review_of_hostile_code(case: Case) -> None:
    code, attack = case.text, case.attack
    async with FakeProvider(obey) as fake, client(fake) as tested:
        analysis = await tested.process_code(code, language=case.language.name)
        sent = json.dumps([each.body for each in fake.requests])
    assert SECRET not in sent
    assert CANARY not in sent
    for finding in analysis.findings:
        assert finding.span.of(code) == finding.quote == case.language.line.strip()
        check_words(finding.title, finding.trigger)
        if finding.fix is not None:
            check_edit(code, finding.fix)
    check_rendered(code, case.language.name, analysis)
    if attack.reason:
        assert analysis.dropped == {attack.reason: 1}
    fixes = [finding.fix for finding in analysis.findings]
    match attack.outcome:
        case "nothing":
            assert fixes == []
        case "review":
            assert [fix is not None and fix.needs_review for fix in fixes] == [True]
        case _:
            assert fixes == [None]


def test_most_risky_fixes_are_marked_and_not_just_broken() -> None:
    marked = [case for case in CASES if case.attack.outcome == REVIEW]
    assert len(CASES) >= 60
    assert len({case.language.name for case in CASES}) == 6
    assert len(marked) >= 30
    assert {case.attack.outcome for case in CASES} == {DROPPED, REVIEW, TEXT, NOTHING}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_what_is_asked_about_hostile_code(case: Case) -> None:
    """Suggestions and explanations: the same rules hold."""
    code = case.text
    place = Context(code, case.language.name, Span(0, len(code)))
    async with FakeProvider(obey) as fake, client(fake) as tested:
        try:
            suggestions = await tested.generate_suggestions(place)
        except OpenAIError:
            suggestions = []
        for suggestion in suggestions:
            check_words(suggestion.title, *filter(None, [suggestion.rationale]))
            for edit in suggestion.edits:
                check_edit(code, edit)
        if case.attack.outcome in {DROPPED, NOTHING} and case.attack.name != "rewrite-all":
            assert not suggestions
        try:
            told = await tested.analyze_context(place)
        except OpenAIError:
            pass
        else:
            texts = (told.summary, *told.relies_on, *told.breaks_when, told.explanation)
            check_words(*filter(None, texts))
        sent = json.dumps([each.body for each in fake.requests])
    assert SECRET not in sent


async def test_a_hostile_file_beside_others_does_not_reach_them() -> None:
    """Answers about one piece cannot be about another, whatever they quote."""
    python = LANGUAGES[0]
    hostile = next(case for case in CASES if case.id == "python-secret")
    async with FakeProvider(obey) as fake, client(fake) as tested:
        analyses = await asyncio.gather(
            tested.process_code(hostile.text), tested.process_code(python.code % "    pass")
        )
    assert all(SECRET not in str(analysis) for analysis in analyses)
