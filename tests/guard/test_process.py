"""What others can see of a process that was started with keys. Real processes, looked at from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from kibitz.config import environment, setting_names
from kibitz.config.environ import take
from kibitz.config.settings import is_secret
from kibitz.config.sources import PREFIX
from kibitz.guard.process import clean_environment, key_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY, MORE, OTHER = "sk-canary-0123456789abcdef", "sk-more-0123456789abcdef", "sk-other-0123456789abcdef"
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


@contextmanager
def process(*lines: str, **environ: str) -> Iterator[tuple[int, IO[str]]]:
    """A Python that runs ``lines`` and waits; its id, and what it prints."""
    code = "\n".join([*lines, "import sys", "print('ready', flush=True)", "sys.stdin.read()"])
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **environ},
        text=True,
    ) as running:
        assert running.stdin
        assert running.stdout
        try:
            yield running.pid, running.stdout
        finally:
            running.stdin.close()
    assert running.returncode == 0


def seen(pid: int) -> list[bytes]:
    """The environment of a process, as its owner or root may read it."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except PermissionError:
        pytest.skip("only root may look into a protected process, which is the point")


@linux
def test_no_key_is_left_where_the_process_began_and_all_else_is() -> None:
    protect = "from kibitz.guard.process import protect; protect()"
    values = {"OPENAI_API_KEY": KEY, "KIBITZ_API_KEYS": f"{MORE},{OTHER}", "KIBITZ_MODEL": "fake-1"}
    with process("pass", **values) as (pid, out):
        assert out.readline() == "ready\n"
        assert f"OPENAI_API_KEY={KEY}".encode() in seen(pid)
    with process(protect, **values) as (pid, out):
        assert out.readline() == "ready\n"
        after = seen(pid)
    assert not any(key.encode() in entry for key in (KEY, MORE, OTHER) for entry in after)
    assert b"OPENAI_API_KEY=" in after
    assert b"KIBITZ_MODEL=fake-1" in after
    assert f"PATH={os.environ['PATH']}".encode() in after


@linux
def test_the_same_variable_twice_is_overwritten_twice() -> None:
    libc = "import ctypes; libc = ctypes.CDLL(None)"
    entries = f"b'OPENAI_API_KEY={KEY}', b'A=1', b'OPENAI_API_KEY={MORE}', b'OPENAI_API_KEY2={OTHER}'"
    code = (
        "from kibitz.guard.process import forget_environment; import os, sys;"
        "forget_environment(['OPENAI_API_KEY']); print('ready', flush=True); sys.stdin.read()"
    )
    path = os.pathsep.join(sys.path)
    start = (
        f"argv = (ctypes.c_char_p * 4)({sys.executable!r}.encode(), b'-c', {code!r}.encode(), None)",
        f"envp = (ctypes.c_char_p * 6)({entries}, ('PYTHONPATH=' + {path!r}).encode(), None)",
        f"libc.execve({sys.executable!r}.encode(), argv, envp)",
    )
    with process(libc, *start) as (pid, out):
        assert out.readline() == "ready\n"
        after = seen(pid)
    assert after[:4] == [b"OPENAI_API_KEY=", b"", b"", b""]
    assert not any(KEY.encode() in entry or MORE.encode() in entry for entry in after)
    assert f"OPENAI_API_KEY2={OTHER}".encode() in after
    assert b"A=1" in after


@linux
def test_settings_can_be_loaded_again_and_children_get_nothing() -> None:
    with process(
        "import os, subprocess, sys",
        "from kibitz.guard.process import clean_environment, protect",
        "from kibitz.config import load",
        "for _ in range(2):",
        "    protect()",
        "    loaded = load()",
        "    print(loaded.settings.api_key.get_secret_value(), loaded.where('api_key'))",
        "print(sorted(name for name in os.environ if name.startswith('OPENAI_')))",
        "look = [sys.executable, '-c', 'import os; print(os.environ.get(\"OPENAI_API_KEY\"))']",
        "print(subprocess.run(look, capture_output=True, text=True).stdout, end='')",
        OPENAI_API_KEY=KEY,
    ) as (_, out):
        lines = [out.readline().rstrip() for _ in range(5)]
    where = "environment variable OPENAI_API_KEY"
    assert lines == [f"{KEY} {where}", f"{KEY} {where}", "[]", "None", "ready"]


@linux
def test_it_leaves_no_core_and_lets_no_other_process_of_the_user_look() -> None:
    with process(
        "from kibitz.guard.process import harden; harden()",
        "import ctypes, resource",
        "print(ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE)[0])",
        "import subprocess",
        "subprocess.run(['true'], check=True)",
    ) as (pid, out):
        assert out.readline() == "0 0\n"
        assert out.readline() == "ready\n"
        # The kernel gives what belongs to a process that may not be looked at to root.
        assert Path(f"/proc/{pid}/environ").stat().st_uid == 0


def test_every_secret_setting_is_known_by_its_variable() -> None:
    secret = [PREFIX + name.upper() for name in setting_names() if is_secret(name)]
    secret += ["OPENAI_API_KEY", "KIBITZ_API_KYE_KEY", "OPENAI_ADMIN_KEY"]
    plain = ["OPENAI_BASE_URL", "KIBITZ_MODEL", "PATH", "ANTHROPIC_API_KEY", "MY_OPENAI_API_KEY"]
    assert key_variables(dict.fromkeys([*secret, *plain], "x")) == tuple(secret)


def test_children_get_what_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {
        "OPENAI_API_KEY": KEY,
        "AWS_SECRET_ACCESS_KEY": "x",
        "GITHUB_TOKEN": "x",
        "pg_password": "x",
        "KIBITZ_REDIS_URL": "redis://:x@host",
        "LD_PRELOAD": "/x.so",
        "DYLD_INSERT_LIBRARIES": "/x.so",
    }
    kept = {"PATH": "/bin", "HOME": "/home/x", "SSH_AUTH_SOCK": "/s", "KIBITZ_MODEL": "m", "LD_X": "kept"}
    for name, value in {**gone, **kept}.items():
        monkeypatch.setenv(name, value)
    child = clean_environment(keep={"LD_X"})
    assert not gone.keys() & child.keys()
    assert kept.items() <= child.items()


def test_what_is_set_later_wins_over_what_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kibitz.config.environ._taken", {})
    monkeypatch.setenv("KIBITZ_API_KEY", KEY)
    take(["KIBITZ_API_KEY", "KIBITZ_NOT_SET"])
    assert "KIBITZ_API_KEY" not in os.environ
    assert environment()["KIBITZ_API_KEY"] == KEY
    assert "KIBITZ_NOT_SET" not in environment()
    monkeypatch.setenv("KIBITZ_API_KEY", MORE)
    assert environment()["KIBITZ_API_KEY"] == MORE
