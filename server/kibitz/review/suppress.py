"""What is not shown, since somebody said so: the user, their team, or a comment in the code."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

from kibitz.findings.fingerprint import fingerprint
from kibitz.review.dismissal import Dismissal, decode, encode, worded
from kibitz.review.dismissal_files import CannotKeepError, DismissalFile, TeamFile, UserFile
from kibitz.review.inline import Directive, Inline, inline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kibitz.findings.finding import Finding
    from kibitz.review.result import Source

_MOST_TEAMS = 64
"""Projects whose files are remembered; what a check of many meets one after the other."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document is."""

    root: Path
    """Its project; its folder, if it is in none."""
    file: str
    """Its path from there, with ``/``."""
    is_project: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """A dismissal, and the file that it stands in."""

    dismissal: Dismissal
    file: DismissalFile

    @property
    def is_team(self) -> bool:
        """Whether that is a team's."""
        return isinstance(self.file, TeamFile)

    @property
    def why(self) -> str:
        """Why a finding is not to be shown, in words for people."""
        said = "by your team" if self.is_team else "by you"
        if self.dismissal.at:
            said += f" on {self.dismissal.at[:10]}"
        if not self.dismissal.fingerprint:
            said += f", as all of {self.dismissal.rule} in this file"
        return f"{said}: {self.dismissal.reason}" if self.dismissal.reason else said


@dataclass(frozen=True, slots=True)
class Undone:
    """What brings a finding back, and what still hides it."""

    removed: tuple[Kept, ...]
    comment: Directive | None = None
    """That has to be removed from the code."""


class Here:
    """What counts in one document; follows what is dismissed later."""

    def __init__(
        self, user: UserFile, team: TeamFile | None, place: Place | None, comments: Inline | None
    ) -> None:
        self._user = user
        self._team = team
        self._place = place
        self._comments = comments

    def why(self, finding: Finding) -> str | None:
        """Why a finding is not to be shown, in words for people; None: it may be."""
        kept = next(self.kept(finding), None)
        if kept is not None:
            return kept.why
        comment = self.comment(finding)
        return None if comment is None else comment.why

    def kept(self, finding: Finding) -> Iterator[Kept]:
        """The dismissals that a finding falls under."""
        files = [file for file in (self._user, self._team) if file is not None and file.lines.every]
        if not files:
            return  # By far the most frequent, for each finding with each answer.
        print_, place = fingerprint(finding), self._place
        for file in files:
            root = str(place.root) if place is not None and file is self._user else ""
            sought = [Dismissal(finding.rule, print_)]
            if place is not None:
                sought.append(Dismissal(finding.rule, file=place.file, root=root))
            for each in sought:
                found = file.lines.by_key.get(each.key)
                # A fingerprint is of a rule, too: a line with another one says nothing.
                if found is not None and found.rule == finding.rule:
                    yield Kept(found, file)

    def comment(self, finding: Finding) -> Directive | None:
        """The comment in the code that a finding falls under."""
        return None if self._comments is None else self._comments.about(finding)


class Suppression:
    """Knows what was dismissed, and dismisses. Safe in threads; everything but ``why`` reads the disk."""

    def __init__(
        self,
        state: Path,
        place: Callable[[str], Place | None],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Does no I/O.

        Args:
            state: the folder where the user's dismissals are.
            place: where a file is, by its path.
            now: the time, in UTC.
        """
        self.user = UserFile(state)
        self._state = state
        self._place = place
        self._now = now
        self._lock = Lock()
        self._teams: OrderedDict[Path, TeamFile] = OrderedDict()

    def of(self, source: Source) -> Callable[[Finding], str | None]:
        """See ``review.result.Dismissing``."""
        return self.here(source).why

    def here(self, source: Source) -> Here:
        """What counts in a document."""
        place = self._place(source.path) if source.path else None
        team = self.team(place.root) if place is not None and place.is_project else None
        for file in (self.user, team):
            if file is not None:
                file.look()
        return Here(self.user, team, place, inline(source.text, source.language))

    def team(self, root: Path) -> TeamFile:
        """The file of the team whose project that is."""
        with self._lock:
            file = self._teams.pop(root, None) or TeamFile(root, self._state)
            self._teams[root] = file
            if len(self._teams) > _MOST_TEAMS:
                self._teams.popitem(last=False)
            return file

    def dismiss(
        self, finding: Finding, path: str, *, whole_file: bool, reason: str = "", for_team: bool = False
    ) -> Kept:
        """From now on, that finding is not shown; or (``whole_file``) none under its rule in the file.

        ``for_team`` counts where there is a project.

        Raises:
            CannotKeepError: that cannot be kept.
        """
        place = self._place(path) if path else None
        said = Dismissal(
            finding.rule,
            "" if whole_file else fingerprint(finding),
            "" if place is None else place.file,
            "" if place is None else str(place.root),
            worded(reason),
            f"{self._now():%Y-%m-%dT%H:%M:%SZ}",
        )
        file: DismissalFile = self.user
        if for_team and place is not None and place.is_project:
            file, said = self.team(place.root), replace(said, root="")
        said = _sound(said)
        file.change(lambda lines: lines.with_(said))
        return Kept(said, file)

    def undo(self, finding: Finding, source: Source) -> Undone:
        """Forget what hides a finding, as far as it is no comment.

        Raises:
            CannotKeepError: that cannot be written.
        """
        here = self.here(source)
        removed = tuple(here.kept(finding))
        self.remove(removed)
        return Undone(removed, here.comment(finding))

    def remove(self, kept: tuple[Kept, ...]) -> None:
        """Forget these.

        Raises:
            CannotKeepError: that cannot be written.
        """
        for file in {each.file for each in kept}:
            keys = [each.dismissal.key for each in kept if each.file is file]
            file.change(lambda lines, keys=keys: lines.without(keys))  # type: ignore[misc]  # bound at once

    def share(self, root: Path) -> int:
        """Move what the user dismissed in a project to its team's file; how many these are.

        Raises:
            CannotKeepError: that cannot be written.
        """
        mine = [each for each in self.user.look().every if each.root == str(root)]
        if mine:
            # First there, then here: what is interrupted is there twice, and not lost.
            shared = [replace(each, root="") for each in mine]
            self.team(root).change(lambda lines: lines.with_(*shared))
            self.user.change(lambda lines: lines.without(each.key for each in mine))
        return len(mine)


def _sound(said: Dismissal) -> Dismissal:
    """What can be read back. Raises CannotKeepError."""
    if not said.fingerprint and not said.file:
        raise CannotKeepError(
            "a rule is dismissed in a file, and this document is none. Save it, or dismiss the one finding"
        )
    if decode(encode(said)) == said:
        return said
    # Where a finding was dismissed is for people; its name may hold what cannot be shown.
    shorter = replace(said, file="", root="")
    if said.fingerprint and decode(encode(shorter)) == shorter:
        return shorter
    raise CannotKeepError(
        "the path of this file holds characters that cannot be shown, so no rule can be dismissed in it. "
        "Rename the file, or dismiss the one finding"
    )
