"""What the tests of VS Code have in common."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from tests.editors.desk import SOURCE, provider
from tests.editors.vscode.machine import Machine, package

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.fake_provider import FakeProvider


@pytest.fixture(scope="session")
def vsix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("vsix") / "kibitz.vsix")


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with provider() as fake:
        fake.models = ("gpt-4o-mini",)
        yield fake


@pytest.fixture
def machine(tmp_path: Path, vsix: Path, fake: FakeProvider) -> Machine:
    """Set up, and not yet started: kibitz is in the Python that runs the tests, the provider is found."""
    machine = Machine(tmp_path / "m", vsix)
    machine.own |= {
        "kibitz.server.python": sys.executable,
        "kibitz.baseUrl": fake.base_url,
        "kibitz.model": "gpt-4o-mini",
    }
    machine.user["security.workspace.trust.enabled"] = False
    return machine


@pytest.fixture
def file(machine: Machine) -> Path:
    file = machine.project / "mean.py"
    file.write_text(SOURCE, encoding="utf-8")
    return file
