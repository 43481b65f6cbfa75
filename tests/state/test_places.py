from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from kibitz.state.places import database_path, private_folder, state_dir

if TYPE_CHECKING:
    from pathlib import Path


def test_the_variable_names_the_folder(tmp_path: Path) -> None:
    assert state_dir({"KIBITZ_STATE_DIR": str(tmp_path / "x")}) == tmp_path / "x"
    assert database_path({"KIBITZ_STATE_DIR": str(tmp_path)}) == tmp_path / "state.db"


def test_else_it_is_in_the_platforms_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for environ in ({}, {"KIBITZ_STATE_DIR": ""}):
        assert state_dir(environ).name == "kibitz"
        assert not state_dir(environ).exists(), "asking makes nothing"


def test_tests_have_a_place_of_their_own(own_places: Path) -> None:
    assert state_dir() == own_places / "state"


def test_a_new_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    private_folder(tmp_path / "a" / "b")
    private_folder(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(PermissionError, match="other users may write"):
        private_folder(tmp_path)
