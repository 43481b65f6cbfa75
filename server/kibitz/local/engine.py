"""Runs the embedded model behind the same kind of endpoint as every other model.

llama.cpp's server (xllamacpp) answers HTTP on a loopback port that the system chooses, for whoever knows a
key made up at random for this run. It could be called in-process instead. The endpoint was chosen because it
keeps one code path: the real SDK, its HTTP, limits, deadlines, cancelling and errors are the same for a model
on this machine and for one in the cloud, and what is tested with one holds for the other.

The server lives in a process of its own (``kibitz.local.worker``). Inside ours, loading would hold the
interpreter's lock for three to five seconds (measured), and the editor would get no answer meanwhile; a crash
of the native code would take the language server with it. Apart, its two gigabytes go when it goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import secrets
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.guard.process import clean_environment
from kibitz.local import runtime
from kibitz.local.errors import EngineError
from kibitz.local.worker import Order

if TYPE_CHECKING:
    from pathlib import Path

LOAD_SECONDS = 120.0
STOP_SECONDS = 5.0
_MODULE = "xllamacpp"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the model answers. Chat Completions with ``response_format``; one request at a time, in turn."""

    base_url: str
    api_key: str
    model: str
    max_concurrency: int = 1
    """More requests at once only wait in the server's queue, with their deadline running."""

    def __repr__(self) -> str:
        return f"Endpoint(base_url={self.base_url!r}, api_key='…', model={self.model!r})"


def available() -> bool:
    """Whether the engine is installed (the extra ``local``). Does not load it."""
    return importlib.util.find_spec(_MODULE) is not None


def _cores() -> int:
    """The cores that this process may use, as far as the system tells."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _environment() -> dict[str, str]:
    """The worker's environment: no secrets, and threads that soon sleep while they wait for each other.

    By default they spin for long, which on a busy machine costs a third of the speed and doubles the load;
    where they sleep at once, it costs 40 % of the speed on a quiet one (both measured on two cores).
    """
    # A Python that was built or installed apart may not start without the paths of its libraries.
    inherited = clean_environment(keep={"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"})
    if (folder := runtime.fetched()) is not None:
        paths = filter(None, [str(folder), inherited.get("LD_LIBRARY_PATH")])
        inherited["LD_LIBRARY_PATH"] = os.pathsep.join(paths)
    return {"GOMP_SPINCOUNT": "500", **inherited}


class Engine:
    """One model, served by one child process. Belongs to the event loop that starts it."""

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        threads: int | None = None,
        context: int = 8192,
        warm: str = "",
    ) -> None:
        """Prepare to serve the file at ``path`` as ``name``; nothing happens before ``start``.

        Args:
            path: A GGUF file whose content is trusted.
            name: What the model is called over HTTP.
            threads: Threads that compute; None for as many as this process may use cores.
            context: Tokens that a prompt and its answer may have together.
            warm: The static system message of all requests, read before the first one comes.
        """
        self._path = path
        self._name = name
        self._threads = threads or _cores()
        self._context = context
        self._warm = warm
        self._process: asyncio.subprocess.Process | None = None
        self._endpoint: Endpoint | None = None
        self._starting = asyncio.Lock()

    @property
    def running(self) -> bool:
        """Whether the process is alive and has loaded its model."""
        return self._endpoint is not None and self._process is not None and self._process.returncode is None

    async def start(self) -> Endpoint:
        """Load the model and return where it answers; at once if it runs already.

        Takes two to seven seconds for 1.5 billion parameters. Raises ``EngineError``.
        """
        async with self._starting:
            if not (self._endpoint and self.running):
                await self.stop()
                self._endpoint = await self._launch()
            return self._endpoint

    async def stop(self) -> None:
        """End the process, whatever it is doing. Safe in every state, and more than once."""
        process, self._process, self._endpoint = self._process, None, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _launch(self) -> Endpoint:
        if not available():
            raise EngineError(
                'The embedded model\'s engine is not installed. Install it with: pip install "kibitz[local]"'
            )
        if not self._path.is_file():
            raise EngineError(
                f"{self._name} is not on this machine ({self._path} is missing). "
                f"Fetch it with: kibitz model pull {self._name}"
            )
        if await asyncio.to_thread(runtime.missing):
            raise EngineError(
                f"The engine needs {runtime.LIBRARY} (GNU OpenMP), which this machine does not have. "
                "`kibitz model pull` fetches it; so does your system's package manager (Debian: "
                "apt install libgomp1)."
            )
        key = secrets.token_urlsafe(32)
        order = Order(
            path=str(self._path),
            alias=self._name,
            api_key=key,
            threads=self._threads,
            context=self._context,
            warm=self._warm,
        )
        try:
            url = await asyncio.wait_for(self._ask(order), LOAD_SECONDS)
        except TimeoutError as error:
            await self.stop()
            raise EngineError(
                f"{self._name} was not loaded within {LOAD_SECONDS:.0f} seconds. The machine may be short of "
                "memory or very busy: close something, or use another provider."
            ) from error
        except BaseException:
            await self.stop()
            raise
        return Endpoint(f"{url}/v1", key, self._name)

    async def _ask(self, order: Order) -> str:
        """Start the worker with ``order``; the address it answers at."""
        # -P: the working directory is the user's workspace, and nothing in it may pose as a module of ours.
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "kibitz.local.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
        )
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # then its answer is missing, too
            process.stdin.write(order.line())
            await process.stdin.drain()
        answer = await process.stdout.readline()
        if not answer:
            raise self._died(await process.wait())
        parsed = json.loads(answer)
        if "error" in parsed:
            raise EngineError(
                f"{self._name} could not be loaded from {self._path}: {parsed['error']} The file may be "
                f"damaged. Fetch it again: kibitz model remove {self._name}, "
                f"then kibitz model pull {self._name}"
            )
        url: str = parsed["url"]
        return url

    def _died(self, code: int) -> EngineError:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
        return EngineError(
            f"The engine's process {how} while it loaded {self._name}. It may be short of memory: close "
            "something and try again, or use another provider."
        )
