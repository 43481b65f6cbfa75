"""What Jupyter adds to Python: commands for the kernel and the shell between the statements. Pure.

They are no Python: where one stands, a parser and a model must see something of the same length that is.
"""

from __future__ import annotations

import re

from kibitz.text.lines import LineIndex

_MAYBE = re.compile(r"^[ \t]*[%!?]|=[ \t]*[%!]|\?[ \t]*$", re.MULTILINE)
"""Texts without that hold no command."""
_CELL = re.compile(r"\s*%%\w")
_OF_PYTHON = re.compile(r"\s*%%(?:time|timeit|capture|prun|debug|heat|memit|mprun)\b")
"""Cell commands after which Python follows; after all others, something else does."""
_FIRST = re.compile(r"\s*[^\r\n]*")
_SHELL = re.compile(r"[ \t]*(?:!(?!=)|\?)")
_LINE = re.compile(r"[ \t]*%|[ \t]*[\w.]+\?{1,2}[ \t]*$")
_ASSIGNED = re.compile(r"[\w.,\[\] \t]+=[ \t]*(?=[%!])")
_TOKEN = re.compile(r"""#|"{3}|'{3}|"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|[(\[{]|[)\]}]""")
_TRIPLES = {'"""': re.compile(r'(?:\\.|[^\\])*?"""'), "'''": re.compile(r"(?:\\.|[^\\])*?'''")}


def python_of(text: str) -> str:
    """The cell's text with comments, or blanks, in place of commands; each code point where it was."""
    if not _MAYBE.search(text):
        return text
    first = _FIRST.match(text)
    if first is not None and _CELL.match(text) and not _OF_PYTHON.match(text):
        # That line says whose language follows.
        return _commented(first[0]) + re.sub(r"[^\r\n]", " ", text[first.end() :])
    lines = LineIndex(text)
    state = _State()
    return "".join(
        state.python_of(lines.line_text(number)) + text[lines.line_end(number) : lines.line_limit(number)]
        for number in range(lines.line_count)
    )


class _State:
    """What is open at a line's start."""

    def __init__(self) -> None:
        self._quote = ""
        self._depth = 0
        self._command = False
        """Whether the line before was a command, and goes on."""
        self._continued = False

    def python_of(self, line: str) -> str:
        if not self._quote:
            if self._command or _SHELL.match(line) or (self._at_rest and _LINE.match(line)):
                self._command = line.endswith("\\")
                return _commented(line)
            assigned = _ASSIGNED.match(line) if self._at_rest else None
            if assigned is not None:
                self._command = line.endswith("\\")
                # ``_`` is a value that nobody knows, in Jupyter.
                return assigned[0] + _shaped("_#", line[assigned.end() :])
        self._read(line)
        return line

    @property
    def _at_rest(self) -> bool:
        return not self._depth and not self._continued

    def _read(self, line: str) -> None:
        self._continued, at = False, 0
        if self._quote:
            at = self._closed(line, 0)
        while not self._quote and (token := _TOKEN.search(line, at)) is not None:
            at = token.end()
            if token[0] == "#":
                return
            if token[0] in _TRIPLES:
                self._quote = token[0]
                at = self._closed(line, at)
            elif token[0] in "([{":
                self._depth += 1
            elif token[0] in ")]}":
                self._depth = max(self._depth - 1, 0)
        self._continued = not self._quote and line.endswith("\\")

    def _closed(self, line: str, at: int) -> int:
        """Where the open string ends; it stays open if that is not on this line."""
        closing = _TRIPLES[self._quote].match(line, at)
        if closing is None:
            return len(line)
        self._quote = ""
        return closing.end()


def _commented(line: str) -> str:
    bare = line.lstrip()
    indent = line[: len(line) - len(bare)]
    # In a block, which may hold nothing else, it stands for a statement.
    return indent + _shaped("pass#" if indent.strip("\r\n") and len(bare) >= len("pass") else "#", bare)


def _shaped(head: str, line: str) -> str:
    """The line begun by ``head``, no longer than it was."""
    return (head + line[len(head) :])[: len(line)]
