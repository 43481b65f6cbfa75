from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kibitz.state.places import VARIABLE
from kibitz.telemetry.targets import announce, folder, targets, withdraw

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_a_server_says_where_it_is_in_prometheus_words() -> None:
    path = announce("127.0.0.1", 41234)
    assert json.loads(path.read_text()) == [
        {"targets": ["127.0.0.1:41234"], "labels": {"pid": str(os.getpid())}}
    ]
    (target,) = targets()
    assert (target.address, target.pid, target.lives) == ("127.0.0.1:41234", os.getpid(), True)
    assert [each.name for each in folder().iterdir()] == ["41234.json"]
    withdraw(path)
    withdraw(path)
    assert list(targets()) == []


def test_who_ended_without_a_word_is_forgotten_by_the_next() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    left = announce("127.0.0.1", 41000)
    left.write_text(left.read_text().replace(str(os.getpid()), str(gone.pid)))
    assert [each.lives for each in targets()] == [False]
    announce("127.0.0.1", 41001)
    assert [each.address for each in targets()] == ["127.0.0.1:41001"]


@pytest.mark.parametrize("text", ["", "[]", "{}", "[1]", '[{"targets": [], "labels": {"pid": "1"}}]', "\xff"])
def test_what_makes_no_sense_is_no_target(text: str) -> None:
    folder().mkdir()
    (folder() / "1.json").write_text(text, encoding="latin-1")
    (folder() / "2.json").write_text(
        '[{"targets": ["127.0.0.1:2"], "labels": {"pid": "99999999999999999999"}}]'
    )
    assert [(each.address, each.lives) for each in targets()] == [("127.0.0.1:2", True)]


@pytest.mark.skipif(os.name != "posix", reason="there are no such permissions")
def test_folders_that_it_makes_are_for_their_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "state"))
    announce("127.0.0.1", 41234)
    assert [path.stat().st_mode & 0o777 for path in (folder().parent, folder())] == [0o700, 0o700]


@pytest.mark.skipif(os.name != "posix", reason="there are no such permissions")
def test_a_folder_that_others_may_write_to_is_not_used() -> None:
    folder().mkdir()
    folder().chmod(0o777)
    with pytest.raises(PermissionError):
        announce("127.0.0.1", 41234)
