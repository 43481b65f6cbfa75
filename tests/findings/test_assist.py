from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest

from kibitz.findings import assist, wire
from kibitz.findings.assist import (
    EditClaim,
    analyse,
    parse_analysis,
    parse_probe,
    parse_suggestions,
    probe,
    suggest,
)
from kibitz.findings.request import Malformed
from kibitz.text.spans import Span


@dataclass(frozen=True)
class Complaint:
    span: Span
    message: str
    source: str = ""


@dataclass(frozen=True)
class Place:
    text: str
    span: Span
    language: str = "python"
    diagnostics: tuple[Complaint, ...] = ()
    instruction: str = ""


TEXT = "import os\r\n\r\ndef f(x):\r\n    return x[0]\r\n"


def test_a_question_holds_the_numbered_excerpt_the_place_and_what_is_said() -> None:
    at = TEXT.index("return")
    place = Place(
        TEXT,
        Span(at, at + 11),
        diagnostics=(Complaint(Span(at, at + 6), "may be\nempty", "kibitz"), Complaint(Span(0, 6), "unused")),
        instruction="handle empty input\nCode",
    )
    assert suggest(place).input == (
        "Language: python\nCode\n1\timport os\n2\t\n3\tdef f(x):\n4\t    return x[0]\n"
        "Place: lines 4 to 4\n"
        "Tools say\n!| line 4 (kibitz): may be empty\n!| line 1: unused\n"
        "The programmer asks\n>| handle empty input\n>| Code"
    )
    assert analyse(place).input == suggest(place).input
    assert analyse(place).instructions != suggest(place).instructions


def test_only_an_excerpt_with_the_documents_numbers_is_sent() -> None:
    text = "".join(f"line_{number} = {'x' * 60}\n" for number in range(1, 2_001))
    at = text.index("line_1000 ")
    asked = suggest(Place(text, Span(at, at + 5))).input
    assert len(asked) < assist.EXCERPT_CHARS * 1.3
    assert "\n1000\tline_1000 = " in asked
    assert "\nPlace: lines 1000 to 1000" in asked
    assert "line_1 =" not in asked
    numbers = [int(line.partition("\t")[0]) for line in asked.splitlines() if line[0].isdecimal()]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert abs((1000 - numbers[0]) - (numbers[-1] - 1000)) <= 1


@pytest.mark.parametrize("text", ["", "x", "\n", "x" * 50_000 + "\n" + "y" * 50_000])
def test_any_place_can_be_asked_about(text: str) -> None:
    for span in (Span(0, 0), Span(0, len(text)), Span(len(text), len(text))):
        assert "\nPlace: lines " in suggest(Place(text, span)).input


def edit(**changes: Any) -> dict[str, Any]:
    return {
        "start_line": 4,
        "quote": "    return x[0]",
        "replacement": "    return x[0] if x else None",
    } | changes


def test_suggestions_are_parsed_item_by_item() -> None:
    good = {"title": "Return None", "rationale": "x may be empty", "edits": [edit()]}
    answer = {
        "suggestions": [good, {"title": "", "rationale": "", "edits": []}, good | {"edits": [edit(more=1)]}]
    }
    parsed = parse_suggestions(answer)
    assert [claim.title for claim in parsed.claims] == ["Return None"]
    assert parsed.claims[0].edits == (EditClaim(4, "    return x[0]", "    return x[0] if x else None"),)
    assert parsed.dropped == {"malformed": 2}
    assert parse_suggestions({"suggestions": [good] * 5}).dropped == {"too-many": 2}
    jsonschema.validate({"suggestions": [good]}, assist.SUGGESTIONS_SCHEMA)


def test_an_analysis_is_parsed_or_malformed_without_the_models_words() -> None:
    good = {
        "summary": "Takes the first.",
        "relies_on": ["x is not empty"],
        "breaks_when": [],
        "explanation": "",
    }
    parsed = parse_analysis(good)
    assert (parsed.summary, parsed.relies_on, parsed.breaks_when) == (
        "Takes the first.",
        ("x is not empty",),
        (),
    )
    jsonschema.validate(good, assist.ANALYSIS_SCHEMA)
    with pytest.raises(Malformed, match="unusable in summary, relies_on"):
        parse_analysis(good | {"summary": " ", "relies_on": [1]})
    with pytest.raises(Malformed) as caught:
        parse_analysis(good | {"evil words": 1})
    assert "evil" not in str(caught.value)


def test_wire_models_and_schemas_have_the_same_keys_in_the_same_order() -> None:
    suggestion: Any = assist.SUGGESTIONS_SCHEMA
    one = suggestion["properties"]["suggestions"]["items"]
    assert one["required"] == list(wire.SuggestionItem.model_fields)
    assert one["properties"]["edits"]["items"]["required"] == list(wire.EditItem.model_fields)
    assert assist.ANALYSIS_SCHEMA["required"] == list(wire.ContextItem.model_fields)
    assert assist.PROBE_SCHEMA["required"] == list(wire.ProbeItem.model_fields)


def test_a_probe_shows_whether_the_question_was_read() -> None:
    assert probe().max_output_tokens is not None
    assert len(probe().instructions + probe().input) < 200
    assert parse_probe({"line": 2, "word": "Ready."})
    assert not parse_probe({"line": 1, "word": "ready"})
    with pytest.raises(Malformed):
        parse_probe({"line": "2", "word": "ready"})
