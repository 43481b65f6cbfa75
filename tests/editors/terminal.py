"""A real terminal around an editor: tmux types, and tells what is on the screen."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

EDITORS = Path(
    os.environ.get("KIBITZ_EDITORS")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kibitz-editors"
)
"""Where ``setup.sh`` puts editors."""
ARTEFACTS = Path(os.environ.get("KIBITZ_ARTEFACTS") or Path(__file__).with_name("artefacts"))
PATIENCE = 60.0
"""Seconds: more than anything takes on a busy machine."""
_POLL = 0.03


def program(name: str) -> Path:
    """An editor that ``setup.sh`` fetched."""
    path = EDITORS / "bin" / name
    if not path.exists():
        raise FileNotFoundError(f"{name} is not there: run tests/editors/setup.sh first")
    return path


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until the condition holds; ``what`` it is, for when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        threading.Event().wait(_POLL)


class Terminal:
    """One program in a window of tmux, with a server of its own. Leaves its last screen as an artefact."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        *,
        folder: Path,
        size: tuple[int, int] = (110, 30),
    ) -> None:
        self._name = name
        self._command = shlex.join(map(str, command))
        # Short, because a socket's path must be.
        self._home = Path(tempfile.mkdtemp(prefix="kbz-"))
        self._environment = {**environment, "TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        self._tmux = shutil.which("tmux") or str(program("tmux"))
        self._folder = folder
        self.size = size

    def __enter__(self) -> Self:
        width, height = map(str, self.size)
        self._run("new-session", "-d", "-x", width, "-y", height, "-c", str(self._folder), self._command)
        # What the program says last can be read after its end.
        self._run("set-option", "-g", "remain-on-exit", "on")
        self._run("set-option", "-g", "escape-time", "0")
        return self

    def __exit__(self, *exc: object) -> None:
        self.keep("end" if exc[0] is None else "failure")
        subprocess.run(
            [self._tmux, "-S", self._home / "t", "kill-server"], env=self._environment, check=False
        )
        shutil.rmtree(self._home, ignore_errors=True)

    def screen(self) -> str:
        """What is to be seen."""
        return self._run("capture-pane", "-p")

    def colours(self) -> str:
        """What is to be seen, with its colours as escape sequences."""
        return self._run("capture-pane", "-e", "-p")

    def keep(self, name: str) -> str:
        """Keep the screen as an artefact, and return it."""
        screen = self.screen()
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        (ARTEFACTS / f"{self._name}-{name}.txt").write_text(screen, encoding="utf-8")
        return screen

    def see(self, pattern: str, seconds: float = PATIENCE) -> str:
        """Wait until a regular expression is on the screen; the screen."""
        try:
            until(lambda: re.search(pattern, self.screen()), pattern, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.screen()}") from None
        return self.screen()

    def unsee(self, pattern: str, seconds: float = PATIENCE) -> str:
        """Wait until a regular expression is not on the screen any more; the screen."""
        try:
            until(lambda: not re.search(pattern, self.screen()), f"gone: {pattern}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.screen()}") from None
        return self.screen()

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names for them."""
        self._run("send-keys", *keys)

    def type(self, text: str, *keys: str) -> None:
        """Type a text, then press keys."""
        self._run("send-keys", "-l", text)
        if keys:
            self.press(*keys)

    def _run(self, *arguments: str) -> str:
        return subprocess.run(
            [self._tmux, "-u", "-S", self._home / "t", "-f", "/dev/null", *arguments],
            env=self._environment,
            check=True,
            capture_output=True,
            text=True,
            encoding="utf-8",
        ).stdout
