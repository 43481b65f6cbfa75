"""What the C library says of its arenas, in a process of its own: what is set there stays set."""

from __future__ import annotations

import subprocess
import sys

import pytest

THREADS = """
import ctypes, sys, threading
from kibitz.lsp import heap
if sys.argv[1] == "shared":
    heap.share()
there = threading.Barrier(4)
def work() -> None:
    kept = [bytearray(10_000) for _ in range(10)]
    there.wait()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
if hasattr(libc, "malloc_stats"):
    libc.malloc_stats()
"""


@pytest.mark.parametrize("how", ["shared", "not"])
def test_threads_share_one_arena_where_they_would_have_their_own(how: str) -> None:
    done = subprocess.run([sys.executable, "-c", THREADS, how], capture_output=True, check=True, text=True)
    arenas = done.stderr.count("Arena ")
    if not arenas:
        assert done.stderr == "", "another C library: nothing to do, and no complaint"
    elif how == "shared":
        assert arenas == 1
    else:
        assert arenas > 1
