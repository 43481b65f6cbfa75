"""The usage report of a language server, which has it made in a process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.days_of_use import Use
from tests.support.lsp_wire import until

from kibitz.app.usagereport.making import make
from kibitz.config import Settings
from kibitz.state.places import database_path
from kibitz.telemetry.tables import local_day

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_server_has_it_made_elsewhere_with_its_own_budgets() -> None:
    await asyncio.to_thread(database_path().parent.mkdir, parents=True, mode=0o700)
    await Use(database_path(), local_day(), a_day=5).days(3)
    path = await make(Settings.model_validate({"budget_requests_per_day": 1000}), 3)
    assert path == database_path().with_name("usage.html")
    html = await asyncio.to_thread(path.read_text, encoding="utf-8")
    assert "of 1,000 requests today" in html
    assert "of $10.00 today" in html
    path = await make(Settings.model_validate({"ignore_budget": True}), 3)
    assert "No budget is set" in await asyncio.to_thread(path.read_text, encoding="utf-8")


async def test_that_its_process_died_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(OSError, match="its process ended with 1"):
        await make(Settings(), 3)


async def test_why_there_is_none_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KIBITZ_STATE_DIR", str(tmp_path / "file"))
    with pytest.raises(OSError, match="cannot use its state database"):
        await make(Settings(), 3)


async def test_nothing_goes_on_when_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    program.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(program))
    making = asyncio.create_task(make(Settings(), 3))
    pid = tmp_path / "pid"
    await until(lambda: pid.exists() and bool(pid.read_text()))
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    monkeypatch.setattr("kibitz.app.usagereport.making.SECONDS", 0.0)
    with pytest.raises(OSError, match="it was not done in 0 seconds"):
        await make(Settings(), 3)


def test_importing_the_plots_leaves_others_imports_alone() -> None:
    code = """
import kibitz.app.usagereport.figures
try:
    import nothing_of_that_name
except ModuleNotFoundError:
    print("as ever")
"""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("as ever\n", "")
