"""Keeps notes in a file."""

import json
import os
from pathlib import Path
from typing import Any


def load(path: Path) -> dict[str, Any]:
    """The notes; none if there is no file yet."""
    try:
        notes: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return notes


def save(path: Path, notes: dict[str, Any]) -> None:
    """Write the notes. If that fails, the file is as it was."""
    beside = path.with_name(f"{path.name}.new")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(notes, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
