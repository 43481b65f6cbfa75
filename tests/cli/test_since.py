"""Only what changed since a commit is read, asked about and shown."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.git_repository import GitRepository, Trap, needs_git

from kibitz.cli.again import check_again
from kibitz.cli.changed import changed_since
from kibitz.cli.entry import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = needs_git

BUGGY = "def mean(values):\n    return sum(values) / len(value)\n"
OTHER = "\n\ndef middle(values):\n    return values[len(value) // 2]\n"
CLEAN = "\n\ndef twice(number):\n    return number * 2\n"
SINCE = ["--since", "begin"]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    with FakeProvider(reviewer(Bug("len(value)", "len(values)"))).in_thread() as provider:
        monkeypatch.setenv("KIBITZ_BASE_URL", provider.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", canary.KEY)
        monkeypatch.setenv("KIBITZ_MAX_RETRIES", "0")
        yield provider


@pytest.fixture
def repository(folder: Path) -> GitRepository:
    """Everything in it has a bug, and is committed."""
    repository = GitRepository(folder)
    repository.commit({"a.py": BUGGY + CLEAN, "lib/b.py": BUGGY, "lib/c.py": BUGGY}, when=1_000_000_000)
    repository.git("tag", "begin")
    return repository


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run(["check", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def check_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], dict[str, Any]]:
    """The exit code, the places of the findings, and the counts."""
    code, out, _ = check(capsys, "--format", "json", *arguments)
    document = json.loads(out)
    return (
        code,
        [f"{each['path']}:{each['start']['line']}" for each in document["findings"]],
        document["stats"],
    )


def test_nothing_changed_is_nothing_asked(
    fake: FakeProvider,
    repository: GitRepository,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    (repository.top / "a.py").chmod(0o000)
    code, out, err = check(capsys, ".", *SINCE)
    assert code == 0
    assert out.startswith("No findings in 0 files\n")
    assert err == "kibitz: no source files to review in . that differ from begin\n"
    assert fake.requests == []


def test_only_what_changed_is_asked_about_and_shown(
    fake: FakeProvider, repository: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit({"a.py": BUGGY + CLEAN + OTHER}, when=1_100_000_000)
    repository.write({"lib/b.py": "# A comment.\n\n\n" + BUGGY})
    repository.git("add", "lib/b.py")
    repository.write({"new é.py": BUGGY})
    code, places, stats = check_json(capsys, ".", *SINCE)
    assert code == 1
    assert sorted(places) == ["a.py:10", "new é.py:2"]
    assert (stats["files"], stats["units"]) == (3, 2)
    asked = "".join(seen.prompt.text for seen in fake.requests)
    assert "middle" in asked
    assert "twice" not in asked
    assert asked.count("def mean") == 1, "only that of the new file"


def test_a_unit_is_reviewed_as_a_whole_and_shown_where_it_changed(
    fake: FakeProvider, repository: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.write({"a.py": BUGGY.replace("values):\n", "values):\n    print(len(value))\n") + CLEAN})
    code, out, _ = check(capsys, "a.py", *SINCE)
    assert code == 1
    assert "a.py:2:" in out
    assert "a.py:3:" not in out
    assert "1 warning in 1 file; 1 more on lines that did not change\n1 unit, " in out
    assert check_json(capsys, "a.py", *SINCE)[2]["unchanged"] == 1
    assert len(fake.requests) == 1


@pytest.mark.usefixtures("fake")
def test_beside_what_was_taken_out(repository: GitRepository, capsys: pytest.CaptureFixture[str]) -> None:
    guarded = BUGGY.replace("values):\n", "values):\n    if not values:\n        return 0\n")
    repository.commit({"a.py": guarded}, when=1_100_000_000)
    repository.write({"a.py": BUGGY})
    assert check_json(capsys, "a.py", "--since", "HEAD")[1] == ["a.py:2"]


def test_only_moved_is_not_changed(
    fake: FakeProvider, repository: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.git("mv", "a.py", "lib/moved.py")
    code, places, stats = check_json(capsys, ".", *SINCE)
    assert (code, places, stats["requests"]) == (0, [], 0)
    assert fake.requests == []


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.usefixtures("fake")
def test_lines_are_counted_as_git_does(
    repository: GitRepository, capsys: pytest.CaptureFixture[str], end: str
) -> None:
    before = "# 😀\x0c\r\u2028x\n" + BUGGY + CLEAN
    (repository.top / "a.py").write_bytes(b"\xef\xbb\xbf" + before.replace("\n", end).encode())
    repository.git("commit", "-qam", "x")
    (repository.top / "a.py").write_bytes(b"\xef\xbb\xbf" + (before + OTHER).replace("\n", end).encode())
    found = check_json(capsys, "a.py", "--since", "HEAD")[1]
    assert len(found) == 1
    _, out, _ = check(capsys, "a.py", "--since", "HEAD")
    assert "values[len(value) // 2]" in out


@pytest.mark.usefixtures("fake")
def test_from_below_and_from_elsewhere(
    repository: GitRepository,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    repository.write({"a.py": BUGGY + CLEAN + OTHER, "lib/b.py": BUGGY + OTHER})
    monkeypatch.chdir(repository.top / "lib")
    assert check_json(capsys, ".", *SINCE)[1] == ["b.py:6"]
    assert check_json(capsys, "b.py", "c.py", *SINCE)[1] == ["b.py:6"]
    other = tmp_path_factory.mktemp("other")
    (other / "link").symlink_to(repository.top)
    (other / "same.py").symlink_to("link/lib/b.py")
    second = GitRepository(other / "second")
    second.commit({"x.py": BUGGY}, when=1_000_000_000)
    second.git("tag", "begin")
    second.write({"x.py": BUGGY + OTHER})
    monkeypatch.chdir(other)
    assert check_json(capsys, "link/lib", "second", *SINCE)[1] == ["link/lib/b.py:6", "second/x.py:6"]
    assert check_json(capsys, "same.py", *SINCE)[1] == ["same.py:6"]
    code, _, err = check(capsys, "second", ".", *SINCE)
    assert code == 2
    assert "is not in a git repository" in err


@pytest.mark.usefixtures("fake")
def test_a_repository_below_is_left_out(
    repository: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = GitRepository(repository.top / "sub")
    inner.commit({"x.py": BUGGY}, when=1_000_000_000)
    inner.write({"x.py": BUGGY + OTHER})
    assert check_json(capsys, ".", *SINCE)[1] == []
    assert check_json(capsys, "sub", "--since", "HEAD")[1] == ["sub/x.py:6"]


@pytest.mark.usefixtures("fake")
def test_what_was_named_and_cannot_be_reviewed_is_told(
    repository: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.write({".env": "KEY=1\n", "binary.py": "\0\n", "empty.py": ""})
    (repository.top / "a.py").unlink()
    code, _, err = check(capsys, ".env", "gone.py", "a.py", "binary.py", "empty.py", *SINCE)
    assert code == 2
    assert ".env: " in err
    assert "gone.py: there is no such file" in err
    assert "1 more file: there is no such file" in err
    assert "binary.py: it is a binary file" in err
    assert check(capsys, ".", *SINCE)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "--output=x"], "does not begin with -"),
        (["--since="], "is not empty"),
        (["--since", "nothing\x1b[31m"], "has one line"),
        (["--since", "nothing"], "has no commit nothing"),
        (["--since", "HEAD~9"], "has no commit HEAD~9"),
        ([*SINCE, "--batch"], "leave one of them out"),
        ([*SINCE, "--write-baseline", "x"], "leave out --since"),
        ([*SINCE, "--baseline", "x"], "there is no such file"),
    ],
)
def test_what_makes_no_sense_is_told_before_anybody_is_asked(
    fake: FakeProvider,
    repository: GitRepository,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    repository.write({"a.py": BUGGY + OTHER})
    code, out, err = check(capsys, ".", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "\x1b" not in err
    assert fake.requests == []
    assert sorted(path.name for path in repository.top.iterdir()) == [".git", "a.py", "lib"]


def test_no_repository_no_git_no_history(
    fake: FakeProvider,
    repository: GitRepository,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "a.py").write_text(BUGGY)
    repository.commit({"a.py": BUGGY + OTHER}, when=1_100_000_000)
    repository.git("clone", "-q", "--depth=1", f"file://{repository.top}", str(other / "clone"))
    for path, words in ((str(other), "is not in a git repository"), (str(other / "clone"), "fetch the rest")):
        code, out, err = check(capsys, path, "--since", "HEAD~1")
        assert (code, out) == (2, "")
        assert words in err
    monkeypatch.setenv("PATH", str(other))
    code, out, err = check(capsys, ".", *SINCE)
    assert (code, out) == (2, "")
    assert "git was not found" in err
    assert fake.requests == []


@pytest.mark.usefixtures("fake")
def test_nothing_of_the_repository_runs(
    repository: GitRepository,
    capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    trap = Trap(tmp_path_factory.mktemp("traps") / "trap")
    trap.set(repository)
    repository.write({"a.py": BUGGY + OTHER})
    assert check_json(capsys, ".", *SINCE)[1] == ["a.py:6"]
    assert trap.sprung == []


@pytest.mark.usefixtures("fake")
def test_with_a_baseline_only_what_is_new_and_changed_is_shown(
    repository: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.write({"a.py": BUGGY + CLEAN + OTHER, "lib/c.py": "x = 1\n"})
    assert check(capsys, ".", "--write-baseline", "known.jsonl")[0] == 0
    more = OTHER.replace("middle", "least")
    repository.write({"a.py": BUGGY + CLEAN + OTHER + more})
    code, places, stats = check_json(capsys, ".", *SINCE, "--baseline", "known.jsonl")
    assert (code, places) == (1, ["a.py:14"])
    assert (stats["baseline"], stats["baseline_gone"]) == (1, 0), "what was not looked at may still be there"


@pytest.mark.usefixtures("fake")
def test_only_what_is_shown_is_fixed(repository: GitRepository, capsys: pytest.CaptureFixture[str]) -> None:
    old = BUGGY.replace("values):\n", "values):\n    print(len(value))\n")
    repository.write({"a.py": old + CLEAN, "lib/b.py": BUGGY + OTHER})
    assert check(capsys, ".", *SINCE, "--fix")[0] == 0
    mended = old.replace("print(len(value))", "print(len(values))")
    assert (repository.top / "a.py").read_text() == mended + CLEAN
    assert (repository.top / "lib" / "b.py").read_text() == BUGGY + OTHER.replace("value)", "values)")
    assert (repository.top / "lib" / "c.py").read_text() == BUGGY


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
@pytest.mark.usefixtures("fake")
def test_all_formats_leave_it_out(
    repository: GitRepository, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    repository.write({"a.py": BUGGY + CLEAN + OTHER})
    code, out, _ = check(capsys, ".", *SINCE, "--format", form)
    assert code == 1
    assert out.count("Planted bug") == 1


def test_a_commit_that_moved_counts_at_once(
    fake: FakeProvider, repository: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["check", ".", "--since", "begin"]
    repository.commit({"a.py": BUGGY + CLEAN.replace("2", "3")}, when=1_100_000_000)
    for _ in range(2):
        assert check_again(arguments).swept is None, "such a command line is never taken as known"
        assert run(arguments, check_again(arguments)) == 0
    repository.commit({"lib/b.py": BUGGY + OTHER}, when=1_200_000_000)
    assert run(arguments, check_again(arguments)) == 1
    repository.git("tag", "-f", "begin")
    capsys.readouterr()
    assert run(arguments, check_again(arguments)) == 0
    assert "No findings in 0 files" in capsys.readouterr().out
    assert len(fake.requests) == 2


def test_a_part_is_not_taken_for_the_whole(
    fake: FakeProvider, repository: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was asked about some units must not make their file look clean."""
    repository.write({"a.py": BUGGY + CLEAN.replace("2", "3")})
    assert check(capsys, "a.py", *SINCE)[0] == 0
    assert run(["check", "a.py"], check_again(["check", "a.py"])) == 1
    assert len(fake.requests) == 2


def test_spans_are_whole_lines_of_the_text(repository: GitRepository) -> None:
    repository.write({"a.py": "one\n" + BUGGY + CLEAN + "end"})
    changed = changed_since("begin", [str(repository.top)])
    path = repository.top / "a.py"
    text = path.read_text()
    assert [span.of(text) for span in changed.spans(path, text)] == ["one\n", "end"]
    assert changed.spans(path, "shorter\n since")[0].end <= len("shorter\n")
    assert changed.spans(path, "") == ()
    assert changed.spans(repository.top / "lib" / "b.py", text) == ()
    assert changed.has(os.fspath(path))
    assert not changed.has(os.fspath(repository.top / "lib" / "b.py"))
