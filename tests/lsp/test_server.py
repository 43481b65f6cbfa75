from __future__ import annotations

import gc
import json
import subprocess
import sys
from typing import TYPE_CHECKING

from kibitz.lsp.server import FEATURES, tidy

if TYPE_CHECKING:
    from tests.support.lsp_wire import Wire

HEAVY = [
    "click",
    "genai_prices",
    "httpx2",
    "kibitz.config",
    "kibitz.lsp.measuring",
    "kibitz.provider",
    "kibitz.telemetry.catalogue",
    "kibitz.telemetry.metrics",
    "openai",
    "opentelemetry",
    "prometheus_client",
    "pydantic",
    "rich",
    "structlog",
    "tree_sitter",
    "xllamacpp",
]


def test_initialize_is_answered_before_anything_heavy_is_imported() -> None:
    script = f"""
import json, sys
from kibitz.lsp import transport
def write(self, data):
    names = [name for name in {HEAVY!r} if name in sys.modules]
    sys.stderr.write(json.dumps([names, b"serverInfo" in data]))
transport.PipeWriter.write = write
from kibitz.cli import main
main(["serve"])
"""
    body = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}'
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert json.loads(done.stderr) == [[], True]
    assert done.stdout == b""


async def test_every_feature_is_there(wire: Wire) -> None:
    for method in FEATURES:
        assert callable(wire.server.handler(method))
    assert wire.server.handler("made/up") is None


async def test_errors_of_pygls_are_logged_not_shown(wire: Wire) -> None:
    await wire.initialize()
    wire.server._report_server_error(ValueError("x"), RuntimeError)  # type: ignore[arg-type]  # any kind
    assert wire.messages == []


def test_tidying_up_keeps_the_collector_running() -> None:
    try:
        tidy()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
