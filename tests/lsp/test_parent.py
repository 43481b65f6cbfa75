from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.support.clock import FakeClock

from kibitz.lsp.parent import POLL_SECONDS, ParentWatch, alive

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the pipe is watched there")


class World:
    """Which processes there are."""

    def __init__(self, *alive: int, parent: int = 1) -> None:
        self.alive = set(alive)
        self.parent = parent
        self.gone = 0
        self.clock = FakeClock()

    def watch(self, process_id: int | None) -> ParentWatch:
        def on_gone() -> None:
            self.gone += 1

        watch = ParentWatch(self.clock, on_gone, is_alive=self.alive.__contains__, parent=lambda: self.parent)
        watch.start(process_id)
        return watch


def test_the_editors_end_is_noticed_once() -> None:
    world = World(50)
    world.watch(50)
    world.clock.advance(100)
    assert world.gone == 0
    world.alive.clear()
    world.clock.advance(POLL_SECONDS)
    assert world.gone == 1
    world.clock.advance(100)
    assert world.gone == 1


@pytest.mark.parametrize("process_id", [None, 50])
def test_without_a_visible_editor_our_own_parent_counts(process_id: int | None) -> None:
    world = World(parent=7)
    world.watch(process_id)
    world.clock.advance(100)
    assert world.gone == 0
    world.parent = 1
    world.clock.advance(POLL_SECONDS)
    assert world.gone == 1


def test_a_wrapper_that_ends_is_not_the_editor() -> None:
    world = World(50, parent=7)
    world.watch(50)
    world.parent = 1
    world.clock.advance(100)
    assert world.gone == 0


def test_a_stopped_watch_looks_no_more() -> None:
    world = World(50)
    watch = world.watch(50)
    watch.stop()
    watch.stop()
    world.alive.clear()
    world.clock.advance(100)
    assert world.gone == 0


def test_real_processes() -> None:
    assert alive(os.getpid())
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert not alive(process.pid)
