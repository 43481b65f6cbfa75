from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from kibitz.cli import files
from kibitz.cli.files import FileError

BIG = 1_000_000


@pytest.mark.parametrize(
    "raw", [b"", b"x = 1\n", b"\xef\xbb\xbfx = 1\r\n", b"a\rb\x0cc\xe2\x80\xa8d\n", "é😀".encode()]
)
def test_what_is_read_is_written_back_byte_for_byte(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(raw)
    content = files.read(path, BIG)
    files.write(path, content, content.text)
    assert path.read_bytes() == raw
    files.write(path, content, content.text + "# \r\n")
    assert path.read_bytes() == raw + b"# \r\n"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"a\n\xff\n", "not valid UTF-8 (line 2)"),
        (b"a\0b", "binary"),
        ("x".encode("utf-16"), "binary"),
        (b"x" * 101, "larger than 100 bytes"),
    ],
)
def test_what_cannot_be_reviewed_says_why(tmp_path: Path, raw: bytes, reason: str) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(raw)
    with pytest.raises(FileError, match=re.escape(reason)):
        files.read(path, 100)


def test_a_missing_file_a_folder_and_a_pipe(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        files.read(tmp_path / "gone.py", BIG)
    with pytest.raises(FileError, match=r"cannot be read|not a regular file"):
        files.read(tmp_path, BIG)
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(FileError, match="not a regular file"):
        files.read(tmp_path / "pipe.py", BIG)


def test_the_mode_stays_and_nothing_is_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "x.sh"
    path.write_bytes(b"a\n")
    path.chmod(0o751)
    files.write(path, files.read(path, BIG), "b\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o751
    assert path.read_bytes() == b"b\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.sh"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "x.py", tmp_path / "link.py"
    target.write_bytes(b"a\n")
    link.symlink_to(target)
    files.write(link, files.read(link, BIG), "b\n")
    assert link.is_symlink()
    assert target.read_bytes() == b"b\n"


def test_a_file_that_has_changed_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(b"a\n")
    content = files.read(path, BIG)
    path.write_bytes(b"changed\n")
    with pytest.raises(FileError, match="has changed since"):
        files.write(path, content, "b\n")
    path.unlink()
    with pytest.raises(FileError, match="cannot be written"):
        files.write(path, content, "b\n")
    assert list(tmp_path.iterdir()) == []


def test_paths_are_shown_relative_to_the_folder(tmp_path: Path) -> None:
    assert files.shown_path(tmp_path / "a" / ".." / "b.py", tmp_path) == "b.py"
    assert files.shown_path(Path("/x/y.py"), tmp_path) == "/x/y.py"
