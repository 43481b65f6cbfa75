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

from kibitz.guard import git
from kibitz.guard.git import Changes, changes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_git


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "project")
    repository.commit({"old.py": "1", "lib/deep.py": "1"}, when=1_000_000_000)
    repository.commit({"new.py": "1", "lib/deep.py": "2"}, when=1_100_000_000)
    return repository


COMMITTED = {"old.py": 1_000_000_000, "new.py": 1_100_000_000, "lib/deep.py": 1_100_000_000}


def test_what_commits_changed_and_when(repository: GitRepository) -> None:
    assert changes(repository.top) == Changes(repository.top, frozenset(), COMMITTED)


def test_a_folder_below_the_top_will_do(repository: GitRepository) -> None:
    assert changes(repository.top / "lib") == changes(repository.top)


def test_what_is_not_committed(repository: GitRepository) -> None:
    repository.write({".gitignore": "built/\n", "built/x.py": "1", "node_modules/x.js": "1"})
    repository.write({"old.py": "changed since", "lib/fresh é.py": "1"})
    found = changes(repository.top, without=["node_modules"])
    assert found is not None
    assert found.pending == {".gitignore", "old.py", "lib/fresh é.py"}


def test_what_was_only_touched_is_not_changed(repository: GitRepository) -> None:
    os.utime(repository.top / "old.py")
    found = changes(repository.top)
    assert found is not None
    assert found.pending == frozenset()


def test_deleted_files_do_not_count(repository: GitRepository) -> None:
    repository.git("rm", "-q", "new.py")
    repository.commit({}, when=1_200_000_000)
    found = changes(repository.top)
    assert found is not None
    assert "new.py" in found.committed, "by the commit that made it"
    assert found.committed["new.py"] == 1_100_000_000


@pytest.mark.parametrize("how", ["packed", "detached", "worktree", "sha256", "shallow", "branch"])
def test_all_kinds_of_repositories(repository: GitRepository, tmp_path: Path, how: str) -> None:
    top, expected = repository.top, dict(COMMITTED)
    match how:
        case "packed":
            repository.git("pack-refs", "--all", "--prune")
            repository.git("gc", "-q")
        case "detached":
            repository.git("checkout", "-q", "HEAD^")
            expected = dict.fromkeys(["old.py", "lib/deep.py"], 1_000_000_000)
        case "worktree":
            top = tmp_path / "second"
            repository.git("worktree", "add", "-q", str(top), "-b", "other")
        case "sha256":
            other = GitRepository(tmp_path / "long", "--object-format=sha256")
            other.commit({"a.py": "1"}, when=500_000_000)
            top, expected = other.top, {"a.py": 500_000_000}
        case "shallow":
            top = tmp_path / "clone"
            repository.git("clone", "-q", "--depth=1", f"file://{repository.top}", str(top))
            expected = dict.fromkeys(COMMITTED, 1_100_000_000)
        case _:
            repository.git("checkout", "-q", "-b", "feature/a-b")
    assert changes(top) == Changes(top, frozenset(), expected)


def test_no_repository(tmp_path: Path) -> None:
    assert changes(tmp_path) is None


def test_without_commits(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path)
    repository.write({"a.py": "1"})
    assert changes(tmp_path) == Changes(tmp_path, frozenset({"a.py"}))


def test_without_git(repository: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert changes(repository.top) is None


def test_a_git_that_comes_with_the_repository_is_not_run(
    repository: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trap = Trap(tmp_path / "trap")
    shutil.copy(trap.program("git"), repository.top / "git")
    (tmp_path / "innocent").mkdir()
    (tmp_path / "innocent" / "git").symlink_to(repository.top / "git")
    (tmp_path / "link").symlink_to(repository.top)
    bad = (str(repository.top), ".", "", str(tmp_path / "innocent"), str(tmp_path / "link"))
    monkeypatch.chdir(repository.top)
    for folder in bad:
        monkeypatch.setenv("PATH", folder)
        assert changes(repository.top) is None
    assert trap.sprung == []


def test_nothing_of_a_hostile_repository_runs(repository: GitRepository, tmp_path: Path) -> None:
    sub = GitRepository(repository.top / "sub")
    sub.commit({"inner.py": "1"}, when=1_150_000_000)
    repository.commit({".gitattributes": "* filter=evil diff=evil merge=evil\n"}, when=1_200_000_000)
    trap, inner = Trap(tmp_path / "trap"), Trap(tmp_path / "inner")
    trap.set(repository)
    inner.set(sub)
    # Every file looks changed, so that git has to compare contents.
    for path in repository.top.rglob("*.py"):
        path.write_text(path.read_text() + "x")
    # An object is not there, so that git would fetch it.
    tree = subprocess.run(
        ["git", "rev-parse", "HEAD^^:lib"],  # noqa: S607 - whichever git there is
        cwd=repository.top,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (repository.top / ".git" / "objects" / tree[:2] / tree[2:]).unlink()

    found = changes(repository.top)

    assert trap.sprung == []
    assert inner.sprung == []
    assert found is not None
    assert {"old.py", "new.py", "lib/deep.py"} <= found.pending
    assert found.committed[".gitattributes"] == 1_200_000_000
    assert _what_plain_git_runs(repository, trap), "the trap is a trap"


def _what_plain_git_runs(repository: GitRepository, trap: Trap) -> list[str]:
    for arguments in (["status"], ["diff"], ["log", "-p"]):
        subprocess.run(
            ["git", *arguments],  # noqa: S607 - whichever git there is
            cwd=repository.top,
            capture_output=True,
            check=False,
            timeout=60,
        )
        if trap.sprung:
            # One is enough. The next may wait for a program that is none.
            break
    return trap.sprung


def test_the_environment_has_no_say(
    repository: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", Trap(tmp_path / "trap").program("fsmonitor"))
    found = changes(repository.top)
    assert found is not None
    assert found.committed == COMMITTED
    assert not trace.exists()
    assert not list(tmp_path.glob("trap/*.ran"))


def test_git_gets_no_more_time_than_there_is(
    repository: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text("#!/bin/sh\nprintf 'said.py\\0half'\nexec sleep 60\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    begun = time.monotonic()
    found = changes(repository.top, seconds=0.5)
    assert time.monotonic() - begun < 20
    assert found is None or found.pending <= {"said.py"}


def test_what_git_says_is_bounded(
    repository: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text("#!/bin/sh\nexec yes aaaaaaa/bbbbbbb\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    found = changes(repository.top)
    assert found is not None
    assert found.pending == frozenset()


@pytest.mark.parametrize(
    "content",
    ["gitdir: /nowhere", "gitdir: ", "", "gitdir: /dev/zero", "x" * 100_000, "elsewhere: x", "gitdir: \0"],
)
def test_a_git_file_that_leads_nowhere(tmp_path: Path, content: str) -> None:
    (tmp_path / ".git").write_text(content)
    assert changes(tmp_path) is None


def test_pipes_in_place_of_files_block_nobody(repository: GitRepository) -> None:
    own = repository.top / ".git"
    (own / "HEAD").unlink()
    os.mkfifo(own / "HEAD")
    os.mkfifo(own / "shallow")
    assert changes(repository.top) == Changes(repository.top)


@pytest.mark.parametrize(
    "head",
    [
        "ref: ../../../etc/passwd",
        "ref: /etc/passwd",
        "ref: refs/heads/../x",
        "nonsense",
        "--upload-pack=x",
        "f" * 40,
    ],
)
def test_a_head_that_names_no_commit(repository: GitRepository, head: str) -> None:
    (repository.top / ".git" / "HEAD").write_text(head)
    assert changes(repository.top) == Changes(repository.top)


@given(st.text())
def test_paths_stay_below_the_top(path: str) -> None:
    if git.is_plain(path):
        joined = os.path.normpath(f"/top/{path}")
        assert joined == f"/top/{path}"
