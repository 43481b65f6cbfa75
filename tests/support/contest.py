"""Who keeps to a provider's limits, and how much of them they use: processes against ``llmock``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.support.crowd import Result, body
from tests.support.llmock import MINUTE, cost

if TYPE_CHECKING:
    from tests.support.crowd import Wish
    from tests.support.llmock import Llmock

_TOO_LONG = 1200.0
"""Seconds after which a contender is given up."""


@dataclass(frozen=True, slots=True)
class Score:
    """How one contender did."""

    who: str
    answered: int
    failed: int
    refused: int
    """With 429."""
    requests_used: float
    tokens_used: float
    longest_wait: float
    """Seconds from the start to the last answer that came."""
    late: float
    """Seconds by which the slowest missed the moment at which a perfect queue would have let it go."""
    verdict: str

    @property
    def used(self) -> float:
        """The share of the limit that binds."""
        return max(self.requests_used, self.tokens_used)


class Contender:
    """One or more processes against one simulator; they are gone when it is left."""

    def __init__(self, who: str, command: list[list[str]], server: Llmock) -> None:
        self.who = who
        self.server = server
        self._folder = tempfile.mkdtemp(prefix="kibitz-limits-")
        environment = {**os.environ, "KIBITZ_STATE_DIR": self._folder}
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", *each],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
                cwd=Path(__file__).parents[2],
            )
            for each in command
        ]

    @classmethod
    def kibitz(cls, who: str, server: Llmock, requests: int, processes: int = 1, share: str = "") -> Self:
        """Our engine; ``share`` is ``machine``, or the address of a Redis server."""
        command = ["tests.support.crowd", *arguments(server, requests), "--share", share]
        counts = [["--processes", str(processes), "--process", str(number)] for number in range(processes)]
        return cls(who, [[*command, *count] for count in counts], server)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()
        shutil.rmtree(self._folder)

    def begin(self) -> None:
        """Once all is loaded, begin in all processes."""
        for process in self._processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n", f"{self.who} did not start"
        for process in self._processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()

    def score(self, asked: list[Wish]) -> Score:
        """How it did, once all its processes have ended."""
        results = [Result.of(process.communicate(timeout=_TOO_LONG)[0]) for process in self._processes]
        began = min(result.began for result in results)
        finished = {number: at - began for result in results for number, at in result.finished.items()}
        arrivals = self.server.arrivals()
        requests, tokens = self.server.used(arrivals)
        return Score(
            who=self.who,
            answered=len(finished),
            failed=sum(len(result.failures) for result in results),
            refused=sum(each.status == 429 for each in arrivals),
            requests_used=requests,
            tokens_used=tokens,
            longest_wait=max(finished.values()),
            late=max(finished[n] - due for n, due in self._perfect(asked).items() if n in finished),
            verdict=self.server.verdict(),
        )

    def _perfect(self, asked: list[Wish]) -> dict[int, float]:
        """When each would go if nothing was wasted and nobody overtook."""
        due, tokens = {}, 0.0
        for count, wish in enumerate(asked, start=1):
            tokens += cost(body(wish))
            due[wish.number] = MINUTE * max(
                0.0, count / self.server.requests_per_minute - 1, tokens / self.server.tokens_per_minute - 1
            )
        return due


def arguments(server: Llmock, requests: int) -> list[str]:
    """What every contender is told."""
    return [
        *("--url", server.base_url),
        *("--rpm", str(server.requests_per_minute)),
        *("--tpm", str(server.tokens_per_minute)),
        *("--requests", str(requests)),
    ]
