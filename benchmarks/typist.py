"""Somebody who types: a file with bugs in it, and what is typed into it, key by key, at real intervals."""

from __future__ import annotations

import random
from dataclasses import dataclass

FUNCTIONS = 200
LINES_EACH = 10
BUGGY = 30
BUG = ("len(value_", "len(values_")
"""What is wrong in every buggy function, and what would be right."""

_KEY_SECONDS, _KEY_SIGMA = 0.16, 0.45
"""The median between two keys (about 60 words a minute), and the spread of its logarithm."""
_LINE_SECONDS = (0.3, 1.2)
_TASK_SECONDS = (1.5, 4.0)
_TYPO_EVERY = 25


@dataclass(frozen=True, slots=True)
class Stroke:
    """One key: after a pause (in seconds), ``text`` takes the place of what is from ``start`` to ``end``."""

    pause: float
    start: int
    end: int
    text: str


def program(functions: int = FUNCTIONS, buggy: int = BUGGY) -> str:
    """So many functions of ten lines each, in Python; ``buggy`` of them are wrong."""
    return "".join(_function(number, wrong=number * buggy % functions < buggy) for number in range(functions))


def _function(number: int, *, wrong: bool) -> str:
    mean = f"{BUG[0] if wrong else BUG[1]}{number})"
    return (
        f"def step_{number}(values_{number}, limit={number}):\n"
        f'    """The mean of what is below the limit {number}."""\n'
        f"    total, found = 0, {number}\n"
        f"    for each in values_{number}:\n"
        f"        if each < limit + {number}:\n"
        f"            total += each\n"
        f"            found += 1\n"
        f"    print(found, limit * {number})\n"
        f"    return total / {mean}\n"
        "\n"
    )


class Typist:
    """Types ``count`` keys; the same ones for the same seed."""

    def __init__(self, text: str, seed: int) -> None:
        self._text = text
        self._random = random.Random(seed)  # noqa: S311 - not for secrets
        self._strokes: list[Stroke] = []
        self._pause = 0.0

    def strokes(self, count: int) -> list[Stroke]:
        """The keys, in order; each counts in the text that the ones before it left."""
        tasks = (self._new_function, self._edit_wrong_line, self._new_lines, self._rename, self._mend)
        while len(self._strokes) < count:
            for task in tasks:
                self._pause += self._random.uniform(*_TASK_SECONDS)
                task()
        return self._strokes[:count]

    # What there is to do

    def _new_function(self) -> None:
        """Write a new one between two others."""
        at = self._text.index(f"def step_{self._random.randrange(FUNCTIONS)}(")
        name = f"extra_{len(self._strokes)}"
        self._type(
            at, f"def {name}(first, second):\n    third = first * second\n    return third - first\n\n"
        )

    def _edit_wrong_line(self) -> None:
        """Type into a line with a finding, and take it back."""
        at = self._find_bug() - len(" / ")
        self._type(at, " * 100")
        self._rub_out(at + len(" * 100"), len(" * 100"))

    def _new_lines(self) -> None:
        """Type a line above one with a finding."""
        at = self._text.rindex("\n", 0, self._find_bug()) + 1
        self._type(at, "    total = float(total)\n")

    def _rename(self) -> None:
        """Write a name in a right line anew."""
        at = self._text.index(
            "found += 1", self._text.index(f"def step_{self._random.randrange(FUNCTIONS)}(")
        )
        self._rub_out(at + len("found"), len("found"))
        self._type(at, "found")

    def _mend(self) -> None:
        """Mend a bug by hand."""
        self._type(self._find_bug() + len("len(value"), "s")

    def _find_bug(self) -> int:
        """Where one of the bugs that are left is."""
        places = [at for at in range(len(self._text)) if self._text.startswith(BUG[0], at)]
        return self._random.choice(places)

    # How it is typed

    def _type(self, at: int, text: str) -> None:
        for typed in text:
            if self._random.randrange(_TYPO_EVERY) == 0:
                self._press(at, at, "q")
                self._press(at, at + 1, "")
            self._press(at, at, typed)
            at += 1
            if typed == "\n":
                self._pause += self._random.uniform(*_LINE_SECONDS)

    def _rub_out(self, end: int, count: int) -> None:
        for at in range(end, end - count, -1):
            self._press(at - 1, at, "")

    def _press(self, start: int, end: int, text: str) -> None:
        pause = self._pause + self._random.lognormvariate(0, _KEY_SIGMA) * _KEY_SECONDS
        self._strokes.append(Stroke(pause, start, end, text))
        self._text = self._text[:start] + text + self._text[end:]
        self._pause = 0.0
