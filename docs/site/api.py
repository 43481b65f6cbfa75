"""Writes the reference of the public API from its source: ``python docs/site/api.py > docs/api.md``.

What is public is ``kibitz.__all__``; what is said about it are its docstrings, and the strings below its
fields. The source is read, not run, so that types and defaults look as they were written.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

import kibitz

GROUPS = {
    "The client": ("OpenAIClient", "OpenAIConfig", "RetryConfig"),
    "What is asked": ("Piece", "Context", "Diagnostic", "Span", "Priority", "Urgency"),
    "What is answered": (
        *("CodeAnalysis", "PieceAnalysis", "BatchAnalysis", "Finding", "Severity", "Confidence", "Fix"),
        *("Suggestion", "Edit", "ContextAnalysis", "Verification", "Usage"),
    ),
    "State": ("Probe", "EngineStatus"),
    "Errors": ("OpenAIError", "ConfigError", "RateLimitExceeded", "Timeout", "InvalidResponse", "APIError"),
    "Keys": ("KeyPool", "FileKeys"),
}
_HEAD = """\
# API reference

<!-- Made from the source by `python docs/site/api.py`: edit the docstrings. -->

All of `import kibitz`. [The library](library.md) shows how it is used, in programs that are run by tests. The
client is safe by itself: whatever it sends is searched for secrets, whatever comes back is checked.

What is not on this page may change at any time.
"""
_BOUNDS = {"ge": "at least {}", "gt": "more than {}", "le": "at most {}", "lt": "less than {}"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def markdown() -> str:
    """The whole page."""
    return _HEAD + "".join(_group(title, names) for title, names in GROUPS.items())


def _group(title: str, names: Sequence[str]) -> str:
    return f"\n## {title}\n" + "".join(_class(name) for name in names)


def _class(name: str) -> str:
    node = definition(getattr(kibitz, name))
    bases = [base for base in map(ast.unparse, node.bases) if base in kibitz.__all__]
    parts = [
        f"### `{name}`",
        *([f"A kind of {' and '.join(f'`{base}`' for base in bases)}."] if bases else []),
    ]
    parts += [_words(ast.get_docstring(node) or ""), "\n".join(_fields(node))]
    parts += [_function(name, each) for each in _functions(node)]
    return "\n" + "\n\n".join(filter(None, parts)) + "\n"


def definition(cls: type) -> ast.ClassDef:
    """The source of a class."""
    return next(
        node
        for node in _module(cls.__module__).body
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__
    )


@cache
def _module(name: str) -> ast.Module:
    return ast.parse(inspect.getsource(importlib.import_module(name)))


def _fields(node: ast.ClassDef) -> Iterator[str]:
    """A table of what instances have: fields, words of an enumeration, what ``__init__`` sets, properties."""
    rows = [*_declared(node), *_set(node), *_properties(node)]
    if rows:
        yield "| | |\n|---|---|"
        yield from (f"| `{left}` | {right} |" for left, right in rows)


def _declared(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for place, each in enumerate(node.body):
        name = each.target if isinstance(each, ast.AnnAssign) else None
        if isinstance(each, ast.AnnAssign) and isinstance(name, ast.Name) and not name.id.startswith("_"):
            kind, bounds = _annotation(each.annotation)
            default = "" if each.value is None else _default(each.value)
            yield f"{name.id}: {kind}{default}".replace("|", "\\|"), _cell(bounds, _below(node.body, place))
        elif isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
            target = each.targets[0].id
            if not target.startswith("_") and target != "model_config":
                yield f"{target} = {ast.unparse(each.value)}", _cell("", _below(node.body, place))


def _set(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """What ``__init__`` says of the instance, where that is said by a string."""
    for function in node.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__init__":
            for place, each in enumerate(function.body):
                said = _below(function.body, place)
                target = each.targets[0] if isinstance(each, ast.Assign) else None
                target = each.target if isinstance(each, ast.AnnAssign) else target
                if said and isinstance(target, ast.Attribute) and not target.attr.startswith("_"):
                    yield target.attr, _cell("", said)


def _properties(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and _is_property(each) and not each.name.startswith("_"):
            kind = "" if each.returns is None else f": {ast.unparse(each.returns)}"
            said = (ast.get_docstring(each) or "").partition("\n\n")[0]
            yield f"{each.name}{kind}".replace("|", "\\|"), _cell("", said)


def _functions(node: ast.ClassDef) -> Iterator[Function]:
    for each in node.body:
        if isinstance(each, Function):
            told = each.name == "__init__" and "Args:" in (ast.get_docstring(each) or "")
            if (told or not each.name.startswith("_")) and not _is_property(each):
                yield each


def _is_property(node: Function) -> bool:
    return any(ast.unparse(each) in {"property", "cached_property"} for each in node.decorator_list)


def _function(owner: str, node: Function) -> str:
    given = ast.unparse(node.args).removeprefix("self, ").removeprefix("cls, ")
    given = "" if given in {"self", "cls"} else given
    name = (
        owner
        if node.name == "__init__"
        else f"{'await ' if isinstance(node, ast.AsyncFunctionDef) else ''}{node.name}"
    )
    result = "" if node.returns is None or node.name == "__init__" else f" -> {ast.unparse(node.returns)}"
    title = f"{owner}()" if node.name == "__init__" else f"{owner}.{node.name}"
    return f"#### `{title}`\n\n`{name}({given}){result}`\n\n{_words(ast.get_docstring(node) or '')}"


def _annotation(node: ast.expr) -> tuple[str, str]:
    """A type, and the bounds that come with it."""
    if isinstance(node, ast.BinOp):
        left, bounds = _annotation(node.left)
        right, more = _annotation(node.right)
        return f"{left} | {right}", bounds or more
    if (
        isinstance(node, ast.Subscript)
        and ast.unparse(node.value) == "Annotated"
        and isinstance(node.slice, ast.Tuple)
    ):
        kind, bounds = _annotation(node.slice.elts[0])
        return kind, bounds or "; ".join(_bounds(node.slice.elts[1:]))
    return ast.unparse(node), ""


def _bounds(said: Sequence[ast.expr]) -> Iterator[str]:
    for call in said:
        for keyword in call.keywords if isinstance(call, ast.Call) else ():
            bound = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if keyword.arg in _BOUNDS and isinstance(bound, int | float):
                yield _BOUNDS[keyword.arg].format(f"{bound:,}")


def _default(value: ast.expr) -> str:
    text = ast.unparse(value)
    factory = re.fullmatch(r"field\(default_factory=(\w+)(?:, .*)?\)", text)
    default = re.fullmatch(r"field\(default=(.+?)(?:, .*)?\)", text)
    return f" = {f'{factory[1]}()' if factory else default[1] if default else text}"


def _below(body: Sequence[ast.stmt], place: int) -> str:
    """The string below a statement."""
    after = body[place + 1] if place + 1 < len(body) else None
    if (
        isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
    ):
        return after.value.value
    return ""


def _cell(bounds: str, said: str) -> str:
    words = " ".join(_ticks(said).split()).replace("|", "\\|")
    return f"{words} ({bounds})" if words and bounds else words or bounds


def _words(docstring: str) -> str:
    """A docstring as Markdown: its lists of arguments and errors are lists."""
    text = re.sub(r"(?m)^(Args|Raises|Returns):\n((?:[ ]{4}.*\n?|\n)+)", _listed, f"{docstring}\n")
    return _ticks(text).strip()


def _listed(match: re.Match[str]) -> str:
    entries = re.split(r"\n(?=\S)", dedent(match[2]).strip())
    lines = []
    for entry in entries:
        name, _, said = entry.partition(":")
        lines.append(f"- `{name}`: {' '.join(said.split())}")
    return f"{match[1]}:\n\n" + "\n".join(lines) + "\n\n"


def _ticks(text: str) -> str:
    return text.replace("``", "`")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.stdout.write(markdown())
