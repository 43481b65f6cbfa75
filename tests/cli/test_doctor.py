from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.support import canary, fake_faults
from tests.support.fake_provider import FakeProvider, reviewer

from kibitz.cli.entry import run
from kibitz.config import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

KEY = canary.KEY
FILED = "sk-filed-0123456789abcdef"


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
    assert "note    asks fake-1 at 127.0.0.1" in out
    assert "note    limits: 60 requests and 200000 tokens a minute, " in out
    assert "note    today: 1 request, " in out
    assert (
        "ok      Neovim is here\n        add the plugin editors/nvim, or in init.lua: vim.lsp.config(" in out
    )
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


def test_a_fallback_that_answers_is_told_with_its_reason_and_a_day_adds_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("KIBITZ_FALLBACK_MODEL", "fake-2")
    with FakeProvider().in_thread() as fake:
        fake.push(fake_faults.status(404), {"line": 2, "word": "ready"})
        fake.push({"line": 2, "word": "ready"})
        assert run(["doctor", "--base-url", fake.base_url, "--model", "gone"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert "note    asks gone at 127.0.0.1" in out
        assert "; not asked now: the endpoint does not have this model\n" in out
        assert "lately: model missing, gone at " in out
        assert "note    today: 2 requests (1 failed), " in out
        assert run(["doctor", "--base-url", fake.base_url, "--model", "fake-1"]) == 0
    assert "note    today: 3 requests (1 failed), " in capsys.readouterr().out


def test_a_state_that_cannot_be_kept_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file in the place of a folder")
    monkeypatch.setenv("KIBITZ_STATE_DIR", str(tmp_path / "state"))
    with FakeProvider().in_thread() as fake:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert run(["doctor", "--offline", "--base-url", fake.base_url]) == 0
    assert "note    nothing is remembered: " in capsys.readouterr().out


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


def test_keys_are_told_by_place_and_fingerprint_and_where_they_may_not_go(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text(FILED)
    path.chmod(0o600)
    monkeypatch.setenv("KIBITZ_API_KEY_FILE", str(path))
    elsewhere = ["doctor", "--offline", "--base-url", "https://models.example.com/v1"]
    assert run(elsewhere) == 1
    out = capsys.readouterr().out
    assert f"ok      API key from file {path}, fingerprint {fingerprint(FILED)}\n" in out
    assert (
        f"problem keys from file {path} do not go to https://models.example.com:443 without your word\n"
        in out
    )
    assert "        If that address is right: kibitz key allow https://models.example.com:443\n" in out
    assert run(["key", "allow", "models.example.com"]) == 0
    assert run(elsewhere) == 0
    out = capsys.readouterr().out
    assert f"note    keys from file {path} may go to https://models.example.com:443\n" in out
    path.unlink()
    assert run(elsewhere) == 1
    assert f"the key file {path} cannot be used as it is: No such file" in capsys.readouterr().out


def test_two_sources_of_keys_are_a_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIBITZ_API_KEY", KEY)
    monkeypatch.setenv("KIBITZ_API_KEY_KEYRING", "openai")
    assert run(["doctor", "--offline"]) == 1
    assert "problem API keys are set in more than one way" in capsys.readouterr().out


def test_the_cache_is_told_with_its_use_and_its_problems(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "a.py").write_text("def twice(number):\n    return number * 2\n")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FakeProvider(reviewer()).in_thread() as fake:
        options = ["--base-url", fake.base_url, "--model", "fake-1"]
        assert run(["check", *options, str(tmp_path / "a.py")]) == 0
        assert run(["check", *options, str(tmp_path / "a.py")]) == 0
        capsys.readouterr()
        assert run(["doctor", "--offline", *options]) == 0
        out = capsys.readouterr().out
        assert re.search(
            r"^ok      cache: [12] entr(y|ies), [1-9] kB of at most 268\.4 MB on disk$", out, re.MULTILINE
        )
        assert "note    cache, today: 50 % of 2 answers cost nothing, which saved " in out
        assert run(["doctor", "--offline", "--disk-cache", "no", *options]) == 0
        assert "note    cache: nothing is kept on disk (setting disk_cache)\n" in capsys.readouterr().out
        monkeypatch.setenv("KIBITZ_REDIS_URL", "redis://:s3cret-of-a-team@cache.example.com/0")
        assert run(["doctor", "--offline", *options]) == 1
    out = capsys.readouterr().out
    assert "problem answers are not shared through redis://cache.example.com:6379: others could read" in out
    assert "s3cret" not in out
