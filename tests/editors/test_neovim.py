"""kibitz in a real, headless Neovim: the diagnostic, the quick fix, and the file on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, reviewer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.editor

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = Path(sysconfig.get_path("scripts"))
DRIVER = REPOSITORY / "tests/editors/neovim.lua"
SOURCE = """\
def mean(values):
    emoji = "😀é"; total = sum(values) / len(value)
    return emoji, total
"""


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    bug = Bug("len(value)", "len(values)", title="Undefined name", trigger="mean([1]) raises NameError")
    with FakeProvider(reviewer(bug)).in_thread() as fake:
        yield fake


def drive(file: Path, home: Path, **environment: str) -> dict[str, Any]:
    """Open ``file`` in Neovim with a home of its own, and return what the driver saw."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "KIBITZ_", "XDG_", "NVIM"))}
    done = subprocess.run(
        [SCRIPTS / "nvim", "--headless", "--clean", "-l", DRIVER, REPOSITORY, SCRIPTS / "kibitz", file],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env=keep | {"HOME": str(home), "KIBITZ_MODEL_DIR": str(home / "models")} | environment,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return seen


def test_the_finding_is_shown_and_its_fix_lands_on_disk(fake: FakeProvider, tmp_path: Path) -> None:
    file = tmp_path / "mean.py"
    file.write_text(SOURCE, encoding="utf-8")
    seen = drive(
        file, tmp_path, OPENAI_BASE_URL=fake.base_url, OPENAI_API_KEY=canary.KEY, KIBITZ_DEBOUNCE_MS="100"
    )
    assert seen["messages"] == []
    assert seen["diagnostic"]["source"] == "kibitz"
    assert seen["diagnostic"]["lnum"] == 1
    assert seen["diagnostic"]["covers"] == 'emoji = "😀é"; total = sum(values) / len(value)'
    assert "Undefined name" in seen["diagnostic"]["message"]
    assert seen["applied"]
    assert seen["cleared"]
    assert file.read_text(encoding="utf-8") == SOURCE.replace("len(value)", "len(values)")
    assert seen["stopped"]


def test_without_a_key_neovim_shows_one_message_that_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "mean.py"
    file.write_text(SOURCE, encoding="utf-8")
    seen = drive(file, tmp_path)
    assert len(seen["messages"]) == 1
    assert "OPENAI_API_KEY" in seen["messages"][0]
    assert "kibitz model pull" in seen["messages"][0]
    assert seen["stopped"]
