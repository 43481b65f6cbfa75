from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kibitz.telemetry import last_words
from kibitz.telemetry.masking import Masking, hide

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "the-user's-code-or-a-key"
FAIL = f"def fail(value): raise ValueError(value)\nvalue = {SECRET!r}\n"
WAYS = {
    "main thread": "fail(value)",
    "another thread": (
        "import threading; t = threading.Thread(target=fail, args=[value]); t.start(); t.join()"
    ),
    "a destructor": "class A:\n    def __del__(self): fail(value)\na = A(); del a",
    "a callback of the event loop": (
        "import asyncio, logging\n"
        "logging.basicConfig()\n"
        "async def main():\n"
        "    loop = asyncio.get_running_loop()\n"
        "    loop.set_exception_handler(last_words.of_loop)\n"
        "    loop.call_soon(fail, value)\n"
        "    task = loop.create_task(asyncio.to_thread(fail, value))\n"
        "    await asyncio.sleep(0.2)\n"
        "    del task\n"
        "    import gc; gc.collect()\n"
        "asyncio.run(main())"
    ),
}


def died(script: str) -> str:
    """What a process says on standard error."""
    start = "from kibitz.telemetry import last_words; last_words.install()\n"
    done = subprocess.run(
        [sys.executable, "-c", start + script], check=False, capture_output=True, timeout=60, text=True
    )
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_nobody_caught_it_and_no_value_is_said(way: str) -> None:
    said = died(FAIL + WAYS[way])
    assert SECRET not in said
    assert "Traceback" not in said
    assert "ValueError in " in said
    assert "fail" in said


@pytest.mark.skipif(os.name != "posix", reason="the signal is POSIX")
def test_a_crash_of_native_code_says_where_and_no_value() -> None:
    said = died(FAIL + "import ctypes\ndef crash(secret): ctypes.string_at(0)\ncrash(value)")
    assert "Fatal Python error" in said
    assert "in crash" in said
    assert SECRET not in said


def test_an_interrupt_needs_no_words() -> None:
    assert died("raise KeyboardInterrupt") == ""


async def test_a_complaint_of_the_event_loop_without_an_exception(caplog: pytest.LogCaptureFixture) -> None:
    last_words.of_loop(asyncio.get_running_loop(), {"message": "Task was destroyed", "task": SECRET})
    assert caplog.messages == ["Task was destroyed: no exception"]


def test_what_is_logged_early_holds_no_key() -> None:
    hide("early-key-0123456789")
    error = ValueError("early-key-0123456789")
    trouble = (ValueError, error, None)
    record = logging.LogRecord("x", 40, "x", 1, "it: %s", ("early-key-0123456789",), trouble)
    assert "early-key" not in Masking("%(message)s").format(record)


def test_the_server_listens_nowhere(tmp_path: Path) -> None:
    """It talks over standard input and output alone, and makes no socket that others could connect to."""
    script = (
        "import json, socket, sys\n"
        "made = []\n"
        "def listen(self, *_): made.append(self)\n"
        "socket.socket.listen = listen\n"
        "socket.create_server = lambda *_, **__: made.append(1)\n"
        "import atexit; atexit.register(lambda: print(json.dumps(len(made)), file=sys.stderr))\n"
        "from kibitz.lsp.start import main; sys.exit(main())\n"
    )
    body = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}'
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
        check=False,
        capture_output=True,
        timeout=60,
        env={**os.environ, "KIBITZ_STATE_DIR": str(tmp_path)},
    )
    assert b"serverInfo" in done.stdout
    assert json.loads(done.stderr.split()[-1]) == 0
