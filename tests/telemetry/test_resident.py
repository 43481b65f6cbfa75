from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from kibitz.telemetry import resident


@pytest.mark.skipif(sys.platform == "win32", reason="there, it is not known")
def test_where_there_is_no_proc_it_is_the_most_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    ((_, now),) = resident.resident_bytes()
    monkeypatch.setattr(resident, "_STATM", Path(os.devnull) / "nothing")
    ((labels, most),) = resident.resident_bytes()
    assert labels == ()
    assert now * 0.8 <= most < 50 * now
