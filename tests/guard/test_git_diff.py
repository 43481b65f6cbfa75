"""Which lines differ from a commit, as a real git tells; and whom it may not run for that."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.git_repository import GitRepository, Trap, needs_git

from kibitz.guard import git_diff
from kibitz.guard.git import is_plain
from kibitz.guard.git_diff import WHOLE, DiffError, diff_since

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_git

TEN = "".join(f"{number}\n" for number in range(1, 11))


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "project")
    repository.commit({"a.py": TEN, "lib/b.py": TEN, "gone.py": TEN}, when=1_000_000_000)
    repository.git("tag", "begin")
    return repository


def changed(repository: GitRepository, ref: str = "begin") -> dict[str, list[int]]:
    """The changed lines, file by file; 0 for all of a file."""
    diff = diff_since(repository.top, ref)
    assert diff.top == repository.top
    return {
        path: [0] if lines == WHOLE else [number for each in lines for number in each]
        for path, lines in diff.lines.items()
    }


def test_nothing_changed(repository: GitRepository) -> None:
    os.utime(repository.top / "a.py")
    assert changed(repository) == {}


def test_commits_the_index_the_working_tree_and_new_files_count(repository: GitRepository) -> None:
    repository.commit({"a.py": TEN.replace("2\n", "two\n")}, when=1_100_000_000)
    repository.write({"lib/b.py": TEN.replace("5\n", "five\nand more\n")})
    repository.git("add", "lib/b.py")
    repository.write({"lib/b.py": TEN.replace("5\n", "five\nand more\n") + "11"})
    repository.write({".gitignore": "built/\n", "built/x.py": "1\n", "new.py": "1\n"})
    (repository.top / "gone.py").unlink()
    assert changed(repository) == {
        "a.py": [2],
        "lib/b.py": [5, 6, 12],
        "new.py": [0],
        ".gitignore": [0],
    }
    assert changed(repository, "HEAD").keys() == {"lib/b.py", "new.py", ".gitignore"}


def test_around_lines_that_were_taken_out(repository: GitRepository) -> None:
    repository.write({"a.py": TEN.replace("5\n6\n", ""), "lib/b.py": TEN[2:]})
    assert changed(repository) == {"a.py": [4, 5], "lib/b.py": [1]}


def test_a_file_that_only_moved_has_not_changed(repository: GitRepository) -> None:
    repository.git("mv", "a.py", "lib/moved.py")
    assert changed(repository) == {}
    repository.write({"lib/moved.py": TEN.replace("3\n", "three\n")})
    assert changed(repository) == {"lib/moved.py": [3]}


@pytest.mark.parametrize(
    "name", ["a b.py", "é😀.py", 'q"uo\\te.py', "line\nbreak\ttab.py", "b/b/ x .py", "-r.py"]
)
def test_any_name_will_do(repository: GitRepository, name: str) -> None:
    repository.commit({name: TEN}, when=1_100_000_000)
    repository.write({name: TEN.replace("3\n", "three\n")})
    assert changed(repository, "HEAD") == {name: [3]}
    assert changed(repository)[name] == list(range(1, 11))


def test_code_that_looks_like_a_patch_is_code(repository: GitRepository) -> None:
    evil = "++ b/lib/b.py\n@@ -1 +1 @@\ndiff --git a/x b/x\n-- a/x\n"
    repository.commit({"a.py": evil}, when=1_100_000_000)
    assert changed(repository) == {"a.py": [1, 2, 3, 4]}
    repository.write({"a.py": "x" * 200_000 + "\nno end"})
    assert changed(repository) == {"a.py": [1, 2]}


def test_other_line_ends_are_no_change(repository: GitRepository) -> None:
    repository.write({"a.py": TEN.replace("\n", "\r\n").replace("4\r", "four\r")})
    assert changed(repository) == {"a.py": [4]}


def test_what_attributes_say_does_not_count(repository: GitRepository) -> None:
    repository.commit({".gitattributes": "*.py -diff binary linguist-generated\n"}, when=1_100_000_000)
    repository.write({"a.py": TEN.replace("4\n", "four\n")})
    (repository.top / "gone.py").write_bytes(b"\0\1\2")
    assert changed(repository, "HEAD") == {"a.py": [4], "gone.py": [1]}


def test_submodules_are_left_out(repository: GitRepository, tmp_path: Path) -> None:
    other = GitRepository(tmp_path / "other")
    other.commit({"x.py": TEN}, when=1_000_000_000)
    url = str(other.top)
    repository.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", url, "sub")
    (repository.top / "sub" / "x.py").write_text("changed\n")
    GitRepository(repository.top / "nested").commit({"y.py": TEN}, when=1_000_000_000)
    assert changed(repository).keys() == {".gitmodules"}
    assert changed(GitRepository(repository.top / "sub"), "HEAD") == {"x.py": [1]}


def test_a_conflict_is_a_change(repository: GitRepository) -> None:
    repository.git("checkout", "-q", "-b", "other")
    repository.commit({"a.py": TEN.replace("3\n", "three\n")}, when=1_100_000_000)
    repository.git("checkout", "-q", "main")
    repository.commit({"a.py": TEN.replace("3\n", "drei\n")}, when=1_100_000_000)
    with pytest.raises(subprocess.CalledProcessError):
        repository.git("merge", "other")
    assert changed(repository) == {"a.py": [3, 4, 5, 6, 7]}


@pytest.mark.parametrize("how", ["loose", "packed", "worktree", "sha256", "folder"])
def test_all_kinds_of_repositories(repository: GitRepository, tmp_path: Path, how: str) -> None:
    repository.commit({"a.py": TEN + "11\n"}, when=1_100_000_000)
    folder = repository.top
    match how:
        case "packed":
            repository.git("pack-refs", "--all", "--prune")
            repository.git("gc", "-q")
        case "worktree":
            folder = tmp_path / "second"
            repository.git("worktree", "add", "-q", str(folder), "-b", "second")
        case "sha256":
            other = GitRepository(tmp_path / "long", "--object-format=sha256")
            other.commit({"a.py": TEN}, when=1_000_000_000)
            other.git("tag", "begin")
            other.write({"a.py": TEN + "11\n"})
            folder = other.top
        case "folder":
            folder = repository.top / "lib"
        case _:
            pass
    diff = diff_since(folder, "begin")
    assert dict(diff.lines) == {"a.py": (range(11, 12),)}


@pytest.mark.parametrize(
    "ref",
    [
        *(
            "begin",
            "begin^{}",
            "tags/begin",
            "refs/tags/begin",
            "HEAD~2",
            "@~2",
            "HEAD^^",
            "main~2",
            "heads/main~2",
        ),
        *(
            "origin/main~1",
            "origin~1",
            "origin/main^",
            "pkg@1.0",
            "FETCH_HEAD~1",
            "main^{/first}",
            "annotated",
        ),
    ],
)
def test_commits_have_many_names(repository: GitRepository, ref: str) -> None:
    repository.git("commit", "-q", "--amend", "-m", "first")
    repository.git("tag", "-f", "begin")
    repository.git("tag", "pkg@1.0")
    repository.git("tag", "-a", "-m", "a tag", "annotated")
    repository.commit({"a.py": TEN + "11\n"}, when=1_100_000_000)
    repository.git("update-ref", "refs/remotes/origin/main", "HEAD")
    repository.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    (repository.top / ".git" / "FETCH_HEAD").write_text(
        f"{repository.git('rev-parse', 'HEAD')}\t\tbranch 'main'\n"
    )
    repository.commit({"lib/b.py": TEN + "11\n"}, when=1_200_000_000)
    assert changed(repository, ref) == {"a.py": [11], "lib/b.py": [11]}


def test_a_hash_and_the_beginning_of_one(repository: GitRepository) -> None:
    commit = repository.git("rev-parse", "begin")
    repository.write({"a.py": TEN + "11\n"})
    assert changed(repository, commit) == changed(repository, commit[:8]) == {"a.py": [11]}


def test_three_dots_are_since_both_went_apart(repository: GitRepository) -> None:
    repository.git("checkout", "-q", "-b", "feature")
    repository.commit({"a.py": TEN + "11\n"}, when=1_100_000_000)
    repository.git("checkout", "-q", "main")
    repository.commit({"lib/b.py": TEN + "11\n"}, when=1_100_000_000)
    repository.git("checkout", "-q", "feature")
    assert changed(repository, "main...") == {"a.py": [11]}
    assert changed(repository, "main") == {"a.py": [11], "lib/b.py": [10, 11]}
    repository.git("checkout", "-q", "--orphan", "apart")
    repository.git("commit", "-q", "-m", "another beginning")
    assert changed(repository, "feature") == {}
    with pytest.raises(DiffError, match="no commit in common"):
        diff_since(repository.top, "feature...")


def test_without_a_place_for_its_files_git_is_not_asked(
    repository: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(DiffError, match="git cannot be asked: No such file"):
        diff_since(repository.top, "begin")


@pytest.mark.parametrize(
    "ref",
    [
        *("", "-", "--output=x", "-Sx", " begin", "a\nb", "a\0b", "\t", "x" * 300),
        *(
            "nothing",
            "begin:a.py",
            "HEAD~99",
            "HEAD@{1}",
            "@{u}",
            "main..begin",
            "a b",
            "../../x",
            "logs/HEAD",
        ),
        *("begin^{tree}", "index", "config", "0" * 40, "begin --output=x", "refs/heads/../../HEAD", "..."),
    ],
)
def test_what_names_no_commit(repository: GitRepository, ref: str) -> None:
    before = sorted(repository.top.rglob("*"))
    with pytest.raises(DiffError):
        diff_since(repository.top, ref)
    assert sorted(repository.top.rglob("*")) == before


def test_a_shallow_clone_says_so(repository: GitRepository, tmp_path: Path) -> None:
    repository.commit({"a.py": TEN + "11\n"}, when=1_100_000_000)
    clone = tmp_path / "clone"
    repository.git("clone", "-q", "--depth=1", f"file://{repository.top}", str(clone))
    with pytest.raises(DiffError, match="no commit HEAD~1; its history was cut off"):
        diff_since(clone, "HEAD~1")
    assert diff_since(clone, "origin/main").lines == {}
    assert diff_since(clone, "origin").lines == {}


def test_what_is_missing_is_no_change(repository: GitRepository) -> None:
    repository.write({"a.py": TEN + "11\n"})
    blob = repository.git("rev-parse", "HEAD:a.py")
    (repository.top / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(DiffError, match="missing or damaged"):
        diff_since(repository.top, "begin")


def test_no_repository_and_no_git(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DiffError, match="is not in a git repository"):
        diff_since(tmp_path, "HEAD")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(DiffError, match="git was not found"):
        diff_since(repository.top, "HEAD")


def test_without_commits(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path)
    repository.write({"a.py": "1"})
    with pytest.raises(DiffError, match="has no commit HEAD"):
        diff_since(tmp_path, "HEAD")


def test_nothing_of_a_hostile_repository_runs_or_is_written(
    repository: GitRepository, tmp_path: Path
) -> None:
    sub = GitRepository(repository.top / "sub")
    sub.commit({"inner.py": "1"}, when=1_150_000_000)
    attributes = "* filter=evil diff=evil merge=evil\n"
    repository.commit({".gitattributes": attributes, "c.py": TEN}, when=1_200_000_000)
    trap, inner = Trap(tmp_path / "trap"), Trap(tmp_path / "inner")
    trap.set(repository)
    inner.set(sub)
    (repository.top / "a.py").write_text(TEN + "11\n")
    os.utime(repository.top / "c.py", (1, 1))
    index = (repository.top / ".git" / "index").read_bytes()
    assert changed(repository)["a.py"] == [11]
    assert trap.sprung == inner.sprung == []
    assert (repository.top / ".git" / "index").read_bytes() == index
    # An object is not there, so that git would fetch it.
    blob = repository.git("rev-parse", "begin:a.py")
    (repository.top / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(DiffError):
        diff_since(repository.top, "begin")
    assert trap.sprung == inner.sprung == []


@pytest.mark.parametrize("line", ["exec sleep 60", "exec yes", "printf '@@ -1 +1 @@'; exit 3"])
def test_half_an_answer_is_none(
    repository: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    real = shutil.which("git")
    folder = tmp_path / "bin"
    folder.mkdir()
    check = f'for each in "$@"; do test "$each" = diff-index && {{ {line}; }}; done'
    (folder / "git").write_text(f'#!/bin/sh\n{check}\nexec {real} "$@"\n')
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    begun = time.monotonic()
    with pytest.raises(DiffError, match=r"too long|missing or damaged"):
        diff_since(repository.top, "begin", seconds=1.0)
    assert time.monotonic() - begun < 20


def test_new_files_without_end_are_an_error(
    repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_diff, "_MAX_NEW", 10)
    repository.write({"1.py": "1", "2.py": "1", "3.py": "1"})
    with pytest.raises(DiffError, match="too many files"):
        diff_since(repository.top, "begin")


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_patch_leads_below_the_top(lines: list[bytes]) -> None:
    headers = [b"+++ " + line for line in lines]
    for path, numbers in git_diff._hunks(
        [part for pair in zip(headers, lines, strict=True) for part in pair]
    ):
        assert os.path.normpath(f"/top/{path}") == f"/top/{path}"
        assert numbers.start >= 0


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
def test_a_quoted_path_is_read_as_git_wrote_it(path: str) -> None:
    if not is_plain(path):
        return
    quoted = b"".join(b"\\%03o" % byte for byte in b"b/" + path.encode())
    assert git_diff._path(b'"' + quoted + b'"\n') == path
