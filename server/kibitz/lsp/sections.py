"""What the editor says about kibitz: when it starts, with news of changes, and when it is asked. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.lsp.folders import folder_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Sections:
    """The editor's settings, for all folders and for each. What it said last wins, name by name."""

    def __init__(self) -> None:
        self._options: Mapping[str, object] = {}
        self._pushed: Mapping[str, object] = {}
        self._pulled: Mapping[str, object] = {}
        self.folders: Mapping[str, Mapping[str, object]] = {}
        """What is said otherwise for a folder, by the path of each that was asked about."""

    @property
    def common(self) -> dict[str, object]:
        """What is said for all folders."""
        return {**self._options, **self._pushed, **self._pulled}

    def begin(self, options: object) -> None:
        """It starts with these ``initializationOptions``."""
        self._options = section(options)

    def push(self, settings: object) -> bool:
        """It sends settings along with the news that some changed; False if they are not ours."""
        # Without a section of our own it may be anybody's.
        if not isinstance(settings, dict) or "kibitz" not in settings:
            return False
        self._pushed, self._pulled = section(settings), {}
        return True

    def answer(self, scopes: Sequence[str], answer: Sequence[object], *, only_folders: bool = False) -> None:
        """It was asked about all folders, and then about each of ``scopes``, by URI.

        What is missing in the ``answer``, or odd, it does not say. ``only_folders``: it has just pushed what
        holds for all.
        """
        common, *others = map(section, (*answer, *[None] * (1 + len(scopes))))
        if not only_folders:
            self._pulled = common
        self.folders = {
            path: {name: value for name, value in own.items() if name not in common or common[name] != value}
            for uri, own in zip(scopes, others, strict=False)
            if (path := folder_of(uri)) is not None
        }


def section(settings: object) -> dict[str, object]:
    """Our part of what an editor sends: its own section, or settings that are ours from the start."""
    if not isinstance(settings, dict):
        return {}
    inner = settings.get("kibitz", settings)
    return {str(name): value for name, value in inner.items()} if isinstance(inner, dict) else {}
