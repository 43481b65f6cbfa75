"""Makes pairs of any Python code that has tests: with one small change that these notice, and without.

That is code which no model has learned by heart. Each change is tried by running the tests: see ``testing``.
"""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibitz.evaluation.pairs import Pair, PairsError
from kibitz.evaluation.testing import Verdict, run_tests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COMPARED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_COMPUTED: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.FloorDiv: ("//", "/"),
    ast.Mod: ("%", "//"),
}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One small change: ``code[start:end]``, in UTF-8 bytes, becomes ``new``."""

    start: int
    end: int
    new: str
    rule: str
    note: str

    def of(self, code: str) -> str:
        """The code with the change."""
        raw = code.encode("utf-8")
        return (raw[: self.start] + self.new.encode("utf-8") + raw[self.end :]).decode("utf-8")


def mutations(code: str) -> list[Mutation]:
    """All changes that are known for some code, in the order of the text. Raises ``PairsError``."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise PairsError(f"it is not Python that can be parsed: {type(error).__name__}") from None
    finder = _Finder(code)
    found = [each for node in _nodes(tree) for each in finder.of(node)]
    return sorted(found, key=lambda each: (each.start, each.end, each.new))


def pairs_of(
    name: str, code: str, tests: str, *, most: int, seed: int, on_tried: Callable[[int, int], None]
) -> list[Pair]:
    """Up to ``most`` pairs, picked by ``seed``; runs the tests once for each change that is tried.

    ``on_tried`` gets how many changes were tried, and how many of these the tests notice.

    Raises:
        PairsError: the code does not parse, or does not pass its tests as it is.
    """
    candidates = mutations(code)
    if run_tests(code, tests) is not Verdict.PASSED:
        raise PairsError("the code does not pass its tests as it is, so they tell nothing")
    random.Random(seed).shuffle(candidates)  # noqa: S311 - to be the same each time
    found: list[tuple[Mutation, Pair]] = []
    for tried, mutation in enumerate(candidates, start=1):
        if len(found) == most:
            break
        buggy = mutation.of(code)
        # What does not end is no pair either: whoever checks a fix would wait for it.
        if buggy != code and _compiles(buggy) and run_tests(buggy, tests) is Verdict.FAILED:
            pair = Pair(
                id=f"{name}/{mutation.start}-{len(found) + 1}",
                language="python",
                buggy=buggy,
                fixed=code,
                rule=mutation.rule,
                note=mutation.note,
                tests=tests,
                tags=("mutant",),
            )
            found.append((mutation, pair))
        on_tried(tried, len(found))
    return [pair for _, pair in sorted(found, key=lambda each: each[0].start)]


def _nodes(root: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree, but for what is in f-strings: before Python 3.12 their places are not told."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.JoinedStr)]


def _compiles(code: str) -> bool:
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


class _Finder:
    """Finds changes in a tree. Columns of ``ast`` count UTF-8 bytes, so all places do."""

    def __init__(self, code: str) -> None:
        self._raw = code.encode("utf-8")
        starts = [0]
        for line in self._raw.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        self._starts = starts

    def of(self, node: ast.AST) -> Iterator[Mutation]:
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                yield from self._operator(left, right, *_COMPARED[type(op)], "inverted-condition")
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _COMPUTED:
                yield from self._operator(left, right, *_COMPUTED[type(op)], "wrong-value")
            case ast.Constant(value=int() as value) if not isinstance(value, bool):
                yield self._replace(node, str(value + 1), "off-by-one", f"{value} became {value + 1}")
            case ast.Call(args=[first, second, *_]) if not isinstance(first, ast.Starred):
                yield from self._swap(first, second)
            case ast.Await(value=value):
                yield self._replace(node, self._text(value), "missing-await", "an await is gone")
            case ast.Return(value=ast.expr() as value):
                yield self._replace(
                    node, "return None", "wrong-return", f"{self._text(value)} is not returned"
                )
            case ast.If(test=test, orelse=[]):
                yield self._replace(test, "False", "missing-case", f"nothing is done if {self._text(test)}")

    def _swap(self, first: ast.expr, second: ast.expr) -> Iterator[Mutation]:
        if isinstance(second, ast.Starred) or self._text(first) == self._text(second):
            return
        (start, end), (next_start, next_end) = self._place(first), self._place(second)
        between = self._raw[end:next_start].decode("utf-8")
        new = f"{self._text(second)}{between}{self._text(first)}"
        yield Mutation(start, next_end, new, "wrong-value", "two arguments changed places")

    def _operator(self, left: ast.expr, right: ast.expr, old: str, new: str, rule: str) -> Iterator[Mutation]:
        start, end = self._place(left)[1], self._place(right)[0]
        between = self._raw[start:end]
        at = between.find(old.encode())
        # Brackets and comments may stand there, too; then it has to be the only one that looks like it.
        if at >= 0 and between.count(old.encode()) == 1 and b"#" not in between:
            place = start + at
            yield Mutation(place, place + len(old.encode()), new, rule, f"{old} became {new}")

    def _replace(self, node: ast.expr | ast.stmt, new: str, rule: str, note: str) -> Mutation:
        start, end = self._place(node)
        return Mutation(start, end, new, rule, note[:200])

    def _text(self, node: ast.expr) -> str:
        start, end = self._place(node)
        return self._raw[start:end].decode("utf-8")

    def _place(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        last = node.end_lineno or node.lineno
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[last - 1] + (node.end_col_offset or 0),
        )
