"""Reads the sources into plain entries. Nothing is validated here but what belongs to the source itself."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kibitz.config.owners import Source
from kibitz.config.places import FILE_VARIABLE
from kibitz.config.problems import Problem, show
from kibitz.config.settings import is_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PREFIX = "KIBITZ_"
# Variables that name places, not settings: this file, the embedded models (kibitz.local), what is remembered
# between runs (kibitz.state).
_PLACES = frozenset({FILE_VARIABLE, "KIBITZ_MODEL_DIR", "KIBITZ_STATE_DIR"})
_CONVENTIONAL = {"OPENAI_API_KEY": "api_key", "OPENAI_BASE_URL": "base_url"}
_MAX_FILE_BYTES = 1_048_576
_SECTION = "kibitz"
# What editors keep in a server's section for their own client.
_EDITORS_OWN = frozenset({"trace", "path", "args", "command", "importStrategy", "interpreter"})
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Entry:
    """A value as its source gave it."""

    name: str
    """The setting's name; as written when there is no such setting."""
    value: object
    source: Source
    where: str


@dataclass(slots=True)
class Reading:
    """What one source gave."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def from_file(path: Path, *, must_exist: bool) -> Reading:
    """The entries of the TOML file at ``path``. That it is not there is a problem only if ``must_exist``."""
    where = f"user file {path}"
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            table = _parsed(file.read(_MAX_FILE_BYTES + 1))
    except (FileNotFoundError, NotADirectoryError):
        return (
            Reading() if not must_exist else _refused(where, "there is no such file", f"See {FILE_VARIABLE}")
        )
    except OSError as error:
        return _refused(where, f"it cannot be read ({error.strerror or error})")
    except _UnusableError as error:
        return _refused(where, str(error), "None of its settings apply")
    reading = Reading()
    for name, value in table.items():
        if is_secret(name) and (why := _exposed(status)):
            advice = f"Run: chmod 600 {path}"
            reading.problems.append(Problem(name, Source.FILE, where, show(value, secret=True), why, advice))
        else:
            reading.entries.append(Entry(name, value, Source.FILE, where))
    return reading


class _UnusableError(Exception):
    """The file's content is no table of settings; the message says why, and where."""


def _parsed(raw: bytes) -> dict[str, Any]:
    if len(raw) > _MAX_FILE_BYTES:
        raise _UnusableError(f"it is larger than {_MAX_FILE_BYTES} bytes")
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _UnusableError(f"it is not UTF-8 (line {line})") from error
    except tomllib.TOMLDecodeError as error:
        raise _UnusableError(f"it is not valid TOML: {error}") from error
    except ValueError as error:
        # Python reads no number of more than 4,300 digits, and tomllib passes that on as it is.
        raise _UnusableError("it holds a number that is too long") from error
    except RecursionError as error:
        raise _UnusableError("it is nested too deeply") from error


def _refused(where: str, reason: str, advice: str = "") -> Reading:
    return Reading(problems=[Problem("", Source.FILE, where, "", reason, advice)])


def _exposed(status: os.stat_result) -> str | None:
    if os.name != "posix":
        return None
    if status.st_mode & 0o077:
        return f"other users of this machine may read the file (mode {stat.S_IMODE(status.st_mode):o})"
    if status.st_uid not in {os.geteuid(), 0}:
        return "the file belongs to another user"
    return None


def from_environment(environ: Mapping[str, str]) -> Reading:
    """``KIBITZ_*``, and the conventional names where the ``KIBITZ_`` one is not set. Empty means not set."""
    reading = Reading()
    given = {name: value for name, value in environ.items() if value}
    for variable, name in _CONVENTIONAL.items():
        if variable in given and PREFIX + name.upper() not in given:
            reading.entries.append(Entry(name, given[variable], Source.ENVIRONMENT, _variable(variable)))
    for variable in sorted(given):
        if variable.startswith(PREFIX) and variable not in _PLACES:
            name = variable.removeprefix(PREFIX).lower()
            reading.entries.append(Entry(name, given[variable], Source.ENVIRONMENT, _variable(variable)))
    return reading


def _variable(name: str) -> str:
    return f"environment variable {_clean(name)}"


def from_command_line(given: Mapping[str, object]) -> Reading:
    """Values by setting name, as ``--setting-name`` gave them."""
    return Reading(
        [
            Entry(name, value, Source.CLI, f"option --{name.replace('_', '-')}")
            for name, value in given.items()
            if value is not None
        ]
    )


def from_editor(section: object, folder: str = "") -> Reading:
    """The LSP section ``kibitz`` (of a folder): names as here or in camelCase; null means not set."""
    reading, here = Reading(), f" for the folder {_clean(folder, 200)}" if folder else ""
    if isinstance(section, dict) and set(section) == {_SECTION}:
        section = section[_SECTION]
    if section is None or section in ([], {}, ""):
        return reading
    if not isinstance(section, dict):
        reason = f"the section should be an object, not {show(section)}"
        where = f"the editor's section “{_SECTION}”{here}"
        reading.problems.append(Problem("", Source.LSP, where, "", reason))
        return reading
    named: dict[str, Entry] = {}
    for written, value in section.items():
        if value is not None and written not in _EDITORS_OWN:
            name = _HUMP.sub("_", str(written)).lower()
            where = f"the editor's setting kibitz.{_clean(written)}{here}"
            named[name] = Entry(name, value, Source.LSP, where)
    reading.entries.extend(named.values())
    return reading


def _clean(written: object, length: int = 64) -> str:
    return repr(str(written))[1:-1][:length]
