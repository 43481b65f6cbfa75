"""Damages what was well-formed: bytes at random places, and JSON in the ways that parsers trip over."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

NASTY: Sequence[str] = (
    "",
    "\x00",
    "\ud800",
    "\u202e\u2066",
    "\u2028\x0c\x85",
    "\r\n\r",
    "😀é",
    "\x1b[2J\x07",
    "](http://evil.example)",
    "command:x",
    "../../etc/passwd",
    "%%%",
    "file://",
    "file:///a%00b",
    "untitled:b.py",
    "Content-Length: 5\r\n\r\n",
    "x" * 300,
    "(" * 2000,
    "bug1\n",
    "{" * 40,
)
_SCALARS: Sequence[Any] = (
    None,
    True,
    False,
    0,
    -1,
    0.5,
    2**31 - 1,
    2**31,
    -(2**31),
    2**64,
    10**400,
    float("inf"),
    float("nan"),
    [],
    {},
    [None],
    {"uri": "untitled:a.py"},
)
_SLICE = 24


def nasty(chance: random.Random) -> Any:
    """A value that nobody expects."""
    # Copies: what is made of them is changed further.
    match chance.randrange(8):
        case 0 | 1 | 2:
            return chance.choice(NASTY)
        case 3:
            deep: Any = copy.deepcopy(chance.choice(_SCALARS))
            for _ in range(chance.choice((3, 30, 300))):
                deep = [deep] if chance.randrange(2) else {"a": deep}
            return deep
        case 4:
            return chance.randrange(-(2**33), 2**33)
        case _:
            return copy.deepcopy(chance.choice(_SCALARS))


def twisted(value: Any, chance: random.Random) -> Any:
    """The same JSON, but for one node that is replaced, left out, doubled or moved; may change ``value``."""
    places = list(_places(value))
    if not places:
        return nasty(chance)
    holder, name = chance.choice(places)
    match chance.randrange(6):
        case 0:
            del holder[name]
        case 1:
            other_holder, other = chance.choice(places)
            _put(holder, name, _at(other_holder, other))
        case 2 if isinstance(holder, list):
            holder.insert(name, nasty(chance))
        case 3 if isinstance(holder, dict):
            holder[chance.choice(NASTY)] = nasty(chance)
        case 4:
            _put(holder, name, [_at(holder, name)] * chance.randrange(3))
        case _:
            _put(holder, name, nasty(chance))
    return value


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Up to four small damages, anywhere."""
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data) + 1)
        to = at + chance.randrange(_SLICE)
        data = chance.choice(_DAMAGES)(data, at, to, chance)
    return data


def _flipped(data: bytes, at: int, _to: int, chance: random.Random) -> bytes:
    mask = 1 << chance.randrange(8)
    return data[:at] + bytes(byte ^ mask for byte in data[at : at + 1]) + data[at + 1 :]


def _inserted(data: bytes, at: int, to: int, chance: random.Random) -> bytes:
    return data[:at] + chance.randbytes(to - at) + data[at:]


def _said(data: bytes, at: int, _to: int, chance: random.Random) -> bytes:
    return data[:at] + chance.choice(NASTY).encode("utf-8", "surrogatepass") + data[at:]


def _cut(data: bytes, at: int, to: int, _chance: random.Random) -> bytes:
    return data[:at] + data[to:]


def _repeated(data: bytes, at: int, to: int, chance: random.Random) -> bytes:
    return data[:at] + data[at:to] * chance.choice((2, 3, 50)) + data[to:]


def _truncated(data: bytes, at: int, _to: int, _chance: random.Random) -> bytes:
    return data[:at]


def _moved(data: bytes, at: int, to: int, chance: random.Random) -> bytes:
    there = chance.randrange(len(data) + 1)
    return data[:there] + data[at:to] + data[there:]


def _renumbered(data: bytes, at: int, _to: int, chance: random.Random) -> bytes:
    """Another number in the place of the next digit: lengths, versions and positions are numbers."""
    for place in range(at, min(at + 200, len(data))):
        if data[place : place + 1].isdigit():
            number = chance.choice((b"0", b"-1", b"99", b"1e999", b"4294967296", b"1" * 4400))
            return data[:place] + number + data[place + 1 :]
    return data


_DAMAGES: Sequence[Callable[[bytes, int, int, random.Random], bytes]] = (
    _flipped,
    _inserted,
    _said,
    _cut,
    _repeated,
    _truncated,
    _moved,
    _renumbered,
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Each node of a tree, as what holds it and its name there."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        names = holder if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for name in names:
            found.append((holder, name))
            waiting.append(holder[name])
    return found


def _at(holder: Any, name: Any) -> Any:
    try:
        return holder[name]
    except (KeyError, IndexError):
        return None


def _put(holder: Any, name: Any, new: Any) -> None:
    # A node that was put into itself would be endless.
    holder[name] = None if new is holder or _holds(new, holder) else new


def _holds(outer: Any, inner: Any) -> bool:
    return any(each is inner for holder, name in _places(outer) for each in (holder, _at(holder, name)))
