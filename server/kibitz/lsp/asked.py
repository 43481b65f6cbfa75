"""What an editor asks at each move of the cursor: its parameters, read by hand.

cattrs makes objects of all that was sent, of each diagnostic with everything in it, which takes longer than
the answer. Here what is used is read, and refused where it is not what the protocol says; what is not used is
left as it came, and what an answer repeats goes back as it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kibitz.lsp.kinds import SOURCE
from kibitz.text.lines import Position

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_DEPTH = 100
"""Levels of a message's parameters; those of the protocol have a dozen."""
MAX_OTHERS = 5
"""So many diagnostics of other tools are read, and passed on with a place."""
_MOST = 2**31 - 1
"""The largest number of a line or a column that the protocol has."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pointed:
    """A hover: which document, and where in it."""

    uri: str
    at: Position


@dataclass(frozen=True, slots=True)
class Said:
    """What another tool says about the code."""

    sent: Json
    """The diagnostic, as it came."""
    start: Position
    end: Position
    message: str
    source: str
    code: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A menu of code actions: which document, where in it, for which diagnostics, and of which kinds."""

    uri: str
    start: Position
    end: Position
    names: frozenset[str]
    """Of those diagnostics that are ours."""
    others: Sequence[Said]
    only: Sequence[str] | None
    """None: the client named none."""


def pointed(params: Any) -> Pointed:
    """The parameters of ``textDocument/hover``. Raises LookupError, TypeError, ValueError, OverflowError."""
    return Pointed(_uri(params), _position(params["position"]))


def wanted(params: Any) -> Wanted:
    """The parameters of ``textDocument/codeAction``. Raises as ``pointed`` does."""
    start, end = _range(params["range"])
    context = params["context"]
    said = [_object(each) for each in _array(context["diagnostics"])]
    ours = [name for each in said if each.get("source") == SOURCE and (name := _name(each)) is not None]
    others = [each for each in said if each.get("source") != SOURCE][:MAX_OTHERS]
    only = context.get("only")
    return Wanted(
        _uri(params),
        start,
        end,
        frozenset(ours),
        [_said(each) for each in others],
        None if only is None else [_text(kind) for kind in _array(only)],
    )


READERS: Mapping[str, Callable[[Any], object]] = {
    "textDocument/codeAction": wanted,
    "textDocument/hover": pointed,
}
"""By method."""


def is_deep(value: object) -> bool:
    """Whether it has more than ``MAX_DEPTH`` levels: what an answer repeats of it could not be written."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def _uri(params: Any) -> str:
    return _text(params["textDocument"]["uri"])


def _range(value: Any) -> tuple[Position, Position]:
    return _position(value["start"]), _position(value["end"])


def _position(value: Any) -> Position:
    line, character = value["line"], value["character"]
    if type(line) is not int or type(character) is not int:
        line, character = int(line), int(character)
    if not (0 <= line <= _MOST and 0 <= character <= _MOST):
        raise ValueError("no position")
    return Position(line, character)


def _said(each: Json) -> Said:
    if is_deep(each):
        raise ValueError("nested too deeply")
    start, end = _range(each["range"])
    message, source, code = each["message"], each.get("source"), each.get("code")
    if isinstance(message, dict):
        message = message["value"]  # Markup, since version 3.18 of the protocol.
    return Said(
        each,
        start,
        end,
        _text(message),
        "" if source is None else _text(source),
        str(code) if isinstance(code, str | int) else "",
    )


def _name(ours: Json) -> str | None:
    data = ours.get("data")
    name = data.get("id") if isinstance(data, dict) else None
    return name if isinstance(name, str) else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _array(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no array")
    return value


def _object(value: object) -> Json:
    if not isinstance(value, dict):
        raise TypeError("no object")
    return value
