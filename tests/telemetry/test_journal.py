from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from kibitz.telemetry import masking
from kibitz.telemetry.journal import KEPT, WAITING, Journal

if TYPE_CHECKING:
    from pathlib import Path

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX")
WRITER = """
import sys, pathlib
from kibitz.telemetry.journal import Journal
journal = Journal(pathlib.Path(sys.argv[1]), what="it", max_bytes=int(sys.argv[3]))
for number in range(300):
    journal.write({"who": sys.argv[2], "number": number, "text": "x" * 100})
journal.close(30)
"""


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_entries_become_lines_in_order_and_nothing_is_there_before(tmp_path: Path) -> None:
    path = tmp_path / "state" / "log.jsonl"
    journal = Journal(path, what="it")
    assert not path.parent.exists()
    for number in range(250):
        journal.write({"number": number, "nothing": None})
    journal.close(10)
    assert lines(path) == [{"number": number} for number in range(250)]


def test_what_comes_after_the_end_is_written_all_the_same(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log.jsonl", what="it")
    journal.close()
    journal.write({"number": 1})
    journal.close(10)
    assert lines(journal.path) == [{"number": 1}]


@POSIX
def test_only_its_owner_can_read_it_even_if_it_was_there(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.touch(0o644)
    journal = Journal(path, what="it", max_bytes=1)
    journal.write({"a": 1})
    journal.close(10)
    for each in tmp_path.iterdir():
        assert each.stat().st_mode & 0o777 == 0o600, each


def test_a_line_is_plain_ascii_of_bounded_length_without_keys(tmp_path: Path) -> None:
    masking.hide("a-hidden-value-of-a-key")
    journal = Journal(tmp_path / "log.jsonl", what="it")
    journal.write(
        {"a": "a-hidden-value-of-a-key", "b": "\x1b[2J\u202e\n" * 200, "c": object(), "d": {"e": [1]}}
    )
    journal.close(10)
    raw = journal.path.read_bytes()
    assert raw.count(b"\n") == 1
    assert all(32 <= byte < 127 for byte in raw[:-1])
    assert b"a-hidden-value" not in raw
    assert len(raw) < 2000


def test_processes_that_write_at_once_neither_mix_nor_lose_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, "50000"], close_fds=True)
        for name in ("a", "b")
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    files = [path.with_suffix(f".{number}.jsonl") for number in range(KEPT, 0, -1)] + [path]
    kept = [line for file in files if file.exists() for line in lines(file)]
    for name in ("a", "b"):
        assert [line["number"] for line in kept if line["who"] == name] == list(range(300))
    assert path.with_suffix(".1.jsonl").exists()


def test_of_the_files_that_were_moved_aside_only_some_stay(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log.jsonl", what="it", max_bytes=100)
    for number in range(12):
        journal.write({"number": number, "text": "x" * 90})
        journal.close(10)
    names = {path.name for path in tmp_path.iterdir()} - {"log.lock"}
    assert names == {f"log.{number}.jsonl" for number in range(1, KEPT + 1)}
    assert [line["number"] for line in lines(journal.numbered(1))] == [11]


def broken(*_: object, **__: object) -> int:
    raise OSError(28, "No space left on device")


def test_a_full_disk_costs_one_warning_and_what_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    journal = Journal(tmp_path / "log.jsonl", what="the access log", clock=lambda: now[0])
    with monkeypatch.context() as full:
        full.setattr("kibitz.telemetry.journal.os.write", broken)
        for _ in range(3):
            journal.write({"number": 1})
            journal.close(10)
            now[0] += 31
    (said,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said == (
        f"the access log {journal.path} cannot be written (No space left on device); "
        "nothing is noted there until that is mended"
    )
    assert journal.lost == 3
    now[0] += 31
    journal.write({"number": 2})
    journal.close(10)
    assert [line for line in journal.path.read_text().splitlines() if line] == ['{"number": 2}']


@POSIX
@pytest.mark.parametrize("what", ["link", "pipe", "folder"])
def test_what_is_no_plain_file_is_not_written_to(
    what: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, target = tmp_path / "log.jsonl", tmp_path / "target"
    if what == "link":
        path.symlink_to(target)
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    journal = Journal(path, what="it")
    journal.write({"a": 1})
    journal.close(10)
    assert journal.lost == 1
    assert not target.exists()
    assert "cannot be written" in caplog.text


def test_a_disk_that_hangs_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, free = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> int:
        asked.set()
        free.wait(30)
        return broken()

    monkeypatch.setattr("kibitz.telemetry.journal.os.write", hang)
    journal = Journal(tmp_path / "log.jsonl", what="it")
    journal.write({"a": 1})
    assert asked.wait(10)
    for _ in range(WAITING + 10):
        journal.write({"a": 1})
    assert journal.lost == 10
    journal.close(0.01)
    free.set()
