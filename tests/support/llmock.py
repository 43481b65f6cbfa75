"""llmock, an independent simulator of OpenAI's API with real quotas per key, in an environment of its own.

Of our code it knows nothing. It keeps a bucket of requests and one of tokens for each key, both full at the
start and filling up steadily; a request costs what its body is long (bytes / 4) plus the longest answer that
it allows, and nothing of that is ever given back. What does not fit is refused with 429 and ``Retry-After``.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

VERSION = "0.2.2"
SECONDS_TO_START = 60.0
MINUTE = 60.0


def install(folder: Path) -> Path:
    """The program, installed with pip into a virtual environment in ``folder`` unless it is there."""
    program = folder / ("Scripts" if sys.platform == "win32" else "bin") / "llmock"
    if not program.exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(program.parent / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", f"llmock=={VERSION}"], check=True)
    return program


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as the simulator saw it; times are ``time.monotonic`` of this machine."""

    at: float
    status: int
    tokens: int
    """What it costs there."""

    @classmethod
    def of(cls, record: dict[str, Any]) -> Arrival:
        return cls(record["started_at"], record["status"], cost(record["body"]))


def cost(body: dict[str, Any]) -> int:
    """What a chat request takes from the bucket of tokens."""
    size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
    return max(1, size // 4) + int(body["max_tokens"])


class Llmock:
    """Runs while entered."""

    def __init__(self, program: Path, *, requests_per_minute: int, tokens_per_minute: int) -> None:
        self.requests_per_minute = requests_per_minute
        self.tokens_per_minute = tokens_per_minute
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._root = ""

    @property
    def base_url(self) -> str:
        return f"{self._root}/v1"

    def __enter__(self) -> Self:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._root = f"http://127.0.0.1:{port}"
        limits = ["--rpm", str(self.requests_per_minute), "--tpm", str(self.tokens_per_minute)]
        self._process = subprocess.Popen(
            [str(self._program), "serve", "--port", str(port), "--log-level", "warning", *limits],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                self._get("/health")
                return self
            time.sleep(0.1)
        self.__exit__()
        raise RuntimeError("llmock did not start; its words are above")

    def __exit__(self, *_exc: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def arrivals(self) -> list[Arrival]:
        """Every request so far, refused ones included, as they came."""
        return [Arrival.of(record) for record in json.loads(self._get("/_llmock/requests"))["requests"]]

    def verdict(self) -> str:
        """The simulator's own judgement of how its client behaved."""
        return self._get("/_llmock/verdict?format=text")

    def used(self, arrivals: Sequence[Arrival]) -> tuple[float, float]:
        """Shares of requests and tokens that were taken of what both buckets could have given.

        Up to when the last request was let in: a full bucket, and what came back since the first request.
        """
        admitted = [each for each in arrivals if each.status == 200]
        minutes = (admitted[-1].at - arrivals[0].at) / MINUTE
        return (
            len(admitted) / (self.requests_per_minute * (1 + minutes)),
            sum(each.tokens for each in admitted) / (self.tokens_per_minute * (1 + minutes)),
        )

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(self._root + path, timeout=30) as answer:  # noqa: S310 - our own loopback address
            text: str = answer.read().decode()
        return text
