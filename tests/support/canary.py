"""A key that must never show: all that a run of the tests leaves behind is searched for it.

Whatever needs a key in the tests, clients and server processes alike, uses ``KEY``; only files and variables
that a test writes on purpose, to be read as a source of keys, hold others. ``Watch``, a plugin that
``conftest`` registers, then fails the run if ``KEY`` is in

- anything a test printed or logged, whether pytest captured it or the test read it (``capsys``);
- any file below the run's temporary folder (logs, caches, databases, sockets' neighbours), in plain or in
  base64, or a core dump beside them or in the working folder;
- what a server process said to its editor or on standard error, and its ``/proc`` entries and those of its
  children (``search`` and ``search_processes``, which ``lsp_process`` calls).
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

KEY = os.environ.get("KIBITZ_TEST_CANARY", "sk-canary-0123456789abcdefABCDEF")
"""The variable is for the tests of this very module, which plant it."""

_CHUNK = 1 << 20
_PROC = Path("/proc")


def _needles() -> tuple[bytes, ...]:
    """The key, and what of it does not depend on where in a text that is base64 it stands."""
    raw = KEY.encode()
    coded = [base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)]
    return (raw, *coded)


_NEEDLES = _needles()


def shows(data: bytes | str) -> bool:
    """Whether the key is in there."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return any(needle in raw for needle in _NEEDLES)


def search(where: str, data: bytes | str) -> None:
    """Fail if ``data``, which came from ``where``, shows the key."""
    # Not an assert: pytest would print both sides.
    if shows(data):
        pytest.fail(f"the canary key shows in {where}", pytrace=False)


def search_processes(pid: int) -> None:
    """Fail if the arguments or the environment of a process, or of one it started, show the key (Linux)."""
    for each in (pid, *_descendants(pid)):
        for name in ("cmdline", "environ"):
            search(f"/proc/{each}/{name}", _read(_PROC / str(each) / name))


def search_arguments(pid: int) -> None:
    """The same for arguments only: a process that just began still has its environment."""
    for each in (pid, *_descendants(pid)):
        search(f"/proc/{each}/cmdline", _read(_PROC / str(each) / "cmdline"))


def _descendants(pid: int) -> Iterator[int]:
    for task in sorted(_PROC.glob(f"{pid}/task/*/children")):
        for child in map(int, _read(task).split()):
            yield child
            yield from _descendants(child)


def _read(path: Path) -> bytes:
    """What is there; nothing where the process is gone, or where nobody may look."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def files_that_show_it(folder: Path) -> Iterator[Path]:
    """All regular files below ``folder`` that hold the key."""
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            if path.is_symlink() or not path.is_file():
                continue
            if shows(name) or _holds(path):
                yield path


def _holds(path: Path) -> bool:
    before = b""
    longest = max(map(len, _NEEDLES))
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                if shows(before + chunk):
                    return True
                before = chunk[-longest:]
    except OSError:
        return False
    return False


class Watch:
    """The plugin: ``config.pluginmanager.register(Watch(config))``."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._started = set(Path.cwd().glob("core*"))
        self._leaks: list[str] = []
        self._temporary: Path | None = None

    @pytest.fixture(autouse=True)
    def _canary(
        self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[None]:
        """See what ``capsys`` gives away, which pytest itself does not keep."""
        self._temporary = tmp_path_factory.getbasetemp()
        read = pytest.CaptureFixture.readouterr

        def readouterr(fixture: pytest.CaptureFixture[str]) -> object:
            captured = read(fixture)
            for text in captured:
                if shows(text):
                    self._leaks.append(f"the output that {request.node.nodeid} read")
            return captured

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pytest.CaptureFixture, "readouterr", readouterr)
            yield

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look through what a test printed and logged."""
        self._leaks += [f"{title} of {report.nodeid}" for title, text in report.sections if shows(text)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Look through the files; a leak fails the run."""
        if self._temporary is not None:
            self._leaks += map(str, files_that_show_it(self._temporary))
        self._leaks += [str(core) for core in set(Path.cwd().glob("core*")) - self._started if _holds(core)]
        # A process of pytest-xdist's that ran some of the tests has nobody to tell but the one that began it.
        told = getattr(self._config, "workeroutput", None)
        if told is not None:
            told["leaks"] = self._leaks
        if self._leaks:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear what such a process found."""
        self._leaks += getattr(node, "workeroutput", {}).get("leaks", ())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Let what tests print be sent from process to process, lone surrogates too."""
        report = yield
        report.sections = [
            (title, text.encode("utf-8", "backslashreplace").decode()) for title, text in report.sections
        ]
        return report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where."""
        if self._leaks:
            terminalreporter.section("the canary key shows", red=True, bold=True)
            for leak in dict.fromkeys(self._leaks):
                terminalreporter.line(leak)
