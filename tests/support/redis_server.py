"""A Redis server of a test's own, on a free loopback port and in a folder of its own.

Debian 12 has Redis 7.0 (``redis-server``) and no Valkey; both speak the same protocol, so where there is only
``valkey-server``, that one is started.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_READY = b"Ready to accept connections"
_ATTEMPTS = 5


class RedisServer:
    """Runs while entered; may be stopped and started again in between, at the same address."""

    def __init__(self, folder: Path, *, password: str = "", **options: str) -> None:
        """``options``: more of the server's own, such as ``maxmemory``."""
        self._folder = folder
        self._password = password
        self._options = options
        self._binary = shutil.which("redis-server") or shutil.which("valkey-server")
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Its address, with the password if it has one."""
        user = f":{self._password}@" if self._password else ""
        return f"redis://{user}127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        if self._binary is None:
            pytest.skip("needs a Redis server: on Debian and Ubuntu, apt install redis-server")
        for _ in range(_ATTEMPTS):
            self.port = free_port()
            if self._started():
                return self
        raise RuntimeError("no Redis server could be started; its words are above")

    def __exit__(self, *_exc: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it again where it was before; it has forgotten everything."""
        assert self._started(), "another process has taken its port"

    def kill(self) -> None:
        """End it at once, as a crash would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            assert process.stdout
            process.stdout.close()

    def freeze(self) -> None:
        """Have it hold everything: its connections stay, and nothing comes out of them."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on where it stood."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def _started(self) -> bool:
        assert self._binary
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self._folder),
            "save": "",
            "requirepass": self._password,
            **{name.replace("_", "-"): value for name, value in self._options.items()},
        }
        command = [self._binary, *(part for name, value in options.items() for part in (f"--{name}", value))]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert self._process.stdout
        for line in self._process.stdout:
            print(line.decode(errors="replace"), end="")  # noqa: T201 - pytest shows it if the test fails
            if _READY in line:
                return True
        self.kill()
        return False


def free_port() -> int:
    """A port of loopback that nobody listens to just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
