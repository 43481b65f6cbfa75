"""What was dismissed, by this user and by the teams of the projects on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.app.projects import Projects, trust_of_user
from kibitz.review.suppress import Kept, Place, Suppression
from kibitz.state.places import state_dir

if TYPE_CHECKING:
    from pathlib import Path


def suppression(projects: Projects) -> Suppression:
    """What is not shown, since somebody said so. Does no I/O."""

    def place(path: str) -> Place | None:
        root, inside = projects.where(path)
        if root is None:
            return Place(inside.parent, inside.name, is_project=False)
        return Place(root, inside.as_posix())

    return Suppression(state_dir(), place)


def known_to_user() -> Suppression:
    """The same for a command that needs nothing else."""
    return suppression(Projects(trust_of_user()))


def listed(known: Suppression, root: Path | None) -> tuple[Kept, ...]:
    """What the user dismissed anywhere, and the team in the project ``root``. Blocks."""
    files = [known.user, *([known.team(root)] if root is not None else [])]
    return tuple(Kept(each, file) for file in files for each in file.look().every)
