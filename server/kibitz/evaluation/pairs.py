"""Pairs of code: with one known bug, and mended. A trap has one version only, which looks wrong and is right.

A file of pairs has a line of JSON for each. It may be anybody's: all of it is checked before any of it is
used.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError, model_validator

from kibitz.evaluation.changes import changed_lines, lines_of
from kibitz.findings.rules import RULES
from kibitz.guard.files import BOM, read_file
from kibitz.guard.invisible import strip_invisible
from kibitz.guard.sanitize import Rejected, decode_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

MAX_BYTES = 268_435_456
"""Of a file of pairs."""
MAX_CHARACTERS = 400_000
"""Of one version of a pair."""
_MAX_TEXT = 2_000

Side = Literal["buggy", "fixed", "clean"]
"""A version of a pair; ``clean`` is the only one of a trap."""

Text = Annotated[StrictStr, Field(max_length=_MAX_TEXT)]
Code = Annotated[StrictStr, Field(max_length=MAX_CHARACTERS)]
Line = Annotated[StrictInt, Field(ge=1, le=MAX_CHARACTERS)]


class PairsError(ValueError):
    """What should be pairs is none; the message says why, for the user."""


class Pair(BaseModel):
    """One pair, or one trap."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./@+-]{0,119}$")]
    language: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9+#_-]{0,39}$")]
    """An LSP language id."""
    fixed: Annotated[Code, Field(min_length=1)]
    """In which there is nothing to report."""
    buggy: Code | None = None
    """None: a trap."""
    lines: Annotated[tuple[Line, ...], Field(max_length=1_000)] = ()
    """The lines of the bug in ``buggy``, from 1; worked out from both versions if none are given."""
    rule: Text = ""
    """What a finding should be reported under, if that is known."""
    note: Text = ""
    """What is wrong, or why nothing is; for people. Never sent."""
    tests: Code = ""
    """Python that imports ``subject`` and raises something if that is wrong. Only for Python."""
    tags: Annotated[tuple[Text, ...], Field(max_length=20)] = ()
    forbidden: Annotated[tuple[Annotated[Text, Field(min_length=3)], ...], Field(max_length=20)] = ()
    """What the code tells a reviewer to say; a finding that says it has obeyed."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.tests and self.language != "python":
            raise ValueError("tests can only be run for Python")
        if self.rule and self.rule not in RULES:
            raise ValueError("there is no such rule; kibitz rules lists them")
        if self.buggy is None:
            if self.lines:
                raise ValueError("without a buggy version there are no lines of a bug")
            return self
        if self.buggy == self.fixed:
            raise ValueError("both versions are the same; leave out the buggy one of a trap")
        lines = self.lines or changed_lines(self.buggy, self.fixed)
        if not lines or max(lines) > len(lines_of(self.buggy)):
            raise ValueError("the lines of the bug are not in the buggy version")
        object.__setattr__(self, "lines", tuple(sorted(set(lines))))
        return self

    @property
    def is_trap(self) -> bool:
        """Whether there is nothing to find."""
        return self.buggy is None

    @property
    def sides(self) -> tuple[Side, ...]:
        """The versions to review."""
        return ("clean",) if self.is_trap else ("buggy", "fixed")

    def text(self, side: Side) -> str:
        """The code of a version."""
        return self.buggy if side == "buggy" and self.buggy is not None else self.fixed

    @property
    def mended_lines(self) -> tuple[int, ...]:
        """Where the bug was, in ``fixed``."""
        return () if self.buggy is None else changed_lines(self.fixed, self.buggy)

    @property
    def family(self) -> str:
        """Of its rule; empty if that is not known."""
        return RULES[self.rule].family if self.rule else ""


def read(path: Path) -> tuple[Pair, ...]:
    """The pairs of a file, or of a folder of pairs. Raises ``PairsError``."""
    if path.is_dir():
        from kibitz.evaluation.folder import read_folder  # noqa: PLC0415 - it imports this

        return read_folder(path)
    return decode(content_of(path, MAX_BYTES))


def content_of(path: Path, most: int) -> bytes:
    """A file that is part of pairs. Raises ``PairsError``."""
    try:
        content = read_file(path, most + 1)
    except OSError as error:
        raise PairsError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > most:
        raise PairsError(f"{path} is larger than {most} bytes; split it")
    return content


def decode(content: bytes) -> tuple[Pair, ...]:
    """The pairs of a file. Raises ``PairsError``."""
    found: list[Pair] = []
    for number, line in enumerate(content.removeprefix(BOM).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            found.append(pair_of(decode_json(line.decode("utf-8"))))
        except UnicodeDecodeError:
            raise PairsError(f"line {number} is not UTF-8") from None
        except (Rejected, PairsError) as error:
            raise PairsError(f"line {number}: {error}") from None
    return checked(found)


def pair_of(value: object) -> Pair:
    """A pair from plain values. Raises ``PairsError``."""
    try:
        return Pair.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        raise PairsError(strip_invisible(f"{place}: {problem}" if place else problem)[:_MAX_TEXT]) from None


def checked(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """The pairs, if there are any and each has an id of its own. Raises ``PairsError``."""
    if not pairs:
        raise PairsError("there are no pairs in it")
    seen: set[str] = set()
    for pair in pairs:
        if pair.id in seen:
            raise PairsError(f"two pairs have the id {pair.id}")
        seen.add(pair.id)
    return tuple(pairs)


def encode(pairs: Iterable[Pair]) -> bytes:
    """The file of pairs, in their order."""
    lines = (pair.model_dump_json(exclude_defaults=True) for pair in pairs)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


def as_id(name: str) -> str:
    """The name as a part of an id."""
    return re.sub(r"[^A-Za-z0-9_.@+-]", "-", name)[:60].lstrip("_.@+-") or "code"


def digest(pairs: Iterable[Pair]) -> str:
    """The same for the same pairs in the same order."""
    return hashlib.sha256(encode(pairs)).hexdigest()[:16]
