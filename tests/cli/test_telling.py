from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support import fake_faults
from tests.support.fake_provider import Bug, FakeProvider, Prompt, reviewer

from kibitz.cli.entry import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CODE = "def mean(values):\n    return sum(values) / len(value)\n"
KEY = "sk-told-0123456789abcdef"
ANSWER = reviewer(Bug("len(value)", "len(values)"))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[FakeProvider]:
    """Knows all models but one; three files to ask it about."""

    def answer(prompt: Prompt) -> object:
        return fake_faults.status(404) if prompt.body["model"] == "gone" else ANSWER(prompt)

    for name in "abc":
        (folder / f"{name}.py").write_text(f"{CODE}# {name}\n")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FakeProvider(answer).in_thread() as fake:  # type: ignore[arg-type]  # a fault or an answer
        yield fake


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was said on standard error, without log lines and the summary."""
    lines = capsys.readouterr().err.splitlines()
    return [line for line in lines if line.startswith("kibitz: ")]


@pytest.mark.parametrize("command", ["check", "warm"])
def test_a_model_that_is_gone_is_told_once_while_another_one_answers(
    command: str, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIBITZ_FALLBACK_MODEL", "fake-2")
    assert run([command, ".", "--base-url", fake.base_url, "--model", "gone"]) == (command == "check")
    (line,) = told(capsys)
    assert "has no model 'gone'" in line
    assert "the setting model" in line
    assert "fake-2 at 127.0.0.1" in line


def test_a_key_that_needs_consent_is_told_once_while_another_endpoint_answers(
    fake: FakeProvider, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIBITZ_FALLBACK_BASE_URL", fake.base_url)
    assert run(["check", ".", "--base-url", "https://models.invalid/v1", "--model", "fake-1"]) == 1
    (line,) = told(capsys)
    assert "environment variable OPENAI_API_KEY" in line
    assert line.endswith("run: kibitz key allow https://models.invalid:443")
    assert len(fake.requests) > 0


@pytest.mark.usefixtures("fake")
def test_without_anything_else_to_ask_the_same_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", ".", "--base-url", "https://models.invalid/v1"]) == 2
    out, err = capsys.readouterr()
    assert "kibitz key allow https://models.invalid:443" in out + err
    assert KEY not in out + err
