"""What kibitz says when something is wrong, taken from its source: texts with gaps where values come."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = ROOT / "server" / "kibitz"
GAP = "…"
ERRORS = frozenset(
    {
        *("APIError", "ConfigError", "InvalidResponse", "RateLimitExceeded", "Timeout"),
        *("EngineError", "LocalModelError", "WeightsError", "StateUnavailable", "UnusualUsageError"),
        *("ClickException", "UsageError", "NotPrivateError", "Refused", "_UnusableError", "_NotTighterError"),
    }
)
"""What is raised with words for people."""
SAYING = frozenset({"say", "show", "once", "refuse", "_refused", "Silence", "Line"})
"""What is called with them."""
SECOND = frozenset({"Refused", "once", "refuse", "_refused", "Line"})
"""Of these, the second argument is what is said, and of others the first; what comes after that is advice."""
SHORTEST = 12
"""Letters and blanks of a text of its own; what has fewer passes on what another one says."""
NOT_FAULTS = frozenset(
    {
        *(
            "Interrupted.",
            "… written",
            "… findings fixed",
            "… in …",
            "kibitz: …",
            "kibitz: …: ….",
            "kibitz doctor: ……… …",
        ),
        "… asked now; all answers of the run took …",
        "this machine has no OpenMP runtime, which the engine needs: fetched …",
    }
)


@dataclass(frozen=True, slots=True)
class Message:
    """One text."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"

    @property
    def has_words(self) -> bool:
        """Whether it says something of its own."""
        return len(re.sub(r"[^A-Za-z ]", "", self.text).strip()) >= SHORTEST and self.text not in NOT_FAULTS


def every() -> Iterator[Message]:
    """Each string of the package that reads like words, docstrings left out: what a quote may be of."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in _strings(_tree(path)):
            if text := words(node):
                yield Message(f"{path.relative_to(SOURCE)}:{node.lineno}", text)


def shown() -> Iterator[Message]:
    """What is said for certain: the errors for people, and what is told to the user."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(_tree(path)):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func).rpartition(".")[2]
            place = int(name in SECOND)
            if name not in ERRORS | SAYING or len(node.args) <= place:
                continue
            if name == "Line" and ast.unparse(node.args[0]) != "State.PROBLEM":
                continue
            if text := words(node.args[place]):
                yield Message(f"{path.relative_to(SOURCE)}:{node.lineno}", text)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _strings(tree: ast.Module) -> Iterator[ast.expr]:
    inside = set[int]()
    for node in ast.walk(tree):
        if id(node) in inside or not isinstance(node, ast.JoinedStr | ast.Constant | ast.BinOp):
            continue
        if words(node):
            inside |= {id(each) for each in ast.walk(node)}
            yield node


def words(node: ast.expr) -> str:
    """The text of a string with gaps; empty if it is none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(words(each) if isinstance(each, ast.Constant) else GAP for each in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = words(node.left), words(node.right)
        return f"{left or GAP}{right or GAP}" if left or right else ""
    return ""
