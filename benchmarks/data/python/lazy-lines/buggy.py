"""Reads logs line by line."""

from collections.abc import Iterator
from pathlib import Path


def errors(path: Path) -> Iterator[str]:
    """The lines of a log that tell of errors, without their ends."""
    with path.open(encoding="utf-8") as file:
        return (line.rstrip("\n") for line in file if " ERROR " in line)


def count_errors(paths: list[Path]) -> dict[str, int]:
    """How many lines of each log tell of errors, by the name of the file."""
    return {path.name: sum(1 for _ in errors(path)) for path in paths}
