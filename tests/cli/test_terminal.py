from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.fake_provider import Bug, FakeProvider, reviewer

from kibitz.cli import model
from kibitz.cli.entry import run
from kibitz.local import runtime
from kibitz.local.weights import MODELS, Phase, Progress, WeightsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SMALL = MODELS["smollm2-135m"]


@pytest.fixture
def buggy(folder: Path) -> Iterator[list[str]]:
    """A command that finds something, with a provider behind it."""
    (folder / "a.py").write_text("def mean(values):\n    return sum(values) / len(value)\n")
    with FakeProvider(reviewer(Bug("len(value)", "len(values)"))).in_thread() as fake:
        yield [sys.executable, "-m", "kibitz.cli", "check", "--base-url", fake.base_url, "a.py"]


def read_all(descriptor: int) -> str:
    """All that a pseudo-terminal shows until its other end is closed."""
    shown = b""
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(descriptor)
    return shown.decode()


def on_a_terminal(command: list[str], *, both: bool, **environ: str) -> tuple[str, str]:
    """What the terminal shows, and what a pipe on stdout gets unless ``both`` go to the terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command,
        stdout=theirs if both else subprocess.PIPE,
        stderr=theirs,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm-256color", **environ},
    ) as process:
        os.close(theirs)
        screen = read_all(ours)
        piped = process.stdout.read().decode() if process.stdout else ""
    assert process.returncode == 1
    return screen, piped


def test_a_terminal_gets_progress_and_colour(buggy: list[str]) -> None:
    screen, _ = on_a_terminal(buggy, both=True)
    assert "reviewing" in screen
    assert "\x1b[32m+     return sum(values) / len(values)" in screen


def test_a_pipe_gets_results_only(buggy: list[str]) -> None:
    screen, piped = on_a_terminal(buggy, both=False)
    assert "reviewing" in screen
    assert "Planted bug" not in screen
    assert "\x1b" not in piped
    assert piped.startswith("a.py:2:5 ")


def test_no_color_is_obeyed(buggy: list[str]) -> None:
    screen, _ = on_a_terminal(buggy, both=True, NO_COLOR="1")
    assert "Planted bug" in screen
    assert "\x1b[3" not in screen


def pulling(*steps: Progress) -> Callable[..., str]:
    def pull(_model: object, on_progress: Callable[[Progress], None]) -> str:
        for step in steps:
            on_progress(step)
        return "/models/x.gguf"

    return pull


def test_a_pull_without_a_terminal_says_each_thing_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loading = [Progress(Phase.DOWNLOAD, done, SMALL.size) for done in range(0, SMALL.size, 1_000_000)]
    fallback = Progress(Phase.FALLBACK, 0, SMALL.size, "the first source failed")
    verify, done = (Progress(phase, SMALL.size, SMALL.size) for phase in (Phase.VERIFY, Phase.DONE))
    monkeypatch.setattr(model, "pull", pulling(fallback, *loading, verify, done))
    monkeypatch.setattr(runtime, "provide", lambda: None)
    assert run(["model", "pull", SMALL.name]) == 0
    captured = capsys.readouterr()
    assert captured.out == "smollm2-135m is ready: /models/x.gguf\n"
    assert captured.err.splitlines() == [
        "kibitz: the first source failed",
        "kibitz: getting smollm2-135m (98 MB)",
        "kibitz: checking smollm2-135m",
    ]


def test_a_pull_that_fails_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise WeightsError("no source can be reached. Check the network.")

    monkeypatch.setattr(model, "pull", fail)
    assert run(["model", "pull"]) == 2
    assert "Error: no source can be reached" in capsys.readouterr().err
