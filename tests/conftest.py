"""For every test: nothing of the user's own is read or written."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from tests.support import canary

from kibitz.telemetry import masking

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()
_NOBODY = 65534

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it runs in the background like that, and what the tests start would inherit it: no
    # test of an interrupt could end.
    signal.signal(signal.SIGINT, signal.default_int_handler)


# How long a case takes says more of the machine than of the code: benchmarks look at that.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


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


@pytest.fixture(autouse=True)
def own_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key of another test is hidden from what this one prints: a made-up one can be any word."""
    monkeypatch.setattr(masking, "_hidden", ())


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder of a user whom the system refuses things, unlike root; who is that user for the test."""
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    if root:
        os.chown(folder, _NOBODY, -1)
        os.seteuid(_NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        shutil.rmtree(folder)
