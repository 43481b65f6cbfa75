from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.evaluation.testing import Verdict, run_tests

if TYPE_CHECKING:
    import pytest


def test_the_verdict_is_that_of_the_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_tests("def f():\n    return 1\n", "from subject import f\nprint(f())\n") is Verdict.PASSED
    assert run_tests("def f():\n    return 2\n", "from subject import f\nassert f() == 1\n") is Verdict.FAILED
    assert run_tests("def f(:\n", "import subject\n") is Verdict.FAILED
    assert capfd.readouterr() == ("", "")


def test_what_does_not_end_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = f"""
import subprocess, time
child = subprocess.Popen(["sleep", "300"])
open({str(note)!r}, "w").write(str(child.pid))
time.sleep(300)
"""
    # Long enough for the start on a busy machine; what is asserted does not depend on it.
    assert run_tests(code, "import subject\n", seconds=3) is Verdict.TOO_SLOW
    state = Path("/proc", note.read_text(), "stat")
    deadline = time.monotonic() + 10
    while state.exists() and " Z " not in state.read_text():  # the kernel takes its time
        assert time.monotonic() < deadline


def test_nothing_of_ours_is_in_its_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "smuggled.py").write_text("")
    tests = """
import os, subject
assert set(os.environ) <= {"PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE"}, os.environ
assert os.getcwd() == os.path.realpath(os.environ["HOME"])
try:
    import smuggled
except ImportError:
    pass
else:
    raise AssertionError
"""
    assert run_tests("", tests) is Verdict.PASSED


def test_it_may_not_fill_the_disk() -> None:
    tests = 'import subject\nopen("big", "wb").write(bytes(1 << 25))\n'
    assert run_tests("", tests) is Verdict.FAILED
