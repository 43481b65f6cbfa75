from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, Prompt, Reply, fake_faults, reviewer

from kibitz.cli.entry import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = canary.KEY
BUGGY = "def mean(values):\n\treturn sum(values) / len(value)\n"
MENDED = BUGGY.replace("len(value)", "len(values)")
CLEAN = "def twice(number):\n    return number * 2\n"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    """A provider that finds the planted bug, and the environment that leads to it."""
    with FakeProvider(reviewer(Bug("len(value)", "len(values)"))).in_thread() as provider:
        monkeypatch.setenv("KIBITZ_BASE_URL", provider.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("KIBITZ_MAX_RETRIES", "0")
        yield provider


def check_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = run(["check", "--format", "json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def test_findings_are_printed_and_counted(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.py").write_text(BUGGY)
    assert run(["check", "."]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("a.py:2:2 warning ")
    assert "\n2 |     return sum(values) / len(value)\n  |     ^^^^^^" in captured.out
    assert "\n2 +     return sum(values) / len(values)\n" in captured.out
    assert "1 warning in 1 file\n1 unit, 0 from the cache · 1 request · " in captured.out
    assert captured.err == ""
    assert len(fake.requests) == 1


def test_clean_code_is_clean(fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.py").write_text(CLEAN)
    assert run(["check", "."]) == 0
    assert capsys.readouterr().out.startswith("No findings in 1 file\n")
    assert len(fake.requests) == 1


@pytest.mark.parametrize("verify", ["on", "on-demand", "off"])
def test_findings_are_verified_if_the_settings_want_that(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str], verify: str
) -> None:
    (folder / "a.py").write_text(BUGGY)
    fake.answer = reviewer(Bug("len(value)", "len(values)"), refuted=("Planted bug",))
    code, document = check_json(capsys, "--verify", verify, "--verify-model", "careful", "a.py")
    found = 1 if verify == "off" else 0
    assert code == found
    assert len(document["findings"]) == found
    stats = document["stats"]
    assert stats["verification"]["refuted"] == 1 - found
    assert stats["requests"] == len(fake.requests) == 2 - found
    assert stats["verification"]["requests"] == 1 - found
    assert [seen.body["model"] for seen in fake.requests[1:]] == ["careful"] * (1 - found)
    # From the cache, nothing is verified any more.
    assert run(["check", "--verify", verify, "--verify-model", "careful", "a.py"]) == code
    assert "verified" not in capsys.readouterr().out
    assert len(fake.requests) == 2 - found


def test_a_verifier_that_fails_hides_no_finding_and_is_told(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.py").write_text(BUGGY)
    (folder / "b.py").write_text(BUGGY.replace("mean", "average"))
    finds = reviewer(Bug("len(value)", "len(values)"))

    def answer(prompt: Prompt) -> object:
        return fake_faults.status(403) if "Judge the claims" in prompt.text else finds(prompt)

    fake.answer = answer  # type: ignore[assignment]  # a fault or a reply
    assert run(["check", "--verify", "on", "--jobs", "1", "."]) == 2
    captured = capsys.readouterr()
    assert captured.out.count("Planted bug") == 2
    assert "findings could not be verified, and are shown all the same" in captured.err
    assert "0 verified, 0 refuted, 2 without a verdict (" in captured.out


def test_early_findings_change_nothing_in_the_end(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.py").write_text(BUGGY)
    assert run(["check", "--early", "true", "a.py"]) == 1
    assert "1 warning in 1 file\n1 unit, 0 from the cache · 1 request" in capsys.readouterr().out
    assert fake.requests[0].body["stream"] is True


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1), ("info", 1), ("never", 0)])
@pytest.mark.usefixtures("fake")
def test_fail_on(folder: Path, fail_on: str, code: int) -> None:
    (folder / "a.py").write_text(BUGGY)
    assert run(["check", "--fail-on", fail_on, "a.py"]) == code


@pytest.mark.usefixtures("fake")
def test_json_positions_are_code_points(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.py").write_bytes("# 😀é\r\nif True:\r\n\tx = '😀'; y = len(value)\r\n".encode())
    code, document = check_json(capsys, "a.py")
    assert code == 1
    (found,) = document["findings"]
    assert found["start"] == {"line": 3, "column": 2}
    assert found["end"] == {"line": 3, "column": 25}
    assert found["path"] == "a.py"
    assert set(document["stats"]) == {
        "files",
        "units",
        "cached_units",
        "dismissed",
        "baseline",
        "baseline_gone",
        "unchanged",
        "requests",
        "input_tokens",
        "output_tokens",
        "cost_usd",
        "verification",
        "seconds",
    }


@pytest.mark.usefixtures("fake")
def test_files_come_in_their_order_whoever_is_done_first(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = reviewer(Bug("len(value)", "len(values)"))

    def slow_for_the_first(prompt: Prompt) -> Reply:
        reply = answer(prompt)
        assert isinstance(reply, Reply)
        return Reply(reply.content, latency=0.3 if "first" in prompt.text else 0.0)

    fake.answer = slow_for_the_first
    for name in ("first", "second", "third"):
        (folder / f"{name}.py").write_text(BUGGY.replace("mean", name))
    _, document = check_json(capsys, "--jobs", "3", "third.py", "first.py", "second.py")
    assert [found["path"] for found in document["findings"]] == ["third.py", "first.py", "second.py"]


def test_what_cannot_be_reviewed_does_not_stop_the_rest(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "good.py").write_text(BUGGY)
    (folder / "latin.py").write_bytes(b"x = '\xe9'\n")
    (folder / "binary.py").write_bytes(b"\0\1\2")
    (folder / ".env").write_text("KEY=1")
    code, document = check_json(capsys, "latin.py", "gone.py", "binary.py", ".env", "good.py", "good.py")
    assert code == 2
    errors = {error["path"]: error["message"] for error in document["errors"]}
    assert set(errors) == {"latin.py", "gone.py", "binary.py", ".env"}
    assert "not valid UTF-8 (line 1)" in errors["latin.py"]
    assert "never sent" in errors[".env"]
    assert [found["path"] for found in document["findings"]] == ["good.py"]
    assert document["stats"]["files"] == 1
    assert len(fake.requests) == 1


def test_ignored_files_are_left_out_unless_named(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".gitignore").write_text("build/\n")
    (folder / "build").mkdir()
    (folder / "build" / "a.py").write_text(BUGGY)
    (folder / "notes.txt").write_text("no source")
    assert run(["check", "."]) == 0
    captured = capsys.readouterr()
    assert "no source files to review in .; 1 left out, such as build: ignored by .gitignore" in captured.err
    assert fake.requests == []
    code, document = check_json(capsys, "build/a.py")
    assert (code, len(document["findings"])) == (1, 1)


def test_a_failing_provider_is_2_and_says_why(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.key = "another"
    for name in "abc":
        (folder / f"{name}.py").write_text(BUGGY)
    assert run(["check", "--jobs", "1", "."]) == 2
    captured = capsys.readouterr()
    assert "a.py: configuration error: " in captured.err
    assert "2 more files: configuration error: " in captured.err
    assert KEY not in captured.out + captured.err
    fake.key = None
    fake.push(*(fake_faults.status(500) for _ in range(3)))
    code, document = check_json(capsys, "a.py")
    assert code == 2
    assert document["findings"] == []
    assert "API error" in document["errors"][0]["message"]


def test_a_misspelt_name_is_told_before_anybody_is_asked(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody could review either; that message would hide the one that helps.
    monkeypatch.setenv("KIBITZ_MODEL_DIR", str(folder / "models"))
    assert run(["check", "nothing.py"]) == 2
    assert "nothing.py: there is no such file" in capsys.readouterr().err


def test_nobody_to_ask_is_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.py").write_text(BUGGY)
    assert run(["check", "a.py"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "OPENAI_API_KEY" in captured.err


@pytest.mark.usefixtures("fake")
def test_fix_changes_the_file_and_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "a.py"
    before = b"\xef\xbb\xbf" + BUGGY.replace("\n", "\r\n").encode() + b"# \xc3\xa9\x0c\n"
    path.write_bytes(before)
    path.chmod(0o640)
    assert run(["check", "--fix", "a.py"]) == 0
    assert path.read_bytes() == before.replace(b"len(value)", b"len(values)")
    assert path.stat().st_mode & 0o777 == 0o640
    out = capsys.readouterr().out
    assert "= fixed\n" in out
    assert "; 1 fixed" in out
    assert run(["check", "--fix", "--format", "github", "a.py"]) == 0
    assert "0 findings fixed" in capsys.readouterr().err


def test_fix_leaves_a_file_alone_that_changed_meanwhile(
    fake: FakeProvider, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "a.py"
    path.write_text(BUGGY)
    answer = reviewer(Bug("len(value)", "len(values)"))

    def edit_and_answer(prompt: Prompt) -> Any:
        path.write_text("# mine\n" + BUGGY)
        return answer(prompt)

    fake.answer = edit_and_answer
    assert run(["check", "--fix", "a.py"]) == 2
    assert path.read_text() == "# mine\n" + BUGGY
    assert "has changed since" in capsys.readouterr().err


@pytest.mark.usefixtures("fake")
def test_bad_options_and_bad_settings(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.py").write_text(CLEAN)
    assert run(["check", "--min-confidence", "certian", "a.py"]) == 2
    assert "Did you mean certain?" in capsys.readouterr().err
    assert run(["check", "--local", "--provider", "openai", "a.py"]) == 2
    assert "contradict" in capsys.readouterr().err
    monkeypatch.setenv("KIBITZ_MODLE", "x")
    assert run(["check", "a.py"]) == 0
    assert capsys.readouterr().err.count("KIBITZ_MODLE") == 1


def test_settings_reach_the_provider(fake: FakeProvider, folder: Path) -> None:
    (folder / "a.py").write_text(CLEAN)
    assert run(["check", "--model", "mine-1", "--api", "chat", "--max-tokens=777", "a.py"]) == 0
    body = fake.requests[0].body
    assert body["model"] == "mine-1"
    assert 777 in body.values()


@pytest.mark.usefixtures("fake")
def test_a_log_that_cannot_be_written_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.py").write_text(CLEAN)
    assert run(["check", "--log-file", str(folder / "a.py" / "x.log"), "a.py"]) == 0
    assert "x.log cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
@pytest.mark.usefixtures("fake")
def test_every_format_comes_whole(folder: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.py").write_text(BUGGY)
    assert run(["check", "--format", form, "a.py"]) == 1
    out = capsys.readouterr().out
    assert "Planted bug" in out
    if form in {"json", "sarif"}:
        json.loads(out)


def start(*arguments: str, **changes: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kibitz.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **changes,
    )


def test_interrupted_is_130_and_no_traceback(fake: FakeProvider, folder: Path) -> None:
    (folder / "a.py").write_text(BUGGY)
    fake.latency = 60
    with start("check", "a.py") as process:
        fake.wait_seen(1, timeout=60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in out + err
    assert err.endswith("kibitz: Interrupted.\n")


@pytest.mark.usefixtures("fake")
def test_a_reader_that_goes_away_is_141(folder: Path) -> None:
    (folder / "a.py").write_text(BUGGY)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "kibitz.cli", "check", "a.py"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 141
