"""Runs the tests of a pair. That is running code which a model may have written: only if the user said so.

Each run is a process of its own in a temporary folder, with an empty environment, bounds on time, memory and
what it writes, and it is killed with all that it started. It is not shut in: it may read what the user may
read, and reach the network. For code that is not trusted, run kibitz itself in a container.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

SECONDS = 10
"""For one run."""
_BYTES = 1 << 30
_START = f"""
import runpy
try:
    import resource
    for what, most in ((resource.RLIMIT_CPU, {SECONDS}), (resource.RLIMIT_AS, {_BYTES}),
                       (resource.RLIMIT_FSIZE, {_BYTES >> 6}), (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(what, (most, most))
        except (OSError, ValueError):
            pass
except ImportError:
    pass
runpy.run_path("tests.py", run_name="__main__")
"""


class Verdict(StrEnum):
    """What came of the tests."""

    PASSED = "passed"
    FAILED = "failed"
    TOO_SLOW = "too slow"


def run_tests(code: str, tests: str, *, seconds: float = SECONDS) -> Verdict:
    """Run ``tests`` on ``code``, which they import as ``subject``. Blocks."""
    with tempfile.TemporaryDirectory(prefix="kibitz-eval-", ignore_cleanup_errors=True) as folder:
        Path(folder, "subject.py").write_bytes(code.encode("utf-8", "replace"))
        Path(folder, "tests.py").write_bytes(tests.encode("utf-8", "replace"))
        process = subprocess.Popen(  # noqa: S603 - the user asked for it
            [sys.executable, "-E", "-s", "-B", "-c", _START],
            cwd=folder,
            env={"PATH": os.defpath, "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code_of_exit = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return Verdict.TOO_SLOW
        finally:
            # What it started, too: that is in its group, unless it took pains to leave it.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return Verdict.PASSED if code_of_exit == 0 else Verdict.FAILED
