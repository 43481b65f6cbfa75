"""Rules and notes of a project: trusted on the command line, then used by ``kibitz check``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import canary
from tests.support.fake_provider import FakeProvider, Prompt

from kibitz.cli.entry import run
from kibitz.findings.prompt import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CODE = "def show(total):\n    print(total)\n"
RULE = "---\nseverity: info\n---\n# No print in library code\n\nReport calls of `print`: NO-PRINT-BODY.\n"
NOTES = "Amounts are cents: NOTES-BODY.\n"


def breach(_prompt: Prompt) -> dict[str, Any]:
    """The answer of a model that reports the rule, asked for or not."""
    found = {
        "rule": "project/no-print",
        "start_line": 2,
        "quote": "    print(total)",
        "title": "The library prints",
        "trigger": "show(1) prints 1.",
        "severity": "error",
        "confidence": "certain",
        "replacement": None,
    }
    return {"findings": [found]}


def judged(prompt: Prompt) -> dict[str, Any]:
    """The same, and it confirms what it is asked to judge."""
    if "Judge the claims" not in prompt.text:
        return breach(prompt)
    return {"verdicts": [{"claim": 1, "trace": "It prints.", "verdict": "confirmed"}]}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    with FakeProvider(breach).in_thread() as provider:
        monkeypatch.setenv("KIBITZ_BASE_URL", provider.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", canary.KEY)
        monkeypatch.setenv("KIBITZ_MAX_RETRIES", "0")
        monkeypatch.setenv("KIBITZ_VERIFY", "off")
        yield provider


@pytest.fixture
def shop(folder: Path) -> Path:
    (folder / ".kibitz" / "rules").mkdir(parents=True)
    (folder / ".kibitz" / "rules" / "no-print.md").write_text(RULE)
    (folder / "AGENTS.md").write_text(NOTES)
    (folder / "a.py").write_text(CODE)
    return folder


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[tuple[str, str]]:
    capsys.readouterr()
    run(["check", "--format", "json", "a.py", *arguments])
    return [(each["rule"], each["severity"]) for each in json.loads(capsys.readouterr().out)["findings"]]


def test_nothing_of_a_folder_that_is_not_trusted_is_sent(
    fake: FakeProvider, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "."]) == 0
    captured = capsys.readouterr()
    assert f"{shop} has rules or notes for reviewers, which are not used" in captured.err
    assert f"run: kibitz trust {shop}" in captured.err
    assert captured.out.startswith("No findings in 1 file\n")
    (seen,) = fake.requests
    assert seen.prompt.schema == SCHEMA
    sent = json.dumps(seen.body)
    assert not any(word in sent for word in ("NO-PRINT-BODY", "NOTES-BODY", "no-print", "### Project"))


def test_a_trusted_project_adds_its_rules(
    fake: FakeProvider, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["trust"]) == 0
    assert capsys.readouterr().out == (
        f"{shop} is trusted\n"
        "rule      project/no-print: No print in library code\n"
        "context   AGENTS.md, 30 characters\n"
    )
    assert found(capsys) == [("project/no-print", "info")]
    (seen,) = fake.requests
    assert "=| project/no-print: No print in library code\n=|   Report calls of" in seen.prompt.text
    assert "About the project\n=| Amounts are cents" in seen.prompt.text
    assert "project/no-print" in json.dumps(seen.prompt.schema)
    assert found(capsys) == [("project/no-print", "info")]
    assert found(capsys, "--rules-off", "project/no-print") == []
    assert len(fake.requests) == 1


def test_a_rule_that_changes_is_asked_again_and_one_that_is_gone_is_not_reported(
    fake: FakeProvider, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["trust"])
    rule = shop / ".kibitz" / "rules" / "no-print.md"
    assert found(capsys) == [("project/no-print", "info")]
    rule.write_text(RULE.replace("severity: info", "severity: warning"))
    assert found(capsys) == [("project/no-print", "warning")]
    rule.write_text(RULE)
    assert found(capsys) == [("project/no-print", "info")]
    assert len(fake.requests) == 2
    rule.unlink()
    assert found(capsys) == []
    assert len(fake.requests) == 3


def test_a_clean_file_is_clean_by_the_rules_of_now(
    fake: FakeProvider, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.answer = lambda _prompt: {"findings": []}
    run(["trust"])
    for _ in range(3):
        assert run(["check", "."]) == 0
    assert len(fake.requests) == 1
    (shop / "AGENTS.md").write_text("Something else.\n")
    fake.answer = breach
    assert found(capsys) == [("project/no-print", "info")]
    assert run(["trust", "--revoke"]) == 0
    assert found(capsys) == []
    assert len(fake.requests) == 3


def test_a_breach_is_judged_by_the_rule(
    fake: FakeProvider, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.answer = judged
    run(["trust"])
    assert found(capsys, "--verify", "on") == [("project/no-print", "info")]
    _, verification = fake.requests
    assert "NO-PRINT-BODY" in verification.prompt.text
    assert "confirmed if the lines break the rule as its owners wrote it" in verification.prompt.text
    assert shop.name not in json.dumps(verification.body)


def test_secrets_in_notes_are_not_sent(
    fake: FakeProvider, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = "ghp_" + "0aB1cD2eF3" * 3 + "4gH5iJ"
    (shop / "AGENTS.md").write_text(f"Call it with the token {token}.\n")
    run(["trust"])
    found(capsys)
    assert token not in json.dumps(fake.requests[0].body)
    assert "REDACTED_SECRET" in fake.requests[0].prompt.text


def test_whoever_rewrites_is_asked_by_no_rules(
    fake: FakeProvider, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.answer = lambda _prompt: f"```python\n{CODE}```"
    assert run(["check", "--review", "rewrite", "."]) == 0
    assert "kibitz trust" not in capsys.readouterr().err
    run(["trust"])
    assert run(["check", "--review", "rewrite", "."]) == 0
    assert len(fake.requests) == 1
    assert "NOTES-BODY" not in json.dumps(fake.requests[0].body)
    assert (shop / "a.py").read_text() == CODE


def test_trust_is_taken_back_and_listed(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trust", "--list"]) == 0
    assert capsys.readouterr().out == "no folder is trusted\n"
    assert run(["trust", str(shop / "a.py")]) == 0
    assert run(["trust", "--revoke", str(shop / ".kibitz")]) == 0
    assert capsys.readouterr().out.endswith(f"{shop} is not trusted: what it says to reviewers is not used\n")
    assert run(["trust", "--list"]) == 0
    assert capsys.readouterr().out == f"{shop}: not trusted\n"


def test_what_is_wrong_with_a_project_is_told(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / ".kibitz" / "rules" / "bad.md").write_text("no heading\n")
    run(["trust"])
    assert "problem   .kibitz/rules/bad.md should begin with a heading" in capsys.readouterr().out
    run(["doctor", "--offline"])
    told = capsys.readouterr().out
    assert f"ok      project {shop}: 1 rule and notes from AGENTS.md\n" in told
    assert ".kibitz/rules/bad.md should begin with a heading" in " ".join(told.split())


def test_a_project_that_says_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / ".git").mkdir()
    assert run(["trust"]) == 0
    assert "It says nothing to reviewers yet" in capsys.readouterr().out


def test_a_folder_in_no_project_cannot_be_trusted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trust"]) == 2
    assert "is in no project" in capsys.readouterr().err
    assert run(["trust", str(folder / "nowhere")]) == 2
    assert run(["trust", "--list", "--revoke"]) == 2


def test_rules_lists_those_of_the_project(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules"]) == 0
    told = capsys.readouterr().out
    assert f"Rules of {shop} are not used: it is not trusted (kibitz trust {shop})" in told
    assert "  project/no-print: No print in library code\n" in told
    assert run(["rules", "project/no-print"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("project/no-print (project, info)\nNo print in library code\n\nReport calls of")
    assert "Not used" in told
    run(["trust"])
    capsys.readouterr()
    assert run(["rules", "project/no-print", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["trusted"] is True
    assert run(["rules", "project/no-prnt"]) == 2
    assert "Did you mean project/no-print?" in capsys.readouterr().err
