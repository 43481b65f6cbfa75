"""Rewriting, suggesting, explaining, probing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.provider.clients import CANARY, CODE, KEY_IN_CODE, client, mended, planted
from tests.support.fake_provider import FakeProvider, Reply

from kibitz.findings.finding import Confidence
from kibitz.provider.errors import APIError
from kibitz.provider.models import Context, Diagnostic
from kibitz.text.spans import Span


async def test_rewrite_mode_asks_for_code_and_then_about_the_difference() -> None:
    async with planted() as fake, client(fake, review="rewrite") as tested:
        analysis = await tested.process_code(CODE)
        assert [seen.prompt.schema is None for seen in fake.requests] == [True, False]
        first, second = (seen.body["messages"] for seen in fake.requests)
        assert second[: len(first)] == first
        assert second[-2]["role"] == "assistant"
    (finding,) = analysis.findings
    assert mended(CODE, finding) == CODE.replace("len(value)", "len(values)")
    assert analysis.usage.requests == 2


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply("I would not change a thing."), "no-code"),
        (Reply("``` x", finish="length"), "answer-too-long"),
    ],
)
async def test_a_rewrite_that_cannot_be_used_finds_nothing(reply: Reply, reason: str) -> None:
    async with planted() as fake, client(fake, review="rewrite") as tested:
        fake.push(reply)
        analysis = await tested.process_code(CODE)
    assert analysis.findings == ()
    assert analysis.dropped == {reason: 1}


async def test_nothing_is_asked_about_a_change_that_the_model_is_unsure_of() -> None:
    before, after = CODE.split("len(value)")
    weighed = (("```python\n" + before, 0.99), ("len(values)", 0.4), (after + "```", 0.99))
    async with planted() as fake, client(fake, review="rewrite") as tested:
        fake.push(Reply("".join(text for text, _ in weighed), weighed=weighed))
        analysis = await tested.process_code(CODE)
        assert len(fake.requests) == 1
    (finding,) = analysis.findings
    assert finding.confidence is Confidence.UNSURE
    assert finding.title == "Perhaps this should be: return sum(values) / len(values)"
    assert mended(CODE, finding) == CODE.replace("len(value)", "len(values)")


async def test_rewrite_mode_is_silent_about_code_that_stays_as_it_is() -> None:
    async with FakeProvider() as fake, client(fake, review="rewrite") as tested:
        analysis = await tested.process_code(CODE)
        assert len(fake.requests) == 1
    assert analysis.findings == ()


PLACE = Context(
    CODE,
    "python",
    Span(20, 30),
    diagnostics=(Diagnostic(Span(20, 30), f"undefined name {KEY_IN_CODE}", "pyflakes"),),
    instruction=f"mend it, my key is {CANARY} and please be careful about everything",
)


def suggestion(*edits: tuple[int, str, str], title: str = "Mend") -> dict[str, Any]:
    return {
        "title": title,
        "rationale": "because",
        "edits": [{"start_line": n, "quote": q, "replacement": r} for n, q, r in edits],
    }


async def test_suggestions_have_edits_that_are_verified() -> None:
    good = suggestion((2, "    return sum(values) / len(value)", "    return sum(values) / len(values)"))
    async with planted() as fake, client(fake) as tested:
        fake.push(
            {
                "suggestions": [
                    good,
                    suggestion((2, "    nowhere", "    x")),
                    suggestion((2, "    return sum(values) / len(value)", "    return (")),
                ]
            }
        )
        (only,) = await tested.generate_suggestions(PLACE)
        sent = json.dumps(fake.requests[0].body)
    assert (only.title, only.rationale) == ("Mend", "because")
    (edit,) = only.edits
    assert edit.span.of(CODE) == edit.old_text
    assert CODE[: edit.span.start] + edit.new_text + CODE[edit.span.end :] == CODE.replace(
        "len(value)", "len(values)"
    )
    assert only.usage.requests == 1
    assert KEY_IN_CODE not in sent
    assert CANARY not in sent


async def test_overlapping_edits_cost_the_suggestion() -> None:
    line = "    return sum(values) / len(value)"
    async with planted() as fake, client(fake) as tested:
        fake.push({"suggestions": [suggestion((2, line, "    return 1"), (2, line, "    return 2"))]})
        assert await tested.generate_suggestions(PLACE) == []


async def test_an_analysis_is_plain_text() -> None:
    async with planted() as fake, client(fake) as tested:
        fake.push(
            {
                "summary": "Takes the <b>mean</b>.",
                "relies_on": ["values is not empty", " "],
                "breaks_when": ["[] is given"],
                "explanation": "",
            }
        )
        analysis = await tested.analyze_context(PLACE)
    assert analysis.summary == "Takes the mean ."
    assert analysis.relies_on == ("values is not empty",)
    assert analysis.breaks_when == ("[] is given",)
    assert (analysis.model, analysis.request_id, analysis.usage.requests) == ("gpt-6-luna", "req_1", 1)


async def test_a_place_full_of_secrets_is_not_sent() -> None:
    code = "\n".join(f'KEY_{i} = "AKIAQ3EGRIXJ5ZQ7WX{i}A"' for i in range(22, 52))
    async with planted() as fake, client(fake) as tested:
        for ask in (tested.generate_suggestions, tested.analyze_context):
            with pytest.raises(APIError, match="secret"):
                await ask(Context(code, "python", Span(0, 3)))
        assert fake.requests == []


async def test_a_probe_says_what_the_endpoint_understands() -> None:
    async with planted() as fake, client(fake) as tested:
        fake.push({"line": 2, "word": "ready"})
        probe = await tested.probe()
    assert (probe.understood, probe.api, probe.format, probe.model) == (
        True,
        "chat",
        "json_schema",
        "gpt-6-luna",
    )
    assert probe.usage.requests == 1
