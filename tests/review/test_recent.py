from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tests.support.git_repository import GitRepository, needs_git

from kibitz.review import recent
from kibitz.review.recent import newest_first, recent_files, source_at
from kibitz.review.result import Source

if TYPE_CHECKING:
    from pathlib import Path


def written(path: Path, when: int, content: str = "x = 1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (when, when))
    return path


def names(paths: list[Path], folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in paths]


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "project")
    repository.commit({"first.py": "1", "lib/second.py": "1", "notes.md": "1"}, when=1_500_000_000)
    repository.commit({"lib/second.py": "2", "vendor/other.py": "2"}, when=1_500_000_100)
    repository.commit({"third.py": "3", "gone.py": "3"}, when=1_500_000_200)
    (repository.top / "gone.py").unlink()
    # As a checkout would: written in the order of their names, long after they were changed.
    for when, name in enumerate(("first.py", "lib/second.py", "third.py"), 1_600_000_000):
        os.utime(repository.top / name, (when, when))
    return repository


@needs_git
class TestWithGit:
    def test_what_commits_changed(self, repository: GitRepository) -> None:
        found = recent_files([repository.top], 32)
        assert names(found, repository.top) == ["third.py", "lib/second.py", "first.py"]

    def test_what_is_not_committed_counts_by_when_it_was_written(self, repository: GitRepository) -> None:
        written(repository.top / "first.py", 1_600_000_500, "changed = 1\n")
        written(repository.top / "fresh.py", 1_600_000_400)
        found = recent_files([repository.top], 3)
        assert names(found, repository.top) == ["first.py", "fresh.py", "third.py"]

    def test_of_a_folder_below_the_top(self, repository: GitRepository) -> None:
        found = recent_files([repository.top / "lib"], 32)
        assert names(found, repository.top) == ["lib/second.py"]

    def test_what_leads_elsewhere_is_not_followed(self, repository: GitRepository, tmp_path: Path) -> None:
        written(tmp_path / "elsewhere" / "second.py", 1_700_000_000)
        (repository.top / "lib" / "second.py").unlink()
        (repository.top / "lib").rmdir()
        (repository.top / "lib").symlink_to(tmp_path / "elsewhere")
        (repository.top / "third.py").unlink()
        (repository.top / "third.py").symlink_to(tmp_path / "elsewhere" / "second.py")
        assert names(recent_files([repository.top], 32), repository.top) == ["first.py"]

    def test_sorting_what_git_knows(self, repository: GitRepository, tmp_path: Path) -> None:
        repository.git("rm", "-q", "--cached", "third.py")
        outside = written(tmp_path / "outside.py", 1_500_000_150)
        top = repository.top
        paths = [top / "first.py", outside, top / "lib" / "second.py", top / "third.py", tmp_path / "none.py"]
        assert newest_first(paths) == [paths[3], paths[1], paths[2], paths[0], paths[4]]

    def test_what_has_not_changed_for_long_goes_last(
        self, repository: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr("kibitz.guard.git._COMMITS", 1)
        top = repository.top
        old = written(tmp_path / "old.py", 1_000_000_000)
        paths = [old, top / "first.py", top / "lib" / "second.py", top / "third.py"]
        assert newest_first(paths) == [paths[3], old, paths[2], paths[1]]


class TestWithoutGit:
    def test_what_was_written_last(self, tmp_path: Path) -> None:
        for when, name in enumerate(
            ("a.py", "deep/er/b.go", "c.md", "node_modules/d.js", "e.rs"), 1_500_000_000
        ):
            written(tmp_path / name, when)
        (tmp_path / "link.py").symlink_to(tmp_path / "a.py")
        (tmp_path / "round").symlink_to(tmp_path)
        os.mkfifo(tmp_path / "pipe.py")
        assert names(recent_files([tmp_path], 32), tmp_path) == ["e.rs", "deep/er/b.go", "a.py"]
        assert names(recent_files([tmp_path], 1), tmp_path) == ["e.rs"]

    def test_of_several_folders(self, tmp_path: Path) -> None:
        written(tmp_path / "one" / "a.py", 1_500_000_000)
        written(tmp_path / "two" / "b.py", 1_500_000_001)
        folders = [tmp_path / "one", tmp_path / "two", tmp_path / "three"]
        assert names(recent_files(folders, 32), tmp_path) == ["two/b.py", "one/a.py"]

    def test_what_must_not_be_reviewed_takes_nobodys_place(self, tmp_path: Path) -> None:
        written(tmp_path / "a.py", 1_500_000_000)
        secret = written(tmp_path / "secret.py", 1_500_000_001)
        found = recent_files([tmp_path], 1, refusal=lambda path: "no" if path == str(secret) else None)
        assert names(found, tmp_path) == ["a.py"]

    def test_a_large_folder_is_not_read_to_its_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(20):
            written(tmp_path / f"{number}.py", 1_500_000_000 + number)
        monkeypatch.setattr(recent, "MOST_SEEN", 10)
        assert len(recent_files([tmp_path], 32)) == 10

    def test_sorting(self, tmp_path: Path) -> None:
        paths = [written(tmp_path / name, when) for name, when in (("a.py", 3), ("b.py", 9), ("c.py", 5))]
        assert names(newest_first(paths), tmp_path) == ["b.py", "c.py", "a.py"]


def test_what_there_is_to_review(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"\xef\xbb\xbfx = 1\r\n")
    assert source_at(path, 100) == Source("x = 1\r\n", "python", "a.py", str(path))
    script = tmp_path / "run"
    script.write_text("#!/usr/bin/env python3\nx = 1\n")
    found = source_at(script, 100)
    assert found is not None
    assert found.language == "python"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.py", b"x" * 101),
        ("a.py", b"x = 1\0"),
        ("a.py", b"\xff"),
        ("a.md", b"words"),
        ("a.min.js", b"x"),
        ("a.py", b"# @generated\n"),
        ("b.py", None),
    ],
)
def test_what_nobody_wants_reviewed(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert source_at(tmp_path / name, 100) is None


def test_a_pipe_is_no_source(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.py")
    assert source_at(tmp_path / "a.py", 100) is None
