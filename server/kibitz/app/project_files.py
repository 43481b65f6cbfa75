"""Reads what a project says to reviewers, as far as it can be used; trusted or not."""

from __future__ import annotations

import os
from codecs import getincrementaldecoder
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.findings.guidance import PREFIX
from kibitz.findings.project import (
    MAX_ALL_RULES,
    MAX_CONTEXT,
    MAX_RULES,
    Project,
    Unusable,
    context_of,
    rule_of,
    within_bounds,
)
from kibitz.guard.files import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kibitz.findings.guidance import ProjectRule

RULES_FOLDER = ".kibitz/rules"
CONTEXT_FILES = (".kibitz/context.md", "AGENTS.md")
"""The first that there is counts."""
_MAX_LISTED = 1_000
_MAX_BYTES = 65_536


def load(root: Path) -> Project:
    """What a project says, trusted or not; its problems say what is not used. Blocks, and never raises."""
    problems: list[str] = []
    rules, left_out = within_bounds([*_rules(root, problems)])
    if left_out:
        names = ", ".join(rule.code.removeprefix(PREFIX) for rule in left_out)
        problems.append(
            f"rules left out: {names}; {MAX_RULES} rules and {MAX_ALL_RULES:,} characters are used in all"
        )
    context, name = _context(root, problems)
    return Project(rules, context, name, tuple(problems))


def _rules(root: Path, problems: list[str]) -> Iterator[ProjectRule]:
    """The rules of a project by name; why others are not used goes to ``problems``."""
    try:
        with os.scandir(_inside(root, RULES_FOLDER)) as listing:
            names = sorted(entry.name for entry in islice(listing, _MAX_LISTED) if entry.name.endswith(".md"))
    except (OSError, Unusable):
        return
    for name in names:
        try:
            yield rule_of(name.removesuffix(".md"), _text(root, f"{RULES_FOLDER}/{name}"))
        except Unusable as error:
            problems.append(f"{RULES_FOLDER}/{name} {error}")


def _context(root: Path, problems: list[str]) -> tuple[str, str]:
    """The context of a project, and the file that it is from."""
    for name in CONTEXT_FILES:
        if not os.path.lexists(root / name):
            continue
        try:
            context, is_whole = context_of(_text(root, name))
        except Unusable as error:
            problems.append(f"{name} {error}")
            return "", ""
        if not is_whole:
            problems.append(f"{name} is longer than {MAX_CONTEXT:,} characters; the rest of it is not used")
        return context, name if context else ""
    return "", ""


def _text(root: Path, name: str) -> str:
    """Raises ``Unusable``."""
    try:
        raw = read_file(_inside(root, name), _MAX_BYTES)
        # Of a longer file, the last character may be there in part.
        return getincrementaldecoder("utf-8")().decode(raw, final=len(raw) < _MAX_BYTES)
    except UnicodeDecodeError:
        raise Unusable("is not in UTF-8") from None
    except OSError as error:
        raise Unusable(f"cannot be read: {error.strerror or error}") from None


def _inside(root: Path, name: str) -> Path:
    """Where a file of a project really is. Raises ``Unusable`` if that is elsewhere."""
    real = Path(os.path.realpath(root / name))
    if not real.is_relative_to(os.path.realpath(root)):
        raise Unusable("is a link out of the project")
    return real
