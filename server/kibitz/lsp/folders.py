"""What counts for each of the folders that are open, and for the files below them. Pure."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from kibitz.lsp.documents import path_of

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Folders(Generic[T]):
    """Something for each folder, by absolute path, and for all that is in none of them."""

    default: T
    by_path: Mapping[str, T] = field(default_factory=dict)

    def at(self, path: str | None) -> T:
        """What counts for the file (or folder) at ``path``: what the innermost folder around it has."""
        folder = innermost(path, self.by_path)
        return self.default if folder is None else self.by_path[folder]


def folder_of(uri: str) -> str | None:
    """The path of an open folder's URI, without a slash at its end; None if it is not on this machine."""
    path = path_of(uri)
    return path and (path.rstrip("/") or "/")


def innermost(path: str | None, folders: Mapping[str, object]) -> str | None:
    """Which of ``folders`` holds ``path``, and none of those that hold it is deeper; None: none does."""
    if path is None or not folders:
        return None
    while path not in folders:
        path, below = os.path.dirname(path), path  # noqa: PTH120 - asked at each stroke of a key
        if path == below:
            return None
    return path
