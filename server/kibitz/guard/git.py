"""Asks git what changed lately in a repository that may be an enemy's.

A repository can name programs that git then runs: a monitor of files, hooks, filters, pagers, checkers of
signatures, and the remotes from which missing objects are fetched. All of them are named in its
configuration, so that is never read: git gets a repository of ours, empty and without a configuration, that
borrows the objects and the index of theirs. What git still reads is data: objects, the index, ignore files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.guard.files import read_file
from kibitz.guard.process import clean_environment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

SECONDS = 5.0
"""How long git may take in all; what it has said by then counts."""
_COMMITS = 200
_MAX_OUTPUT = 1 << 20
_MAX_REFERENCE = 4096
_MAX_LIST = 1 << 23
"""Bytes read of a file of references, or of one that says where a shallow history ends."""
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FIRST_HASH = re.compile(rf"{_HASH.pattern}(?=\s|$)")
"""``FETCH_HEAD`` says more behind it."""
_COMMIT = re.compile(rf"(\d{{1,19}}) ({_HASH.pattern})")
_SHA1_DIGITS = 40
_SAFE = (
    *("--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"),
    *("-c", "core.untrackedCache=false", "-c", "core.fileMode=false", "-c", "log.showSignature=false"),
)
_SETTINGS = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
}


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed lately in a repository; paths are relative to ``top``, with ``/``."""

    top: Path
    pending: frozenset[str] = frozenset()
    """Not committed: changed since they were checked out, or new."""
    committed: Mapping[str, int] = field(default_factory=dict)
    """When the last commits changed a file, in seconds since 1970; as they say, so perhaps in the future."""


@dataclass(frozen=True, slots=True)
class Repository:
    """Where the parts of a repository are."""

    top: Path
    """Of the working tree."""
    own: Path
    """The folder of this working tree: its HEAD and index."""
    common: Path
    """The folder of all its working trees: objects and references."""
    head: str
    """The hash of the commit that is checked out; empty if it cannot be told."""

    @property
    def shallow(self) -> list[str]:
        """Where the history was cut off; empty where it is whole."""
        return _HASH.findall(_content(self.common / "shallow", _MAX_LIST))

    def reference(self, name: str) -> str:
        """The hash that a reference leads to, by its full name; nothing if it is none."""
        return _reference(self.own, self.common, name)


def changes(folder: Path, *, without: Collection[str] = (), seconds: float = SECONDS) -> Changes | None:
    """What changed lately in the repository that ``folder`` is in; None where git cannot tell.

    Blocks for up to ``seconds``: run it in a thread. Nothing that the repository names is run.

    Args:
        folder: any folder of its working tree.
        without: names of folders in which new files do not count.
        seconds: how long git may take.
    """
    repository = repository_of(folder)
    if repository is None or (git := program(repository.top)) is None:
        return None
    try:
        with tempfile.TemporaryDirectory(prefix="kibitz-git-") as place:
            asking = Asking(git, repository, Path(place), time.monotonic() + seconds)
            asking.prepare()
            return Changes(repository.top, asking.pending(without), asking.committed())
    except OSError:
        return None


def top_of(folder: Path) -> Path | None:
    """The top of the working tree that ``folder`` is in, if it is in any. Reads the disk."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)


@dataclass(frozen=True, slots=True)
class Asking:
    """Git, and a repository of ours in ``place`` that borrows from another."""

    git: str
    repository: Repository
    place: Path
    until: float

    def prepare(self) -> None:
        """Make what git takes for a repository."""
        for name in ("refs", "objects"):
            (self.place / name).mkdir()
        (self.place / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
        if len(self.repository.head) > _SHA1_DIGITS:
            (self.place / "config").write_text(
                "[core]\nrepositoryFormatVersion = 1\n[extensions]\nobjectFormat = sha256\n", encoding="ascii"
            )
        # Git would miss what was before.
        if shallow := self.repository.shallow:
            (self.place / "shallow").write_text("".join(f"{each}\n" for each in shallow), encoding="ascii")

    def pending(self, without: Collection[str]) -> frozenset[str]:
        """Files that differ from the index, or are not in it."""
        excludes = [f"--exclude={name}/" for name in without]
        changed = self._ask("ls-files", "-z", "--modified")
        new = self._ask("ls-files", "-z", "--others", "--exclude-standard", *excludes)
        return frozenset(filter(is_plain, (*changed, *new)))

    def committed(self) -> dict[str, int]:
        """Files that the last commits changed, by when."""
        if not self.repository.head:
            return {}
        listed = self._ask(
            "rev-list", "--timestamp", f"--max-count={_COMMITS}", self.repository.head, "--", end="\n"
        )
        times: dict[str, int] = {}
        for line in listed:
            if match := _COMMIT.fullmatch(line):
                times[match[2]] = int(match[1])
        commits = self.place / "commits"
        commits.write_text("".join(f"{commit}\n" for commit in times), encoding="ascii")
        found: dict[str, int] = {}
        when = 0
        options = (
            "--stdin",
            "--root",
            "-z",
            "-r",
            "--name-only",
            "--no-renames",
            "--no-ext-diff",
            "--diff-filter=d",
        )
        for line in self._ask("diff-tree", *options, given=commits):
            if line in times:
                when = times[line]
            elif is_plain(line):
                found[line] = max(found.get(line, 0), when)
        return found

    def _ask(self, *arguments: str, given: Path | None = None, end: str = "\0") -> list[str]:
        """What git says, as far as it gets; the last word may be cut off, so it does not count."""
        with self.running(*arguments, given=given) as process:
            assert process.stdout is not None  # noqa: S101 - for the type checker
            said = process.stdout.read(_MAX_OUTPUT)
        return said.decode("utf-8", "replace").split(end)[:-1]

    @contextmanager
    def running(self, *arguments: str, given: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """Git at its work; what it says is in ``stdout``. It is killed when its time or the block is over."""
        with (
            open(given or os.devnull, "rb") as stdin,  # noqa: PTH123 - os.devnull is no Path
            subprocess.Popen(  # noqa: S603 - git by its absolute path; see the module for what it may read
                [self.git, *_SAFE, *arguments],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environment(),
                cwd=self.place,
                start_new_session=True,
            ) as process,
        ):
            watch = threading.Timer(max(self.until - time.monotonic(), 0.0), process.kill)
            watch.daemon = True
            watch.start()
            try:
                yield process
            finally:
                watch.cancel()
                process.kill()

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in clean_environment().items() if not name.startswith("GIT_")}
        return {
            **kept,
            **_SETTINGS,
            "GIT_DIR": str(self.place),
            "GIT_WORK_TREE": str(self.repository.top),
            "GIT_INDEX_FILE": str(self.repository.own / "index"),
            "GIT_OBJECT_DIRECTORY": str(self.repository.common / "objects"),
        }


def program(top: Path) -> str | None:
    """The absolute path of git, from nowhere that the repository could have put it."""
    inside = Path(os.path.realpath(top))
    folders = [
        folder
        for folder in os.get_exec_path()
        if Path(folder).is_absolute() and not Path(os.path.realpath(folder)).is_relative_to(inside)
    ]
    found = shutil.which("git", path=os.pathsep.join(folders))
    return None if found is None or Path(os.path.realpath(found)).is_relative_to(inside) else found


def repository_of(folder: Path) -> Repository | None:
    """The repository whose working tree ``folder`` is in."""
    top = top_of(folder)
    if top is None:
        return None
    own = top / ".git"
    if not own.is_dir():
        # A working tree of its own, or a submodule: a file says where the rest is.
        label, _, named = _content(own, _MAX_REFERENCE).strip().partition("gitdir: ")
        if label or not named:
            return None
        own = top / named
    shared = _content(own / "commondir", _MAX_REFERENCE).strip()
    common = own / shared if shared else own
    if not (common / "objects").is_dir():
        return None
    return Repository(top, own, common, _head(own, common))


def _head(own: Path, common: Path) -> str:
    """The hash of the commit that is checked out, or nothing."""
    return _reference(own, common, "HEAD")


def _reference(own: Path, common: Path, name: str, *, links: int = 1) -> str:
    """The hash that a reference leads to, or nothing. It may be another one's name, ``links`` times."""
    if not is_plain(name):
        return ""
    for folder in (own, common):
        said = _content(folder / name, _MAX_REFERENCE).strip()
        if found := _FIRST_HASH.match(said):
            return found[0]
        label, _, other = said.partition("ref: ")
        if links and other and not label:
            return _reference(own, common, other, links=links - 1)
    packed = re.search(
        rf"^({_HASH.pattern}) {re.escape(name)}$",
        _content(common / "packed-refs", _MAX_LIST),
        re.MULTILINE,
    )
    return packed[1] if packed else ""


def _content(path: Path, most: int) -> str:
    """The first bytes of a file; nothing where there is none, or it cannot be read."""
    try:
        return read_file(path, most).decode("utf-8", "replace")
    except OSError:
        return ""


def is_plain(path: str) -> bool:
    """Whether it names something below where it counts from, and nothing else."""
    parts: Sequence[str] = path.split("/")
    return "\0" not in path and not {"", ".", ".."}.intersection(parts)
