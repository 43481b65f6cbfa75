"""Pairs as folders, which people can review: ``<language>/<name>/`` with ``pair.toml`` and each version.

The versions are ``buggy.*`` and ``fixed.*``, or ``clean.*`` alone for a trap; ``tests.py`` is optional.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from kibitz.evaluation.pairs import MAX_CHARACTERS, Pair, PairsError, checked, content_of, pair_of

if TYPE_CHECKING:
    from pathlib import Path

_ABOUT = "pair.toml"
_TESTS = "tests.py"
_MAX_ABOUT = 65_536


def read_folder(folder: Path) -> tuple[Pair, ...]:
    """All pairs below a folder, by language and name. Raises ``PairsError``."""
    return checked([_pair(about.parent) for about in sorted(folder.glob(f"*/*/{_ABOUT}"))])


def _pair(folder: Path) -> Pair:
    try:
        return pair_of(_values(folder))
    except tomllib.TOMLDecodeError as error:
        raise PairsError(f"{folder / _ABOUT}: {error}") from error
    except PairsError as error:
        raise PairsError(f"{folder}: {error}") from error


def _values(folder: Path) -> dict[str, object]:
    values: dict[str, object] = tomllib.loads(_text(folder / _ABOUT, _MAX_ABOUT))
    language = folder.parent.name
    values |= {"id": f"{language}/{folder.name}", "language": language}
    if clean := _version(folder, "clean"):
        values["fixed"] = clean
    values |= {name: text for name in ("buggy", "fixed") if (text := _version(folder, name))}
    if clean and (values["fixed"] != clean or "buggy" in values):
        raise PairsError("a trap has no other version")
    if not clean and "buggy" not in values:
        raise PairsError("the buggy version is missing")
    tests = folder / _TESTS
    if tests.exists():
        values["tests"] = _text(tests, 4 * MAX_CHARACTERS)
    return values


def _version(folder: Path, name: str) -> str:
    files = sorted(folder.glob(f"{name}.*"))
    if len(files) > 1:
        raise PairsError(f"there are several files for the {name} version")
    return _text(files[0], 4 * MAX_CHARACTERS) if files else ""


def _text(path: Path, most: int) -> str:
    try:
        return content_of(path, most).decode("utf-8")
    except UnicodeDecodeError:
        raise PairsError(f"{path} is not UTF-8") from None
