"""A real Prometheus of a test's own, on a free loopback port and in a folder of its own.

Debian 12 has 2.42 (``apt install prometheus``).
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Self

from tests.support.redis_server import free_port

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 60.0
"""A busy machine takes its time; what does not come by then does not come."""


class PrometheusServer:
    """Runs while entered, and scrapes what is listed in a folder."""

    def __init__(self, folder: Path, config: str) -> None:
        self._folder = folder
        self._config = config
        self._port = free_port()

    async def __aenter__(self) -> Self:
        self._process = self._started()
        return self

    def _started(self) -> subprocess.Popen[bytes]:
        binary = shutil.which("prometheus")
        assert binary is not None, "this needs Prometheus: on Debian and Ubuntu, apt install prometheus"
        self._folder.mkdir()
        (self._folder / "prometheus.yml").write_text(self._config)
        return subprocess.Popen(
            [
                binary,
                f"--config.file={self._folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    async def __aexit__(self, *_exc: object) -> None:
        self._process.kill()
        self._process.wait()

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """What an instant query gives: series with their labels (``metric``) and ``value``."""
        return await asyncio.to_thread(self._query, expression)

    async def until(self, expression: str, seconds: float = SECONDS) -> list[dict[str, Any]]:
        """The same once it gives anything."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    if found := await self.query(expression):
                        return found
                except ConnectionError:
                    assert self._process.poll() is None, "Prometheus ended; is its configuration right?"
                await asyncio.sleep(0.2)

    def _query(self, expression: str) -> list[dict[str, Any]]:
        asked = urllib.parse.urlencode({"query": expression})
        url = f"http://127.0.0.1:{self._port}/api/v1/query?{asked}"
        try:
            with urllib.request.urlopen(url, timeout=SECONDS) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from None
        except urllib.error.URLError as error:
            raise ConnectionError from error
        found: list[dict[str, Any]] = told["data"]["result"]
        return found
