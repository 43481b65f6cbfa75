from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.support.fake_provider import FakeProvider

from kibitz.cli.entry import run

if TYPE_CHECKING:
    from pathlib import Path

KEY_IN_CODE = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
CODE = (
    f'KEY = "{KEY_IN_CODE}"\n\n\ndef mean(values):\n    # \u202e\n    return sum(values) / len(value), KEY\n'
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OPENAI_API_KEY", "KIBITZ_API_KEY", "OPENAI_BASE_URL", "KIBITZ_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KIBITZ_MODEL_DIR", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(CODE, encoding="utf-8")
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    assert run(["check", "--dry-run", "--format", "json", *arguments]) == 0
    answer: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return answer


def test_all_that_would_leave_is_shown_without_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--dry-run", "a.py"]) == 0
    out = capsys.readouterr().out
    assert "a.py: 1 request to gpt-6-luna at api.openai.com, about " in out
    assert "replaced in line 1: github" in out
    assert "there is no key yet" in out
    assert '1\tKEY = "REDACTED_SECRET_1_XXX' in out
    assert "⟦U+202E⟧" in out
    assert "You review code that a programmer is editing" in out
    assert "Nothing was sent." in out
    assert KEY_IN_CODE not in out


def test_it_is_what_is_sent_byte_for_byte(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeProvider().in_thread() as fake:
        (file,) = shown(capsys, "--base-url", fake.base_url, "a.py")
        assert fake.requests == []
        assert fake.connections == 0
        run(["check", "--base-url", fake.base_url, "a.py"])
        capsys.readouterr()
        sent = [each.body for each in fake.requests]
        requests = file["requests"]
        assert isinstance(requests, list)
        assert [each["body"] for each in requests] == sent
        # What is known is not sent again, and that is shown.
        (again,) = shown(capsys, "--base-url", fake.base_url, "a.py")
        assert again["requests"] == []
        assert "2 of 2 definitions are known already" in str(again["notes"])
        assert len(fake.requests) == len(sent)


def test_many_units_are_packed_as_they_are_sent(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    units = [f"def f{n}(x):\n" + "".join(f"    y{n}_{i} = x + {i}\n" for i in range(40)) for n in range(20)]
    (folder / "b.py").write_text("\n\n".join(units))
    with FakeProvider().in_thread() as fake:
        options = ("--base-url", fake.base_url, "--max-request-tokens", "3000", "--early", "yes")
        (file,) = shown(capsys, *options, "b.py")
        run(["check", *options, "b.py"])
        requests = file["requests"]
        assert isinstance(requests, list)
        texts = sorted(json.dumps(each["body"], sort_keys=True) for each in requests)
        assert len(texts) > 2
        assert texts == sorted(json.dumps(each.body, sort_keys=True) for each in fake.requests)


def test_what_is_never_sent_says_why(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / ".env").write_text(f"KEY={KEY_IN_CODE}\n")
    (folder / ".aiignore").write_text("c.py\n")
    (folder / "c.py").write_text(CODE)
    (folder / "many.py").write_text(
        "".join(f'K{n} = "ghp_{n:02}234567890abcdefghijABCDEFGHIJ01234"\n' for n in range(30))
    )
    assert run(["check", "--dry-run", ".env"]) == 2
    assert ".env: nothing would be sent: .env may hold secrets" in capsys.readouterr().out
    assert run(["check", "--dry-run", "."]) == 0
    out = capsys.readouterr().out
    assert "c.py: nothing would be sent: ignored by .aiignore line 1" in out
    assert "note: left out: the text holds" in out
    assert KEY_IN_CODE not in out
    assert run(["check", "--dry-run", "gone.py"]) == 2


def test_rewriting_and_verifying_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    (file,) = shown(capsys, "--review", "rewrite", "a.py")
    assert len(file["requests"]) == 2  # type: ignore[arg-type]  # a list
    (file,) = shown(capsys, "--verify", "on", "--verify-model", "v", "--fallback-model", "f", "a.py")
    assert "put to v with the same code" in str(file["notes"])
    assert "the same may go to f at api.openai.com" in str(file["notes"])


def test_a_key_that_cannot_be_read_is_told(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (file,) = shown(capsys, "--api-key-file", str(folder / "none"), "a.py")
    assert "the key could not be read" in str(file["notes"])


def test_the_key_itself_is_replaced_too(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "plain-looking-key-1")
    monkeypatch.setenv("HOME", "/home/alice")
    (folder / "a.py").write_text("def f():\n    return 'plain-looking-key-1', '/home/alice/x'\n")
    (file,) = shown(capsys, "a.py")
    assert "plain-looking" not in str(file["requests"])
    assert "alice" not in str(file["requests"])
    assert file["replaced"] == [{"line": 2, "kind": "known"}] * 2


@pytest.mark.parametrize("other", [["--fix"], ["--batch"], ["--format", "sarif"], ["--since", "HEAD"]])
def test_it_goes_with_nothing_that_sends(other: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--dry-run", *other, "a.py"]) == 2
    assert "--dry-run goes with" in capsys.readouterr().err
