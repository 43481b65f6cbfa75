"""One dismissal, and the line of JSON that it is kept as. What is read may be anybody's: all is checked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from hashlib import sha256

from kibitz.findings.fingerprint import LENGTH
from kibitz.guard.invisible import strip_invisible
from kibitz.guard.sanitize import plain

MAX_REASON = 300
MAX_LINE = 8_000
_MAX_PATH = 4_096
_FINGERPRINT = re.compile(rf"[0-9a-f]{{{LENGTH}}}")
_RULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_-]{0,99}")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True, slots=True)
class Dismissal:
    """What somebody does not want to see: one finding, wherever it moves, or a rule in one file."""

    rule: str
    fingerprint: str = ""
    """Of the finding; empty: all findings under the rule in ``file``."""
    file: str = ""
    """Relative to ``root``, with ``/``. For a finding, where it was dismissed: for people."""
    root: str = ""
    """The project's folder; empty in the file that a team keeps in it."""
    reason: str = ""
    at: str = ""
    """When, in UTC: ``2026-11-24T09:12:43Z``."""

    @property
    def key(self) -> tuple[str, ...]:
        """Two with the same key dismiss the same; sorts those of findings by fingerprint."""
        return (self.fingerprint,) if self.fingerprint else ("~", self.root, self.file, self.rule)

    @property
    def name(self) -> str:
        """What people call it by: the fingerprint, or one of a rule in a file."""
        return self.fingerprint or sha256(json.dumps(self.key).encode("ascii")).hexdigest()[:LENGTH]


def encode(dismissal: Dismissal) -> str:
    """The line, in ASCII, without its end."""
    value = {name: said for name in _NAMES if (said := getattr(dismissal, name))}
    return json.dumps(value)


def decode(line: str) -> Dismissal | None:
    """The dismissal in a line; None if it is none, or has more to say than this version knows."""
    if len(line) > MAX_LINE:
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not value.keys() <= set(_NAMES):
        return None
    if not all(isinstance(said, str) for said in value.values()) or "rule" not in value:
        return None
    dismissal = Dismissal(**value)
    return dismissal if _is_sound(dismissal) else None


def worded(reason: str) -> str:
    """A reason as it is kept: one line of plain text."""
    return plain(reason, MAX_REASON)


def _is_sound(dismissal: Dismissal) -> bool:
    parts = dismissal.file.split("/")
    return bool(
        _RULE.fullmatch(dismissal.rule)
        and (_FINGERPRINT.fullmatch(dismissal.fingerprint) if dismissal.fingerprint else dismissal.file)
        and (not dismissal.file or not {"", ".", ".."}.intersection(parts))
        and all(_is_path(path) for path in (dismissal.file, dismissal.root))
        and (not dismissal.at or _DATE.fullmatch(dismissal.at))
        and worded(dismissal.reason) == dismissal.reason
    )


def _is_path(text: str) -> bool:
    return len(text) <= _MAX_PATH and strip_invisible(text) == text


# In this order in each line: sorted lines are in the order of fingerprints.
_ORDER = ("fingerprint", "file", "root", "rule", "reason", "at")
_NAMES = tuple(sorted((each.name for each in fields(Dismissal)), key=_ORDER.index))
