"""Runs the tests of each editor many times, one after the other, and says in a table how often they failed.

    python -m tests.editors.repeat 10 [FILE…]        (after `make editors-setup`; no file: all of them)

The table is written anew after each run, to build/editors-repeat.md; what a red run said is beside it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build"
EDITORS = ("neovim", "vscode", "vscode_setup", "emacs", "helix", "vim")


@dataclass
class Series:
    """All runs of one file so far."""

    file: Path
    seconds: list[float] = field(default_factory=list)
    tests: int = 0
    failed: list[str] = field(default_factory=list)
    """The names of the tests that failed, as often as they did."""
    red: int = 0
    """How many runs had a failure."""

    def row(self) -> str:
        """Its line in the table."""
        name = self.file.stem.removeprefix("test_")
        low, middle, high = min(self.seconds), statistics.median(self.seconds), max(self.seconds)
        names = ", ".join(f"`{each}` ({self.failed.count(each)})" for each in sorted(set(self.failed)))
        counts = f"{self.tests} | {len(self.seconds)} | {self.red} | {middle:.0f} ({low:.0f}-{high:.0f})"
        return f"| {name} | {counts} | {names or '-'} |"

    def run(self) -> None:
        """Run it once more."""
        report = BUILD / f"{self.file.stem}.xml"
        report.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-m", "editor", "-q", "-n0", str(self.file)]
        before = time.monotonic()
        done = subprocess.run(
            [*command, f"--junitxml={report}"],
            cwd=HERE.parents[1],
            capture_output=True,
            text=True,
            check=False,
        )
        self.seconds.append(time.monotonic() - before)
        if done.returncode:
            self.red += 1
            log = BUILD / f"editors-repeat-{self.file.stem}-{len(self.seconds)}.txt"
            log.write_text(done.stdout + done.stderr, encoding="utf-8")
        if report.exists():
            self._read(report)

    def _read(self, report: Path) -> None:
        # Written by the run of just now.
        cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 - our own
        self.tests = len(cases)
        bad = [each for each in cases if each.find("failure") is not None or each.find("error") is not None]
        self.failed += [each.get("name", "?") for each in bad]


def table(all_series: list[Series], wanted: int) -> str:
    """What is known by now."""
    head = (
        f"{wanted} runs of each file, one after the other. A run is red if any test failed.\n\n"
        "| editor | tests | runs | red | seconds: median (least-most) | failed (how often) |\n"
        "|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(each.row() for each in all_series if each.seconds) + "\n"


def main() -> int:
    """Run them, and return how many runs were red, for a shell."""
    wanted, *names = sys.argv[1:]
    files = [Path(name) for name in names] or [HERE / f"test_{editor}.py" for editor in EDITORS]
    all_series = [Series(file.resolve()) for file in files]
    BUILD.mkdir(exist_ok=True)
    for _ in range(int(wanted)):
        for series in all_series:
            series.run()
            sys.stdout.write(series.row() + "\n")
            sys.stdout.flush()
            (BUILD / "editors-repeat.md").write_text(table(all_series, int(wanted)), encoding="utf-8")
    return min(sum(series.red for series in all_series), 1)


if __name__ == "__main__":
    sys.exit(main())
