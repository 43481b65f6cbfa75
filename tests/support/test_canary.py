"""A planted key fails a run of pytest, wherever it was planted."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import canary

ROOT = Path(__file__).parents[2]
PLANTED = "sk-planted-0123456789abcdef"
CONFTEST = """\
from tests.support.canary import Watch

def pytest_configure(config):
    config.pluginmanager.register(Watch(config))
"""
HEAD = """\
import base64, logging, subprocess, sys
from tests.support import canary

KEY = canary.KEY
"""
LEAVES_TRACES = """
def test_file(tmp_path):
    (tmp_path / "log").write_text("x" * 2**20 + KEY)

def test_name(tmp_path):
    (tmp_path / KEY).touch()

def test_base64(tmp_path):
    (tmp_path / "b").write_bytes(base64.b64encode(b"Bearer " + KEY.encode()))

def test_output():
    sys.stderr.write(KEY)

def test_read_output(capsys):
    print(KEY)
    capsys.readouterr()

def test_log():
    logging.getLogger("x").warning("sent %s", KEY)
"""
FAILS = """
def started(*arguments, **environment):
    command = [sys.executable, "-c", "print(flush=True); input()", *arguments]
    process = subprocess.Popen(command, stdin=-1, stdout=-1, env=environment)
    process.stdout.readline()  # before it runs, /proc may have nothing of it
    return process

def test_transcript():
    canary.search("a transcript", b"{" + KEY.encode())

def test_arguments():
    with started(KEY) as process:
        try:
            canary.search_arguments(process.pid)
        finally:
            process.communicate(b"x")

def test_environment():
    with started(A_KEY=KEY) as process:
        try:
            canary.search_processes(process.pid)
        finally:
            process.communicate(b"x")
"""
CLEAN = """
def test_nothing(tmp_path, capsys):
    print("nothing", KEY[:-1])
    capsys.readouterr()
    (tmp_path / "a").write_text(KEY[:-1])
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1, env={}) as process:
        canary.search_processes(process.pid)
        process.communicate(b"x")
"""


def run(folder: Path, tests: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A run of pytest with these tests."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_planted.py").write_text(HEAD + tests)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--basetemp={folder}/base",
            *options,
        ],
        cwd=folder,
        env={**os.environ, "KIBITZ_TEST_CANARY": PLANTED, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("processes", ["-n0", "-n2"])
def test_a_key_that_is_left_behind_fails_a_run_whose_tests_all_pass(tmp_path: Path, processes: str) -> None:
    done = run(tmp_path, LEAVES_TRACES, processes)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert "6 passed" in done.stdout
    summary = done.stdout.partition("the canary key shows")[2]
    for where in (
        "/test_file0/log",
        "/test_name0/",
        "/test_base640/b",
        "Captured stderr call of test_planted.py::test_output",
        "the output that test_planted.py::test_read_output read",
        "Captured log call of test_planted.py::test_log",
    ):
        assert where in summary


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="this system has no /proc")
def test_a_key_in_a_transcript_or_of_a_process_fails_the_test(tmp_path: Path) -> None:
    done = run(tmp_path, FAILS)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert "3 failed" in done.stdout
    for where in ("in a transcript", "/cmdline", "/environ"):
        assert where in done.stdout


def test_without_one_the_run_passes(tmp_path: Path) -> None:
    done = run(tmp_path, CLEAN)
    assert done.returncode == pytest.ExitCode.OK, done.stdout


def test_the_key_is_found_in_base64_at_any_place() -> None:
    for head in (b"", b"a", b"ab", b"abc"):
        assert canary.shows(base64.b64encode(head + canary.KEY.encode() + b"tail"))
    assert not canary.shows(base64.b64encode(canary.KEY[:-9].encode()))
