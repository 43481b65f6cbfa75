from __future__ import annotations

import os
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.lsp.folders import Folders, innermost

PATHS = st.lists(st.sampled_from("ab"), max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(st.lists(PATHS, max_size=5), PATHS)
def test_the_innermost_of_the_folders_counts(folders: list[str], path: str) -> None:
    around = [each for each in folders if PurePosixPath(path).is_relative_to(each)]
    assert innermost(path, dict.fromkeys(folders)) == max(around, key=len, default=None)


@pytest.mark.parametrize("path", [None, "", "a", "/c/x.py", "/ab/x.py", os.curdir])
def test_what_is_in_none_of_them_has_the_default(path: str | None) -> None:
    assert Folders(0, {"/a": 1, "/a/b": 2}).at(path) == 0


def test_a_folder_is_in_itself() -> None:
    folders = Folders(0, {"/a": 1, "/a/b": 2})
    assert [folders.at(path) for path in ("/a", "/a/x.py", "/a/b/c/x.py", "/a/bc")] == [1, 1, 2, 1]


def test_the_root_of_the_disk_may_be_open() -> None:
    assert Folders(0, {"/": 1}).at("/a/x.py") == 1
