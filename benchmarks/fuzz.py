"""Conversations, answers and files, damaged at random: nothing of that may hurt the server.

    python benchmarks/fuzz.py [--cases 1000000] [--first 0] [--report fuzz.txt]

What is done and what must hold is in ``tests/fuzz``. A batch can be repeated by its number: ``--first 4711
--cases 200``. Ends with exit code 1 at the first batch that breaks, and says which one it was; a batch that
takes ten minutes is a hang, and ends the run with the stacks of all threads.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import gc
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.process import Taken
from tests.fuzz.batch import CASES, play

HANG_SECONDS = 600
MAX_GROWTH_MB = 16
"""Between a tenth of the run and its end; only of a run that is so long that all is loaded by then."""
SLOW_SECONDS = 20.0
"""Of CPU, for one batch: thirty times what they take."""
LONG = 300_000
_EVERY = 50


def resident_mb() -> float:
    """Memory now, after what is garbage is gone."""
    gc.collect()
    return Taken.by(os.getpid()).resident_mb


class Run:
    """All batches of a run, and what they took."""

    def __init__(self, cases: int, first: int, report: Path | None) -> None:
        self.per_batch = CASES
        self.numbers = range(first, first + max(-(-cases // CASES), 1))
        self.report = report
        self.began = time.monotonic()
        self.slowest = 0.0
        self.settled_mb = 0.0

    def tell(self, line: str) -> None:
        print(line, flush=True)
        if self.report is not None:
            with self.report.open("a") as file:
                file.write(line + "\n")

    def play(self) -> bool:
        """Whether all batches went well, and nothing grew."""
        with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
            for done, number in enumerate(self.numbers):
                faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
                began = time.process_time()
                try:
                    runner.run(play(number, Path(folder)))
                except Exception:  # noqa: BLE001 - whatever it is, the batch is to be named
                    self.tell(f"batch {number} broke:\n{traceback.format_exc()}")
                    return False
                took = time.process_time() - began
                if took > SLOW_SECONDS:
                    self.tell(f"batch {number} took {took:.0f} s of CPU: something in it can be made to hang")
                    return False
                self.slowest = max(self.slowest, took)
                self._watch(done)
        faulthandler.cancel_dump_traceback_later()
        return self._conclude()

    def _watch(self, done: int) -> None:
        if done == len(self.numbers) // 10:
            self.settled_mb = resident_mb()
        if done % _EVERY == _EVERY - 1:
            seconds = time.monotonic() - self.began
            cases = (done + 1) * self.per_batch
            self.tell(f"{cases:9,} cases  {seconds:7.0f} s  {resident_mb():6.1f} MB")

    def _conclude(self) -> bool:
        grown = resident_mb() - self.settled_mb
        cases = len(self.numbers) * self.per_batch
        self.tell(
            f"{cases:,} cases in {time.monotonic() - self.began:.0f} s ({time.process_time():.0f} s of CPU): "
            f"none broke; the slowest {self.per_batch} took {self.slowest:.2f} s of it; "
            f"memory grew by {grown:.1f} MB from {self.settled_mb:.1f} MB"
        )
        return grown <= MAX_GROWTH_MB or cases < LONG


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first batch")
    parser.add_argument("--report", type=Path, help="append what is printed to this file")
    given = parser.parse_args()
    home = tempfile.mkdtemp(prefix="kibitz-fuzz-")
    os.environ.update(KIBITZ_STATE_DIR=f"{home}/state", XDG_CONFIG_HOME=f"{home}/config")
    return 0 if Run(given.cases, given.first, given.report).play() else 1


if __name__ == "__main__":
    sys.exit(main())
