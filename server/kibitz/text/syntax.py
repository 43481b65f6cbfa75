"""Syntax trees, and how many faults a text has: tree-sitter, a grammar wheel per language, loaded when used.

Everything here is bounded, because what it reads is hostile at worst and half-typed at best: a megabyte of
brackets costs tree-sitter seconds. The bound is on work, not on time, so that the same text always gets the
same answer on every machine.
"""

from __future__ import annotations

import re
import threading
from functools import cache
from importlib import import_module
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Language, Node, Point, Tree

_GRAMMARS = {
    "python": ("tree_sitter_python", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "javascriptreact": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "typescriptreact": ("tree_sitter_typescript", "language_tsx"),
    "go": ("tree_sitter_go", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "java": ("tree_sitter_java", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "ruby": ("tree_sitter_ruby", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "shellscript": ("tree_sitter_bash", "language"),
}
"""Language id -> the wheel that holds the grammar, and the function in it that returns it."""

MAX_BYTES = 1 << 20
"""UTF-8 bytes; a longer text is not parsed."""
_MAX_STEPS = 10_000
"""How often tree-sitter may report progress: about 500 times per 100 KB of code, twice that for garbage."""
_MAX_FAULTS = 10_000
_READ_BYTES = 1 << 16


class _Lent(threading.local):
    """What a thread lends to tree-sitter while that parses: one and the same object, always.

    The binding (0.26.1, ``parser_read_wrapper``) never lets go of what its callback returns, which would keep
    all that was ever parsed.
    """

    def __init__(self) -> None:
        self.part = bytearray()


_lent = _Lent()

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTINUATION = bytes(range(0x80, 0xC0))
_CHUNK_BYTES = 1024


def supports(language: str) -> bool:
    """Whether there is a grammar for the language id."""
    return language in _GRAMMARS


def encode(text: str) -> bytes:
    """The text in UTF-8, each lone surrogate replaced by U+FFFD so that offsets stay comparable."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text).encode()


class ByteOffsets:
    """Code-point offsets for tree-sitter's byte offsets into ``encode(text)``."""

    __slots__ = ("_before", "_data")

    def __init__(self, text: str) -> None:
        self._data: bytes | None = None
        self._before: list[int] = []
        if not text.isascii():
            self._data = encode(text)
            chunks = range(0, len(self._data), _CHUNK_BYTES)
            self._before = [0, *accumulate(self._characters(at, at + _CHUNK_BYTES) for at in chunks)]

    def to_points(self, offset: int) -> int:
        """The code point that byte ``offset`` starts (every node starts and ends between characters)."""
        if self._data is None:
            return offset
        chunk, rest = divmod(offset, _CHUNK_BYTES)
        return self._before[chunk] + (self._characters(offset - rest, offset) if rest else 0)

    def _characters(self, start: int, end: int) -> int:
        """How many characters begin in those bytes."""
        return len(self._data[start:end].translate(None, _CONTINUATION)) if self._data else 0


def parse(text: str, language: str) -> Tree | None:
    """The syntax tree, its offsets in bytes of ``encode(text)``.

    None if there is no grammar for the language, or the text is too large or too broken to parse in bounds.
    Takes about 20 ms for 100 KB, more for garbage: give larger texts to a thread.
    """
    if not supports(language):
        return None
    source = encode(text)
    if len(source) > MAX_BYTES:
        return None
    from tree_sitter import Parser  # noqa: PLC0415 - 11 ms that `initialize` must not wait for

    steps, part = 0, _lent.part

    def read(offset: int, _point: Point) -> bytearray:
        part[:] = source[offset : offset + _READ_BYTES]
        return part

    def enough(_offset: int, _has_error: bool) -> bool:  # noqa: FBT001 - tree-sitter's signature
        nonlocal steps
        steps += 1
        return steps > _MAX_STEPS

    try:
        # Reading by callback, not from the bytes: only then can parsing be bounded, and other threads run.
        return Parser(_grammar(language)).parse(read, progress_callback=enough)
    except ValueError:
        # The binding's way to say that ``enough`` was reached.
        return None
    finally:
        part.clear()


def faults(text: str, language: str) -> int | None:
    """How many places of the text do not parse: error nodes and missing tokens. None if it was not judged.

    Never raises. Only good for comparing two versions of a text: one slip may count several times.
    """
    tree = parse(text, language)
    if tree is None:
        return None
    count = 0
    for node in _faulty(tree.root_node):
        count += node.is_error or node.is_missing
        if count >= _MAX_FAULTS:
            break
    return count


def _faulty(root: Node) -> Iterator[Node]:
    """The nodes that have a fault in or below them, without recursion: trees can be as deep as the text."""
    stack = [root]
    while stack:
        node = stack.pop()
        if node.has_error:
            yield node
            stack.extend(node.children)


@cache
def _grammar(language: str) -> Language:
    from tree_sitter import Language  # noqa: PLC0415 - see parse()

    module, function = _GRAMMARS[language]
    return Language(getattr(import_module(module), function)())
