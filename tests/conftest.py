"""For every test: nothing of the user's own is read or written."""

from __future__ import annotations

import itertools
import signal
from typing import TYPE_CHECKING

import pytest
from tests.support import canary

if TYPE_CHECKING:
    from pathlib import Path

_numbers = itertools.count()

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it runs in the background like that, and what the tests start would inherit it: no
    # test of an interrupt could end.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Search all that the run leaves behind for the key that it uses."""
    config.pluginmanager.register(canary.Watch(config))


@pytest.fixture(autouse=True)
def own_places(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders for state and configuration that are this test's own; they are not there yet."""
    own = tmp_path_factory.getbasetemp() / "places" / str(next(_numbers))
    monkeypatch.setenv("KIBITZ_STATE_DIR", str(own / "state"))
    # A file that KIBITZ_CONFIG names has to be there; one in the default place does not.
    monkeypatch.delenv("KIBITZ_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(own / "config"))
    return own
