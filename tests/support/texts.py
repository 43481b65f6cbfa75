"""Texts that positions go wrong in, and the slow, obvious way to count in them."""

from __future__ import annotations

from hypothesis import strategies as st

from kibitz.text.lines import Encoding, Position

NASTY = (
    "a",
    "b",
    " ",
    "\r",
    "\n",
    "\r\n",
    "\x0c",
    "\u2028",
    "\x85",
    "\x1c",
    "\t",
    "😀",
    "é",
    "\ud83d",
    "\ude00",
)
"""Terminators, what ``str.splitlines`` takes for terminators, wide characters, lone surrogates."""

texts = st.lists(st.sampled_from(NASTY), max_size=30).map("".join)
encodings = st.sampled_from(Encoding)


def naive_lines(text: str) -> list[tuple[int, int, int]]:
    """(start, end, limit) of every line, one character at a time."""
    lines = []
    start = at = 0
    while at < len(text):
        if text[at] == "\r" and text[at + 1 : at + 2] == "\n":
            lines.append((start, at, at + 2))
            start = at = at + 2
        elif text[at] in "\r\n":
            lines.append((start, at, at + 1))
            start = at = at + 1
        else:
            at += 1
    lines.append((start, at, at))
    return lines


def naive_width(character: str, encoding: Encoding) -> int:
    """Columns of one code point."""
    point = ord(character)
    match encoding:
        case Encoding.UTF32:
            return 1
        case Encoding.UTF16:
            return 2 if point > 0xFFFF else 1
        case Encoding.UTF8:
            return next(
                width for width, limit in enumerate((0x80, 0x800, 0x10000, 0x110000), 1) if point < limit
            )


def naive_offset(text: str, position: Position, encoding: Encoding) -> int:
    """The offset of a position, one character at a time."""
    lines = naive_lines(text)
    if position.line < 0:
        return 0
    if position.line >= len(lines):
        return len(text)
    start, end, _ = lines[position.line]
    column = 0
    for offset in range(start, end):
        column += naive_width(text[offset], encoding)
        if column > position.character:
            return offset
    return end


def naive_position(text: str, offset: int, encoding: Encoding) -> Position:
    """The position of an offset within the text, one character at a time."""
    for number, (start, end, limit) in enumerate(naive_lines(text)):
        if offset < limit or limit == len(text) == offset == end:
            stop = min(offset, end)
            return Position(number, sum(naive_width(text[at], encoding) for at in range(start, stop)))
    raise AssertionError(f"{offset} is not in {text!r}")
