"""The names that a statement or an import gives to its document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.review.nodes import WORD, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from kibitz.review.nodes import Source

LINE = 200
"""Most code points of an import or a signature."""
_MAX_NAMES = 100
_PARTS = ("_declaration", "_declarator", "_spec", "_list", "_assignment", "_element", "_command")
_NO_NAMES = frozenset({"argument_list", "parameter_list", "expression_list", "field_declaration_list"})
_DOES_ONLY = frozenset({"command", "call", "for_in_statement", "for_statement"})
"""Statements whose parts have names, and that declare nothing for others."""
_NO_BINDING = frozenset({"use", "pub", "crate", "self", "super", "as", "function", "const"})


def declared(node: Node, source: Source) -> tuple[str, ...]:
    """The names that a statement outside of functions declares or assigns, without repetition."""
    names: dict[str, None] = {}
    stack = [] if node.type in _DOES_ONLY else [node]
    while stack and len(names) < _MAX_NAMES:
        current = stack.pop()
        named = [
            child for field in ("name", "left", "property") for child in current.children_by_field_name(field)
        ]
        declarators = current.children_by_field_name("declarator")
        for child in named:
            names.update(dict.fromkeys(WORD.findall(source.of(child)[:LINE])))
        names.update(dict.fromkeys(filter(None, (name_of(child, source) for child in declarators))))
        if not named:
            stack.extend(
                reversed([child for child in current.named_children[:_MAX_NAMES] if _may_declare(child)])
            )
    return tuple(names)


def _may_declare(node: Node) -> bool:
    kind = node.type
    return kind in {"assignment", "assignment_expression"} or (
        kind.endswith(_PARTS) and kind not in _NO_NAMES
    )


def bound_by(node: Node, source: Source) -> tuple[tuple[str, str], ...]:  # noqa: PLR0911 - a table, in effect
    """The names that an import binds, each with the shortest import that binds only it."""
    match node.type:
        case "import_statement":
            clause = next((child for child in node.named_children if child.type == "import_clause"), None)
            if clause is not None:
                return tuple(_javascript(node, clause, source))
            return tuple(_python_modules(node, source)) or _whole(node, source)
        case "import_from_statement":
            return tuple(_python_names(node, source))
        case "import_declaration" if any(c.type.startswith("import_spec") for c in node.named_children):
            return tuple(_go(node, source))
        case "use_declaration":
            # A nested list of Rust: any word in it may be bound.
            text = source.flat(source.start(node), source.end(node), LINE)
            return tuple(
                (name, text) for name in dict.fromkeys(WORD.findall(text)) if name not in _NO_BINDING
            )
        case "namespace_use_declaration":
            clauses = (child for child in node.named_children if child.type == "namespace_use_clause")
            uses = [_flat(clause, source) for clause in clauses]
            return tuple((WORD.findall(use)[-1], f"use {use};") for use in uses if WORD.search(use))
        case "using_directive":  # C#: only an alias says what it binds
            return _whole(node, source) if node.child_by_field_name("name") is not None else ()
        case "preproc_include" | "future_import_statement":
            return ()
    return _whole(node, source)


def _flat(node: Node, source: Source) -> str:
    return source.flat(source.start(node), source.end(node), LINE)


def _whole(node: Node, source: Source) -> tuple[tuple[str, str], ...]:
    text = _flat(node, source)
    named = declared(node, source)
    if not named:
        named = tuple(WORD.findall(text.partition("=")[0])[-1:])
    return tuple((name, text) for name in named)


def _python_modules(node: Node, source: Source) -> Iterator[tuple[str, str]]:
    for child in node.children_by_field_name("name"):
        alias = child.child_by_field_name("alias")
        name = source.of(alias) if alias is not None else source.of(child).partition(".")[0].strip()
        yield name, f"import {_flat(child, source)}"


def _python_names(node: Node, source: Source) -> Iterator[tuple[str, str]]:
    module = node.child_by_field_name("module_name")
    origin = _flat(module, source) if module is not None else ""
    for child in node.children_by_field_name("name"):
        alias = child.child_by_field_name("alias")
        yield source.of(alias or child), f"from {origin} import {_flat(child, source)}"


def _javascript(node: Node, clause: Node, source: Source) -> Iterator[tuple[str, str]]:
    module = node.child_by_field_name("source")
    origin = _flat(module, source) if module is not None else ""
    for child in clause.named_children:
        if child.type == "named_imports":
            for specifier in child.named_children:
                name = specifier.child_by_field_name("alias") or specifier.child_by_field_name("name")
                if name is not None:
                    yield source.of(name), f"import {{ {_flat(specifier, source)} }} from {origin}"
        else:  # a default import, or `* as name`
            words = WORD.findall(source.of(child))
            if words:
                yield words[-1], f"import {_flat(child, source)} from {origin}"


def _go(node: Node, source: Source) -> Iterator[tuple[str, str]]:
    for child in node.named_children:
        if child.type == "import_spec_list":
            yield from _go(child, source)
        elif child.type == "import_spec":
            words = WORD.findall(source.of(child.child_by_field_name("name") or child))
            # gopkg.in/yaml.v3 and x/y/v2 bind the word before the version.
            named = [word for word in words if not (word[0] == "v" and word[1:].isdecimal())] or words
            if named:
                yield named[-1], f"import {_flat(child, source)}"
