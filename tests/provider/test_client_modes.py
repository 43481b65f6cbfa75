"""Rewriting, suggesting, explaining, probing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.provider.clients import CANARY, CODE, KEY_IN_CODE, client, mended, planted
from tests.support.fake_provider import FakeProvider, Reply

from kibitz.findings.dialogue import Marks
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


MARKS = Marks("<before>", "<after>", "<gap>")
HEAD, TAIL = CODE.split("len(value)")
COPIED = (
    ("```python\n" + HEAD, 0.99),
    ("len", 0.99),
    ("(value", 0.6, ("(values", 0.3)),
    (")" + TAIL + "```", 0.9),
)
MENDED = (("```python\n" + HEAD, 0.99), ("len(values)", 0.8), (TAIL + "```", 0.99))


def weighed(*tokens: tuple[Any, ...]) -> Reply:
    """An answer with the probabilities of its tokens."""
    return Reply("".join(token[0] for token in tokens), weighed=tokens)


def filled(value: float, values: float) -> Reply:
    """What the gap is filled with."""
    return Reply("x", finish="length", weighed=(("x", 0.001, ("(value", value), ("(values", values)),))


DESCRIBED = {"rule": "wrong-value", "title": "The wrong name", "trigger": "always"}


@pytest.mark.parametrize(
    ("probabilities", "confidence"),
    [((0.01, 0.9), Confidence.CERTAIN), ((0.1, 0.4), Confidence.LIKELY), ((0.5, 0.1), Confidence.UNSURE)],
)
async def test_a_change_is_as_sure_as_the_gap_says(
    probabilities: tuple[float, float], confidence: Confidence
) -> None:
    async with planted() as fake, client(fake, review="rewrite", infill=MARKS) as tested:
        fake.push(weighed(*MENDED), filled(*probabilities), DESCRIBED)
        analysis = await tested.process_code(CODE)
        asked = fake.requests[1]
        assert asked.path == "/v1/completions"
        assert asked.body["prompt"] == ("<before>def mean(values):\n<after><gap>    return sum(values) / len")
        assert asked.body["max_tokens"] == 1
        assert len(fake.requests) == (2 if confidence is Confidence.UNSURE else 3)
    (finding,) = analysis.findings
    assert finding.confidence is confidence
    assert analysis.usage.requests == len(fake.requests)


async def test_a_word_that_begins_with_the_same_token_is_weighed_after_it() -> None:
    same = Reply("(", finish="length", weighed=(("(", 0.9, ("x", 0.1)),))
    after = Reply("v", finish="length", weighed=(("values", 0.9, ("value", 0.01)),))
    async with planted() as fake, client(fake, review="rewrite", infill=MARKS) as tested:
        fake.push(weighed(*MENDED), same, after, DESCRIBED)
        (finding,) = (await tested.process_code(CODE)).findings
        assert [seen.body["prompt"][-4:] for seen in fake.requests[1:3]] == [" len", "len("]
    assert finding.confidence is Confidence.CERTAIN


async def test_where_nothing_weighs_the_gap_the_rewrite_has_to_be_certain() -> None:
    async with planted() as fake, client(fake, review="rewrite", infill=MARKS) as tested:
        fake.push(weighed(*MENDED), Reply(" "))
        (finding,) = (await tested.process_code(CODE)).findings
        assert finding.confidence is Confidence.UNSURE
        fake.push(
            weighed(("```python\n" + HEAD, 0.99), ("len(values)" + TAIL + "```", 0.99)), Reply(" "), DESCRIBED
        )
        (finding,) = (await tested.process_code(CODE)).findings
    assert finding.confidence is Confidence.LIKELY


async def test_code_with_the_marks_in_it_is_not_put_into_them() -> None:
    async with planted() as fake, client(fake, review="rewrite", infill=MARKS) as tested:
        fake.push(weighed(("```\na = '<gap>'\n", 0.9), ("b = 2\n```", 0.99)), DESCRIBED)
        await tested.process_code("a = '<gap>'\nb = 1\n")
        assert {seen.path for seen in fake.requests} == {"/v1/chat/completions"}


async def test_what_the_model_nearly_changed_is_a_finding_where_the_gap_agrees() -> None:
    async with planted() as fake, client(fake, review="rewrite", infill=MARKS) as tested:
        begun = "```python\n" + HEAD + "len(values"
        fake.push(weighed(*COPIED), filled(0.005, 0.9), Reply(begun + ")"), DESCRIBED)
        analysis = await tested.process_code(CODE)
        copied, _, resumed, described = (seen.body for seen in fake.requests)
        assert resumed["messages"] == [*copied["messages"], {"role": "assistant", "content": begun}]
        assert resumed["stop"] == "\n"
        assert "+ return sum(values) / len(values)" in described["messages"][-1]["content"]
    (finding,) = analysis.findings
    assert finding.confidence is Confidence.LIKELY
    assert mended(CODE, finding) == CODE.replace("len(value)", "len(values)")


@pytest.mark.parametrize(
    "answers",
    [
        (filled(0.01, 0.9),),
        (Reply("x"),),
        (filled(0.005, 0.9), Reply("cut", finish="length")),
    ],
)
async def test_what_the_model_nearly_changed_is_nothing_where_it_does_not(answers: tuple[Reply, ...]) -> None:
    async with planted() as fake, client(fake, review="rewrite", infill=MARKS) as tested:
        fake.push(weighed(*COPIED), *answers, DESCRIBED)
        analysis = await tested.process_code(CODE)
    assert analysis.findings == ()


async def test_without_marks_nothing_is_asked_about_what_was_nearly_changed() -> None:
    async with planted() as fake, client(fake, review="rewrite") as tested:
        fake.push(weighed(*COPIED))
        assert (await tested.process_code(CODE)).findings == ()
        assert len(fake.requests) == 1


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
