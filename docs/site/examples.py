"""Holds the example files of examples/ against what independent tools know of their kinds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = {
    "examples/ci/github.yml": "vendor.github-workflows",
    "examples/ci/gitlab-ci.yml": "vendor.gitlab-ci",
    "examples/deploy/compose.yaml": "vendor.compose-spec",
}
"""Of check-jsonschema, which carries them; nothing is downloaded."""
BIN = Path(sys.executable).parent


def problems() -> Iterator[str]:
    """What is wrong with them, a sentence each."""
    for name, schema in SCHEMAS.items():
        command = [str(BIN / "check-jsonschema"), "--builtin-schema", schema, str(ROOT / name)]
        yield from _said(name, command)
    yield from _said(
        "examples/deploy/Dockerfile", [str(BIN / "hadolint"), str(ROOT / "examples/deploy/Dockerfile")]
    )


def _said(name: str, command: list[str]) -> Iterator[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"{name}: {done.stdout}{done.stderr}"
