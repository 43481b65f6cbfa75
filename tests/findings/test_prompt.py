import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.findings import prompt, wire
from kibitz.findings.finding import Confidence, Severity
from kibitz.findings.guidance import Guidance
from kibitz.findings.prompt import INSTRUCTIONS, MAX_FINDINGS, SCHEMA, list_review
from kibitz.findings.request import Malformed
from kibitz.findings.rules import RULES


@dataclass(frozen=True)
class Code:
    text: str
    language: str = "python"
    context: str = ""


FIRST = Code("def f(xs):\n    return xs[0]\n", context="import os\nLIMIT = 3\n")
SECOND = Code("function g(n) {\n  return n - 1;\n}", "javascript")
GUIDANCE = Guidance(
    "### Project\nRules\n=| project/lists: Lists are never empty", (("project/lists", Severity.INFO),)
)
KEYS = ["rule", "start_line", "quote", "title", "trigger", "severity", "confidence", "replacement"]


def item(**changes: Any) -> dict[str, Any]:
    return {
        "rule": "empty-input",
        "start_line": 2,
        "quote": "    return xs[0]",
        "title": "Fails on an empty list",
        "trigger": "f([]) raises IndexError",
        "severity": "warning",
        "confidence": "likely",
        "replacement": None,
    } | changes


def test_pieces_are_numbered_on_and_on() -> None:
    assert list_review([FIRST, SECOND]).request.input == (
        "### Piece 1: python\n"
        "-| import os\n-| LIMIT = 3\n"
        "1\tdef f(xs):\n2\t    return xs[0]\n"
        "### Piece 2: javascript\n"
        "3\tfunction g(n) {\n4\t  return n - 1;\n5\t}\n"
        "Report the defects."
    )


def test_what_a_project_adds_stands_before_the_pieces() -> None:
    review = list_review([FIRST, SECOND], GUIDANCE)
    assert review.request.input == f"{GUIDANCE.text}\n{list_review([FIRST, SECOND]).request.input}"
    assert review.request.instructions is INSTRUCTIONS
    rules = json.dumps(review.request.schema).replace(', "project/lists"', "", 1)
    assert rules == json.dumps(SCHEMA)


def test_a_breach_of_a_projects_rule_is_as_bad_as_the_rule_says() -> None:
    breach = item(rule="project/lists", severity="error")
    (piece,) = list_review([FIRST], GUIDANCE).parse({"findings": [breach, item(severity="error")]})
    assert [(claim.rule, claim.severity) for claim in piece.claims] == [
        ("project/lists", Severity.INFO),
        ("empty-input", Severity.ERROR),
    ]


@pytest.mark.parametrize("guidance", [None, GUIDANCE])
def test_rules_that_a_project_does_not_have_are_not_reported(guidance: Guidance | None) -> None:
    (piece,) = list_review([FIRST], guidance).parse({"findings": [item(rule="project/other")]})
    assert piece.claims == ()
    assert piece.dropped == {"unknown-rule": 1}


def test_the_prefix_is_static_and_long_enough_to_be_cached() -> None:
    one, two = list_review([FIRST]).request, list_review([SECOND, FIRST]).request
    assert one.instructions is two.instructions is INSTRUCTIONS
    assert one.schema == two.schema == SCHEMA
    prefix = INSTRUCTIONS + json.dumps(SCHEMA, separators=(",", ":"))
    assert len(prefix) / 4.4 >= 1024  # 4.1 bytes of it are a token of OpenAI's (benchmarks/economy.py)
    assert all(code in INSTRUCTIONS for code in RULES)
    assert 'Answer: {"findings":[]}' in INSTRUCTIONS


def test_the_schema_is_strict_flat_and_in_the_agreed_order() -> None:
    found: Any = SCHEMA["properties"]
    items = found["findings"]["items"]
    assert list(items["properties"]) == items["required"] == KEYS == list(wire.FindingItem.model_fields)
    assert found["findings"]["maxItems"] == MAX_FINDINGS
    assert items["properties"]["rule"]["enum"] == list(RULES)
    assert items["properties"]["replacement"] == {"type": ["string", "null"]}
    text = json.dumps(SCHEMA)
    assert not [
        word for word in ("default", "minimum", "oneOf", "anyOf", "$ref", "pattern") if f'"{word}"' in text
    ]
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate({"findings": [item(), item(replacement="x")]}, SCHEMA)


def test_the_examples_in_the_prompt_obey_the_schema_and_the_parser() -> None:
    answers = [
        line.removeprefix("Answer: ") for line in INSTRUCTIONS.splitlines() if line.startswith("Answer: ")
    ]
    assert len(answers) == 2
    for answer in answers:
        jsonschema.validate(json.loads(answer), SCHEMA)
    example = json.loads(answers[0])["findings"][0]
    assert not isinstance(wire.claim_of(example), str)
    assert f"{example['start_line']}\t{example['quote']}\n" in INSTRUCTIONS


def test_claims_go_to_their_pieces_with_lines_of_their_own() -> None:
    answer = {
        "findings": [item(), item(start_line=4, quote="  return n - 1;", severity="error", replacement="")]
    }
    first, second = list_review([FIRST, SECOND]).parse(answer)
    assert [claim.start_line for claim in first.claims] == [2]
    assert first.claims[0].severity is Severity.WARNING
    assert first.claims[0].confidence is Confidence.LIKELY
    assert [(c.start_line, c.quote, c.replacement) for c in second.claims] == [(2, "  return n - 1;", "")]


@pytest.mark.parametrize("number", [1, 2, 0, 99])
@pytest.mark.parametrize("quote", ["  return n - 1;", "4\t  return n - 1;", "return n - 1;\n}"])
def test_a_quote_outweighs_a_wrong_number(number: int, quote: str) -> None:
    first, second = list_review([FIRST, SECOND]).parse({"findings": [item(start_line=number, quote=quote)]})
    assert not first.claims
    assert [claim.start_line for claim in second.claims] == [2]


def test_of_equal_lines_the_named_piece_wins_then_the_nearest() -> None:
    pieces = [Code("a = 1\nreturn a"), Code("b = 1"), Code("return a\nc = 1\nd = 1\nreturn a")]
    review = list_review(pieces)

    def place(number: int) -> list[list[int]]:
        answer = {"findings": [item(start_line=number, quote="return a")]}
        return [[claim.start_line for claim in piece.claims] for piece in review.parse(answer)]

    assert place(2) == [[2], [], []]
    assert place(3) == [[2], [], []]
    assert place(5) == [[], [], [2]]  # inside the named piece the hint stays as it came
    assert place(50) == [[], [], [4]]


def test_a_bad_item_is_dropped_and_counted_and_the_rest_stays() -> None:
    bad = [
        item(rule="bad-style"),
        item(trigger=" \n"),
        item(start_line="2"),
        item(start_line=2.0),
        item(start_line=True),
        item(extra=1),
        item(severity="fatal"),
        item(title=""),
        item(quote="x" * 9_000),
        "nonsense",
        item(start_line=77, quote="not there"),
    ]
    first, second = list_review([FIRST, SECOND]).parse({"findings": [*bad, item()]})
    assert len(first.claims) == 1
    assert first.dropped == {"unknown-rule": 1, "no-trigger": 1, "malformed": 8, "line-unknown": 1}
    assert not second.dropped


def test_more_findings_than_asked_for_are_cut_and_counted() -> None:
    (piece,) = list_review([FIRST]).parse({"findings": [item()] * (MAX_FINDINGS + 3)})
    assert len(piece.claims) == MAX_FINDINGS
    assert piece.dropped == {"too-many": 3}


@pytest.mark.parametrize(
    "answer", [None, [], "x", 3, {}, {"findings": None}, {"findings": {}}, {"findings": [], "more": 1}]
)
def test_an_answer_of_another_shape_is_malformed(answer: object) -> None:
    with pytest.raises(Malformed):
        list_review([FIRST]).parse(answer)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*KEYS, "findings", ""]), inner)
    ),
    max_leaves=20,
)


@given(JSON, st.lists(st.text(alphabet="ab|1 \n\r\ud800"), min_size=1, max_size=4))
def test_no_answer_crashes_the_parser(answer: object, texts: list[str]) -> None:
    review = list_review([Code(text) for text in texts])
    try:
        pieces = review.parse({"findings": answer if isinstance(answer, list) else [answer]})
    except Malformed:
        return
    assert len(pieces) == len(texts)
    for piece, text in zip(pieces, texts, strict=True):
        assert all(1 <= claim.start_line <= len(text) + 1 for claim in piece.claims)


def test_versions_are_hashes() -> None:
    assert len({prompt.PROMPT_VERSION, prompt.SCHEMA_VERSION}) == 2
    assert all(len(version) == 12 for version in (prompt.PROMPT_VERSION, prompt.SCHEMA_VERSION))


def test_importing_the_prompt_does_not_import_pydantic() -> None:
    code = "import kibitz.findings.prompt, kibitz.findings.assist, sys; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
