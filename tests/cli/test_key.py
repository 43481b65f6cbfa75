from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kibitz.cli.entry import run
from kibitz.config import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

KEY, MORE = "sk-usual-0123456789abcdef", "sk-more-0123456789abcdef"
THERE = "https://models.example.com:443"
VARIABLE = "environment variable OPENAI_API_KEY"


class Said:
    """Runs ``kibitz key`` and gives what it printed; never a key."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: str, code: int = 0) -> str:
        assert run(["key", *arguments]) == code
        out, err = self._capture.readouterr()
        assert KEY not in out + err
        assert MORE not in out + err
        return out + err


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Said:
    return Said(capfd)


def test_no_key_is_nothing_wrong(said: Said) -> None:
    assert (
        said("status") == "no API key is set (OPENAI_API_KEY, KIBITZ_API_KEY, or api_key_file and others)\n"
    )


def test_a_key_for_openai(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert said("status") == (
        f"API key from {VARIABLE}\n"
        "goes to   https://api.openai.com:443\n"
        f"key       {fingerprint(KEY)}, in use\n"
    )


def test_a_pool_in_a_file(said: Said, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n{MORE}\n")
    path.chmod(0o600)
    assert said("status", "--api-key-file", str(path)) == (
        f"API key from file {path}\n"
        "goes to   https://api.openai.com:443\n"
        f"key       {fingerprint(KEY)}, in use\n"
        f"key       {fingerprint(MORE)}, ready\n"
    )


def test_a_file_that_others_may_read_says_what_to_do(said: Said, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(0o644)
    assert f"run: chmod 600 {path}\n" in said("status", "--api-key-file", str(path), code=1)


def test_two_sources_are_one_too_many(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    out = said("status", "--api-key-keyring", "openai", code=2)
    assert f"api_key ({VARIABLE}) and api_key_keyring (option --api-key-keyring)" in out


def test_another_address_needs_the_users_word_which_can_be_taken_back(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("KIBITZ_BASE_URL", "https://Models.Example.com/v1")
    assert f"run: kibitz key allow {THERE}\n" in said("status", code=1)
    assert said("allow", "https://models.example.com/v1") == f"keys from {VARIABLE} may go to {THERE}\n"
    assert said("status").endswith(f"in use\nallowed   {THERE} for keys from: {VARIABLE}\n")
    assert said("forget", "models.example.com") == f"keys do not go to {THERE} any more\n"
    assert said("forget", "models.example.com") == f"keys were not allowed to go to {THERE}\n"
    said("status", code=1)


def test_the_fallbacks_key_is_its_own(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("KIBITZ_FALLBACK_BASE_URL", "https://models.example.com/v1")
    monkeypatch.setenv("KIBITZ_FALLBACK_API_KEY", MORE)
    out = said("status", code=1)
    assert f"fallback key from environment variable KIBITZ_FALLBACK_API_KEY\ngoes to   {THERE}\n" in out
    assert said("allow", THERE) == (
        f"keys from environment variable KIBITZ_FALLBACK_API_KEY may go to {THERE}\n"
    )
    said("status")


def test_every_place_of_a_pool_is_allowed(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("KIBITZ_API_KEYS", MORE)
    assert said("allow", THERE) == (
        f"keys from {VARIABLE} may go to {THERE}\n"
        f"keys from environment variable KIBITZ_API_KEYS may go to {THERE}\n"
    )


@pytest.mark.parametrize("origin", ["https://api.openai.com", "http://127.0.0.1:8080", "https://localhost"])
def test_what_needs_no_word(said: Said, origin: str) -> None:
    assert "anyway" in said("allow", origin)


@pytest.mark.parametrize(
    "origin", ["http://models.example.com", "https://", "ftp://x", "https://u:p@x", "\x1b[2J"]
)
def test_what_is_no_address(said: Said, origin: str) -> None:
    out = said("allow", origin, code=2)
    assert "Invalid value for 'ORIGIN'" in out
    assert "\x1b" not in out


def test_without_a_key_there_is_nothing_to_allow(said: Said) -> None:
    assert "set one first" in said("allow", THERE, code=2)


def test_a_folder_that_cannot_be_written(said: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    assert "consents.json cannot be written: Not a directory" in said("allow", THERE, code=2)
