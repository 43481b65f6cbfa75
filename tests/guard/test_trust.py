"""What the user trusts is kept by the user, and for one folder as it is."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.guard.trust import Decision, Trust, _parsed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return Trust(tmp_path / "config" / "trust.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project é"
    folder.mkdir()
    return folder


def test_nothing_is_trusted_before_somebody_says_so(trust: Trust, folder: Path) -> None:
    assert trust.decision(folder) is None
    assert trust.all() == ()


@pytest.mark.parametrize("decision", Decision)
def test_what_was_decided_holds_in_all_processes(trust: Trust, folder: Path, decision: Decision) -> None:
    trust.decide(folder, decision)
    assert trust.decision(folder) is decision
    other = Trust(trust.path)
    assert other.decision(folder) is decision
    assert [(each.path, each.decision) for each in other.all()] == [(str(folder), decision)]


def test_another_decision_takes_the_place_of_the_first(trust: Trust, folder: Path) -> None:
    other = Trust(trust.path)
    trust.decide(folder, Decision.TRUSTED)
    assert other.decision(folder) is Decision.TRUSTED
    trust.decide(folder, Decision.REFUSED)
    assert other.decision(folder) is Decision.REFUSED
    assert len(trust.all()) == 1


def test_the_file_is_for_its_owner_alone(trust: Trust, folder: Path) -> None:
    trust.decide(folder, Decision.TRUSTED)
    assert stat.S_IMODE(trust.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(trust.path.parent.stat().st_mode) == 0o700
    assert [path.name for path in trust.path.parent.iterdir()] == ["trust.json"]


def test_trust_is_for_one_folder_and_neither_for_those_inside_nor_around(trust: Trust, folder: Path) -> None:
    (folder / "inner").mkdir()
    trust.decide(folder, Decision.TRUSTED)
    assert trust.decision(folder / "inner") is None
    assert trust.decision(folder.parent) is None


def test_a_link_stands_for_the_folder_behind_it(trust: Trust, folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    trust.decide(link, Decision.TRUSTED)
    assert trust.decision(folder) is Decision.TRUSTED
    link.unlink()
    (tmp_path / "other").mkdir()
    link.symlink_to(tmp_path / "other")
    assert trust.decision(link) is None


def test_another_folder_in_its_place_is_not_trusted(trust: Trust, folder: Path, tmp_path: Path) -> None:
    trust.decide(folder, Decision.TRUSTED)
    other = tmp_path / "other"
    other.mkdir()
    folder.rmdir()
    other.rename(folder)
    assert trust.decision(folder) is None
    trust.decide(folder, Decision.REFUSED)
    assert len(trust.all()) == 1


def test_a_folder_that_is_not_there_is_not_trusted(trust: Trust, tmp_path: Path) -> None:
    assert trust.decision(tmp_path / "nowhere") is None
    with pytest.raises(OSError, match="No such file"):
        trust.decide(tmp_path / "nowhere", Decision.TRUSTED)


def test_a_file_that_others_may_write_trusts_nothing(trust: Trust, folder: Path) -> None:
    trust.decide(folder, Decision.TRUSTED)
    trust.path.chmod(0o666)
    assert trust.decision(folder) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"folders": 3}',
        b'{"folders": [{"path": "/x", "inode": 1}]}',
        b'{"folders": [{"path": "/x", "inode": 1, "decision": "always"}]}',
        b'{"folders": [{"path": "/x", "inode": 1e999, "decision": "trusted"}]}',
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_none_of_ours_trusts_nothing(trust: Trust, folder: Path, content: bytes) -> None:
    trust.decide(folder, Decision.TRUSTED)
    trust.path.write_bytes(content)
    assert trust.decision(folder) is None
    assert trust.all() == ()


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_any_content_is_read(value: object) -> None:
    assert _parsed(json.dumps({"folders": value}).encode()) == frozenset()
