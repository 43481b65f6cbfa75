"""Questions about one node of a syntax tree, whatever its language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kibitz.text.lines import LineIndex
from kibitz.text.syntax import ByteOffsets

if TYPE_CHECKING:
    from tree_sitter import Node

    from kibitz.review.grammar import Grammar

WORD = re.compile(r"[^\W\d]\w*")
_LAST_WORD = re.compile(r"[^\W\d]\w*(?=\W*$)")
_DEEP = 12
"""Most steps from a node to the name, or to the definition, that it is about."""
_STRINGS = frozenset({"string", "string_literal", "concatenated_string", "ellipsis"})
_CALLS = frozenset({"call", "call_expression", "function_call_expression", "command"})


class Source:
    """A text under its syntax tree: nodes to text and lines."""

    __slots__ = ("_offsets", "lines", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = LineIndex(text)
        self._offsets = ByteOffsets(text)

    def start(self, node: Node) -> int:
        """The offset of the node's first character."""
        return self._offsets.to_points(node.start_byte)

    def end(self, node: Node) -> int:
        """The offset behind the node's last character that is not white space."""
        start, end = self.start(node), self._offsets.to_points(node.end_byte)
        # Some grammars (Rust's doc comments, the C preprocessor) count the line end in.
        while end > start and self.text[end - 1].isspace():
            end -= 1
        return end

    def of(self, node: Node) -> str:
        """The node's text."""
        return self.text[self.start(node) : self.end(node)]

    def first(self, node: Node) -> int:
        """The node's first line, counted from 0."""
        return self.lines.line_of(self.start(node))

    def last(self, node: Node) -> int:
        """The node's last line, counted from 0."""
        return self.lines.line_of(max(self.start(node), self.end(node) - 1))

    def flat(self, start: int, end: int, limit: int) -> str:
        """The text from ``start`` to ``end`` on one line of at most ``limit`` code points."""
        # Only so much is looked at: a "header" can be as long as the document.
        flat = " ".join(self.text[start : min(end, start + 4 * limit)].split())
        return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


def core_of(node: Node, grammar: Grammar) -> tuple[Node, Node]:
    """The definition inside of wrappers, and the node that names it (``const name = …``), often the same."""
    naming: Node | None = None
    for _ in range(_DEEP):
        if node.type not in grammar.wrappers:
            break
        inner, named_by = _unwrap(node, grammar)
        if inner is None:
            break
        node, naming = inner, named_by or naming
    return node, naming or node


def _unwrap(  # noqa: PLR0911 - a table, in effect
    node: Node, grammar: Grammar
) -> tuple[Node | None, Node | None]:
    """What a wrapper stands around, and what names it from outside; None if that is no definition."""
    match node.type:
        case "decorated_definition":
            return node.child_by_field_name("definition"), None
        case "export_statement":
            return node.child_by_field_name("declaration") or node.child_by_field_name("value"), None
        case "template_declaration" | "ambient_declaration" | "global_statement":
            return (node.named_children[-1] if node.named_child_count else None), None
        case "expression_statement":
            return _unwrap_expression(node, grammar)
        case "lexical_declaration" | "variable_declaration":
            return _bound_function(node.named_children, grammar)
        case "field_definition" | "public_field_definition":
            return _bound_function([node], grammar)
        case "call":  # Ruby's `private def helper … end`
            arguments = node.child_by_field_name("arguments")
            inner = arguments.named_children if arguments is not None else ()
            return next((child for child in inner if child.type in grammar.functions), None), None
    return None, None


def _unwrap_expression(node: Node, grammar: Grammar) -> tuple[Node | None, Node | None]:
    child = node.named_children[0] if node.named_child_count == 1 else None
    if child is None or child.type in grammar.containers:  # TypeScript's namespaces
        return child, None
    right = child.child_by_field_name("right") if child.type == "assignment_expression" else None
    return (right, child) if right is not None and right.type in grammar.functions else (None, None)


def _bound_function(bindings: list[Node], grammar: Grammar) -> tuple[Node | None, Node | None]:
    """The first function or class that a variable or field is bound to, also through ``memo(() => …)``."""
    for binding in bindings:
        value = binding.child_by_field_name("value")
        if value is None:
            continue
        if value.type in grammar.functions or value.type in grammar.containers:
            return value, binding
        arguments = value.child_by_field_name("arguments") if value.type == "call_expression" else None
        for argument in arguments.named_children if arguments is not None else ():
            if argument.type in grammar.functions:
                return argument, binding
    return None, None


def body_of(node: Node) -> Node | None:
    """The body of a function or container, if it has one."""
    for name in ("body", "accessors", "value"):
        child = node.child_by_field_name(name)
        if child is not None:
            return child
    return None


def has_code(node: Node) -> bool:
    """Whether a function does something; a declaration, an automatic property or ``= default`` does not."""
    if node.type in {"method", "singleton_method"}:
        return True  # Ruby: an empty method has no body node, and there are no declarations
    body = body_of(node)
    if body is None:
        # C++'s function with a try block for a body.
        return any(child.type == "try_statement" for child in node.named_children)
    if body.type == "accessor_list":
        return any(accessor.child_by_field_name("body") is not None for accessor in body.named_children)
    return node.type != "property_declaration" or body.type == "arrow_expression_clause"


def name_of(node: Node, source: Source) -> str:
    """The name of a definition as it would be called, without its scope; empty if it has none."""
    fields = ("type",) if node.type == "impl_item" else ("name", "declarator", "left", "property")
    for step in range(_DEEP):
        found = next(filter(None, map(node.child_by_field_name, fields)), None)
        if found is None and step == 0 and node.named_child_count:
            return ""
        if found is None:
            break
        node = found
    match = _LAST_WORD.search(source.of(node)[:200])
    return match[0] if match else ""


def is_inert(node: Node, grammar: Grammar) -> bool:
    """Whether a node does nothing by itself."""
    kind = node.type
    if kind in grammar.inert:
        return True
    if kind == "expression_statement":  # a docstring, "use strict"
        return node.named_child_count == 1 and node.named_children[0].type in _STRINGS
    if kind == "export_statement":  # export { a, b }, export * from "x"
        return node.child_by_field_name("declaration") is None and node.child_by_field_name("value") is None
    if kind == "preproc_def":  # an include guard
        return node.child_by_field_name("value") is None
    return kind in {"declaration", "field_declaration"} and _is_prototype(node)


def _is_prototype(node: Node) -> bool:
    """Whether a C declaration only says that a function exists."""
    declarator = node.child_by_field_name("declarator")
    for _ in range(_DEEP):
        if declarator is None or declarator.type == "function_declarator":
            break
        if declarator.type not in {"pointer_declarator", "reference_declarator"}:
            return False
        declarator = declarator.named_children[-1] if declarator.named_child_count else None
    return declarator is not None


def is_import_call(node: Node, grammar: Grammar, source: Source) -> bool:
    """Whether a statement only calls what imports: ``require``, ``source``, ``include``."""
    if not grammar.import_calls:
        return False
    current: Node | None = node
    for _ in range(5):
        if current is None or current.type in grammar.import_calls:
            return current is not None
        if current.type in _CALLS:
            called = next(
                filter(None, map(current.child_by_field_name, ("function", "method", "name"))), None
            )
            return called is not None and source.of(called) in grammar.import_calls
        only = current.named_children[0] if current.named_child_count == 1 else None
        current = current.child_by_field_name("value") or only
    return False
