"""What was dismissed, by this user and by the teams of the projects on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.review.suppress import Place, Suppression
from kibitz.state.places import state_dir

if TYPE_CHECKING:
    from kibitz.app.projects import Projects


def suppression(projects: Projects) -> Suppression:
    """What is not shown, since somebody said so. Does no I/O."""

    def place(path: str) -> Place | None:
        root, inside = projects.where(path)
        if root is None:
            return Place(inside.parent, inside.name, is_project=False)
        return Place(root, inside.as_posix())

    return Suppression(state_dir(), place)


def file_of(root: str, file: str) -> str:
    """Where something was dismissed, for people."""
    return str(Path(root, file)) if file else "a document that is no file"
