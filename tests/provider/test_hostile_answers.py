"""Whatever a model or a server says, the client gives a result that holds, or one of the five errors."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.provider.clients import client
from tests.support import fake_faults
from tests.support.fake_provider import Answer, FakeProvider, Reply

from kibitz.guard.sanitize import introduces_invisible
from kibitz.provider.errors import OpenAIError
from kibitz.provider.models import CodeAnalysis, Context
from kibitz.text.spans import Span

CODE = "def mean(values):\n\treturn sum(values) / len(value)\n\n\nclass A:\n    x = 1\n    y = 'é😀'\n"
LINES = CODE.split("\n")

HOSTILE = st.sampled_from(
    [
        "\u202e\u2066evil",
        "[a](http://evil.example)",
        "<img src=x>",
        "\x1b[2J",
        "command:rm",
        "\ud800",
        "x" * 9000,
        "import os; os.system('x')",
    ]
)
TEXT = st.text(max_size=20) | HOSTILE | st.sampled_from(LINES)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
ANY = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)
FINDING = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["off-by-one", "inverted-condition", "no-such-rule"]) | ANY,
        "start_line": st.integers(-5, 20) | ANY,
        "quote": st.sampled_from(LINES) | TEXT | ANY,
        "title": TEXT | ANY,
        "trigger": TEXT | ANY,
        "severity": st.sampled_from(["error", "warning", "info"]) | ANY,
        "confidence": st.sampled_from(["certain", "likely", "unsure"]) | ANY,
        "replacement": st.none() | TEXT | st.sampled_from(LINES) | ANY,
    }
)
CLOSE = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["off-by-one", "inverted-condition"]),
        "start_line": st.integers(0, 9),
        "quote": st.sampled_from(LINES),
        "title": TEXT,
        "trigger": TEXT,
        "severity": st.just("error"),
        "confidence": st.just("certain"),
        "replacement": st.none() | TEXT | st.lists(st.sampled_from(LINES), max_size=3).map("\n".join),
    }
)
FINDINGS = st.fixed_dictionaries({"findings": st.lists(CLOSE | FINDING, max_size=4)})
ANSWERS = st.one_of(
    FINDINGS.map(lambda value: Reply(json.dumps(value))),
    ANY.map(lambda value: Reply(json.dumps(value))),
    st.text(max_size=40).map(Reply),
    ANY.map(lambda value: fake_faults.body(json.dumps(value))),
    st.binary(max_size=60).map(fake_faults.body),
)
UNFIT = ("](", "://", "\x1b", "\u202e", "\ud800", "\n", "command:r")
"""What must not be in anything that is shown."""
QUICK = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def check(analysis: CodeAnalysis) -> None:
    for finding in analysis.findings:
        assert finding.span.of(CODE) == finding.quote
        for text in (finding.title, finding.trigger):
            assert text
            assert len(text) <= 500
            assert not [
                bad for bad in ("](", "://", "\x1b", "\u202e", "\ud800", "\n", "command:r") if bad in text
            ]
        if (fix := finding.fix) is not None:
            assert fix.span.of(CODE) == fix.old_text != fix.new_text
            assert not introduces_invisible(fix.old_text, fix.new_text)
            assert len(fix.new_text) <= 8192


async def review(answer: Answer, api: str, mode: str) -> None:
    async with FakeProvider(lambda _: answer) as fake, client(fake, api=api, review=mode) as tested:
        try:
            check(await tested.process_code(CODE))
        except OpenAIError as error:
            assert error.message  # noqa: PT017 - either outcome is right


@QUICK
@given(ANSWERS, st.sampled_from(["chat", "responses"]))
def test_a_review_holds_or_fails_properly(answer: Answer, api: str) -> None:
    asyncio.run(review(answer, api, "list"))


@QUICK
@given(
    st.one_of(
        st.lists(st.sampled_from(LINES) | TEXT, max_size=8).map(
            lambda lines: Reply("```python\n" + "\n".join(lines) + "\n```")
        ),
        ANSWERS,
    )
)
def test_a_rewrite_holds_or_fails_properly(answer: Answer) -> None:
    asyncio.run(review(answer, "chat", "rewrite"))


EDIT = st.fixed_dictionaries(
    {
        "start_line": st.integers(0, 9),
        "quote": st.sampled_from(LINES) | TEXT,
        "replacement": TEXT | st.lists(st.sampled_from(LINES), max_size=3).map("\n".join),
    }
)
SUGGESTION = st.fixed_dictionaries(
    {"title": TEXT | ANY, "rationale": TEXT, "edits": st.lists(EDIT, max_size=4) | ANY}
)


async def assist(answer: Any) -> None:
    place = Context(CODE, "python", Span(0, 30))
    async with FakeProvider(lambda _: Reply(json.dumps(answer))) as fake, client(fake) as tested:
        try:
            for suggestion in await tested.generate_suggestions(place):
                assert suggestion.edits
                last = 0
                for edit in suggestion.edits:
                    assert edit.span.of(CODE) == edit.old_text
                    assert edit.span.start >= last
                    last = edit.span.end
            await tested.analyze_context(place)
        except OpenAIError as error:
            assert error.message  # noqa: PT017 - either outcome is right


@QUICK
@given(st.fixed_dictionaries({"suggestions": st.lists(SUGGESTION, max_size=4)}) | ANY)
def test_suggestions_hold_or_fail_properly(answer: Any) -> None:
    asyncio.run(assist(answer))
