from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support import canary
from tests.support.fake_provider import FakeProvider

from kibitz.cli.entry import run
from kibitz.config import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

KEY = canary.KEY


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH with one editor on it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    editor = folder / "nvim"
    editor.write_text("#!/bin/sh\n")
    editor.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.usefixtures("tools")
def test_all_is_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeProvider().in_thread() as fake:
        fake.push({"line": 2, "word": "ready"})
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert run(["doctor", "--base-url", fake.base_url, "--model", "fake-1"]) == 0
    out = capsys.readouterr().out
    assert KEY not in out
    assert (
        f"ok      API key from environment variable OPENAI_API_KEY, fingerprint {fingerprint(KEY)}\n" in out
    )
    assert "ok      fake-1 answers in " in out
    assert "ok      Neovim is here\n        init.lua: vim.lsp.config(" in out
    assert "problem" not in out


def test_what_is_wrong_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeProvider(key="another").in_thread() as fake:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("KIBITZ_MODLE", "x")
        monkeypatch.setenv("KIBITZ_RULES_OFF", "no-such-rule")
        assert run(["doctor", "--base-url", fake.base_url]) == 1
    out = capsys.readouterr().out
    assert KEY not in out
    assert "problem configuration error: " in out
    assert "Did you mean model?" in out
    assert "there is no rule no-such-rule" in out


def test_offline_asks_nobody(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeProvider().in_thread() as fake:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert run(["doctor", "--offline", "--base-url", fake.base_url]) == 0
        assert fake.requests == []
    assert "reviews are done by gpt-6-luna at 127.0.0.1" in capsys.readouterr().out


def test_nobody_to_ask(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "note    no API key" in out
    assert "kibitz model pull" in out
    assert "problem configuration error: kibitz has nobody to ask" in out
