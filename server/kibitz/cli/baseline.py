"""A file of findings that are known and not to be told again, a line of JSON for each: made to be committed.

What is read may be anybody's: all of it is checked, and a file that is not all in order is no baseline.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from kibitz.findings.fingerprint import LENGTH
from kibitz.guard.files import BOM, read_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_BYTES = 16_777_216
_VERSION = 1
_HEADER = {"kibitz": "baseline", "version": _VERSION}
MAX_COUNT = 10_000
MAX_TITLE = 200
_MAX_PATH = 4_096
_FINGERPRINT = re.compile(rf"[0-9a-f]{{{LENGTH}}}")
_RULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_-]{0,99}")


class BaselineError(Exception):
    """A file is no baseline; the message says why, for the user."""


@dataclass(frozen=True, slots=True, order=True)
class Known:
    """Equal findings of one file."""

    path: str
    """Relative to the baseline's folder, with ``/``."""
    rule: str
    fingerprint: str
    count: int
    title: str = ""
    """For people."""


def read(file: Path) -> tuple[Known, ...]:
    """What a baseline holds. Raises ``BaselineError``."""
    try:
        content = read_file(file, MAX_BYTES + 1)
    except FileNotFoundError:
        raise BaselineError("there is no such file; make it with --write-baseline") from None
    except OSError as error:
        raise BaselineError(f"it cannot be read: {error.strerror or error}") from error
    return decode(content)


def name_of(path: Path | str, folder: Path) -> str:
    """What a file is called in a baseline that lies in ``folder``, a path without links."""
    return os.path.relpath(os.path.realpath(path), folder).replace(os.sep, "/")


def encode(every: Iterable[Known]) -> bytes:
    """The file, in ASCII: sorted, so that it changes no more than what it says."""
    lines = [json.dumps(_HEADER), *(json.dumps(asdict(each)) for each in sorted(every))]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def decode(content: bytes) -> tuple[Known, ...]:
    """What the file says, sorted, each once. Raises ``BaselineError``."""
    if len(content) > MAX_BYTES:
        raise BaselineError(f"it is larger than {MAX_BYTES} bytes; make one for each folder")
    lines = enumerate(content.removeprefix(BOM).split(b"\n"), start=1)
    filled = [(number, line) for number, line in lines if line.strip()]
    if not filled:
        raise BaselineError("it is empty, and not a baseline")
    _check_header(_value(filled[0][1]))
    every = sorted(_known(number, line) for number, line in filled[1:])
    # Where two branches were merged, both may have added the same.
    return tuple(max(equal) for _, equal in groupby(every, key=attrgetter("path", "rule", "fingerprint")))


def _check_header(header: object) -> None:
    if not isinstance(header, dict) or header.get("kibitz") != _HEADER["kibitz"]:
        raise BaselineError("it is not a baseline")
    version = header.get("version")
    if type(version) is int and version > _VERSION:
        raise BaselineError(f"it was written by a newer kibitz (format {version}); update this one")
    if header != _HEADER or type(version) is not int:
        raise BaselineError("its first line is damaged")


def _known(number: int, line: bytes) -> Known:
    value = _value(line)
    if isinstance(value, dict) and value.keys() == set(_TYPES):
        known = Known(**value)
        if _is_sound(known):
            return known
    raise BaselineError(f"line {number} is damaged; mend it, or write the file anew with --write-baseline")


def _value(line: bytes) -> object:
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value


def _is_sound(known: Known) -> bool:
    if any(type(getattr(known, name)) is not kind for name, kind in _TYPES.items()):
        return False
    return bool(
        _RULE.fullmatch(known.rule)
        and _FINGERPRINT.fullmatch(known.fingerprint)
        and 1 <= known.count <= MAX_COUNT
        and len(known.title) <= MAX_TITLE
        and _is_path(known.path)
    )


def _is_path(path: str) -> bool:
    """Whether a file can have it, and it leads up, if at all, before it leads down."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    parts = path.split("/")
    while len(parts) > 1 and parts[0] == "..":
        del parts[0]
    return len(path) <= _MAX_PATH and "\0" not in path and not {"", ".", ".."}.intersection(parts)


_TYPES = {each.name: int if each.name == "count" else str for each in fields(Known)}
