"""What a document consists of: functions, their containers, imports, and the code between them.

Everything is in whole lines, counted from 0 and inclusive, because a review reports whole lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from kibitz.review.bindings import LINE, bound_by, declared
from kibitz.review.faults import Fault, faults_of
from kibitz.review.grammar import GRAMMARS, Grammar
from kibitz.review.nodes import Source, body_of, core_of, has_code, is_import_call, is_inert, name_of
from kibitz.text.syntax import parse

if TYPE_CHECKING:
    from tree_sitter import Node

    from kibitz.text.lines import LineIndex

_NO_MEMBERS = ("condition", "name", "value", "parameter")
"""Fields of a frame (``if``, ``except``, ``#ifdef``) that hold no members."""
_NAMESPACES = ("mod", "namespace", "internal_module", "foreign_mod")
_EXTENSIONS = ("impl_item", "singleton_class")
_MAX_DEPTH = 40
"""Deeper nesting is not looked into: it is one piece of code. Real code stays below ten."""


@dataclass(frozen=True, slots=True)
class Container:
    """Something with members: a class, a namespace, an implementation."""

    name: str
    first: int
    """First line, with its doc comment and decorators."""
    last: int
    head: int
    """First line of the definition itself."""
    body: int
    """Line on which the body starts."""
    header: str
    """All before the body, on one line."""
    outer: Container | None
    is_class: bool
    """It makes a type; a namespace or a Rust ``impl`` does not."""
    is_space: bool
    """It only parts names from others."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A function, or what is reviewed like one."""

    name: str
    first: int
    """First line, with its doc comment and decorators."""
    last: int
    head: int
    """First line of the definition itself."""
    body: int
    """Line on which the body starts."""
    signature: str
    """All before the body, on one line."""
    owner: Container | None

    @property
    def title(self) -> str:
        """The name with those of its containers: ``Order.total``."""
        parts, owner = [self.name], self.owner
        while owner is not None:
            parts.append(owner.name)
            owner = owner.outer
        return ".".join(part for part in reversed(parts) if part)


@dataclass(frozen=True, slots=True)
class Statement:
    """Code outside of functions, or the declaration of a type."""

    names: tuple[str, ...]
    """What it declares; empty if it only does something."""
    first: int
    last: int
    owner: Container | None
    inert: bool
    """It needs no review, but may be context."""
    is_type: bool


@dataclass(slots=True)
class Outline:
    """All of a document, each list in the order of the text."""

    lines: LineIndex
    language: str
    parsed: bool
    """Whether there is a syntax tree. Without one there are only lines."""
    definitions: list[Definition] = field(default_factory=list)
    declarations: list[Definition] = field(default_factory=list)
    """Signatures without code."""
    by_name: dict[str, list[Definition]] = field(default_factory=dict)
    """Both, by name."""
    containers: list[Container] = field(default_factory=list)
    """Outer ones before those inside of them."""
    imports: list[tuple[str, str]] = field(default_factory=list)
    """The names that imports bind, each with the import that does."""
    statements: list[Statement] = field(default_factory=list)
    declared: dict[str, list[Statement]] = field(default_factory=dict)
    """Those of them that declare a name, by it."""
    notes: set[int] = field(default_factory=set)
    """Lines that hold only comments or attributes."""
    faults: tuple[Fault, ...] = ()
    """Where it does not parse."""
    glue: set[int] = field(default_factory=set)
    """Lines that frame members: headers, ``if``, ``else``, ``#ifdef``."""


def outline(text: str, language: str) -> Outline:
    """Read a document. Pure CPU: about 10 ms for 3,000 lines, so give it a thread. Any text will do."""
    source = Source(text)
    tree = parse(text, language)
    found = Outline(source.lines, language, parsed=tree is not None)
    if tree is not None:
        _Reader(source, GRAMMARS[language], found).read(tree.root_node, None, 0)
        found.faults = faults_of(tree.root_node, source)
        # Syntax errors can pull apart what belongs together; the order of the text is the one that holds.
        found.definitions.sort(key=lambda definition: (definition.first, definition.last))
        for one in (*found.definitions, *found.declarations):
            found.by_name.setdefault(one.name, []).append(one)
        for statement in found.statements:
            for name in statement.names:
                found.declared.setdefault(name, []).append(statement)
    return found


class _Part(NamedTuple):
    """A child node on its way into the outline."""

    node: Node
    core: Node
    """The definition inside of wrappers."""
    naming: Node
    """What names it."""
    first: int
    """First line, with what leads it."""


class _Reader:
    """One walk over the parts of a tree that hold definitions."""

    def __init__(self, source: Source, grammar: Grammar, found: Outline) -> None:
        self._source = source
        self._grammar = grammar
        self._found = found

    def read(self, node: Node, owner: Container | None, depth: int) -> None:
        """Sort the children of a node into the outline."""
        start: int | None = None
        """First line of the comments and attributes that lead the next child."""
        lead = -1
        """Last line of them."""
        skipped = {child.id for part in _NO_MEMBERS for child in node.children_by_field_name(part)}
        for child in node.named_children:
            kind = child.type
            if child.id in skipped:
                continue
            if kind in self._grammar.comments or kind in self._grammar.attached:
                first, last = self._source.first(child), self._source.last(child)
                if self._starts_line(child):
                    self._found.notes.update(range(first, last + 1))
                    start = first if start is None or first > lead + 1 else start
                    lead = last
                continue
            first = self._source.first(child)
            self._sort(child, start if start is not None and first <= lead + 1 else first, owner, depth)
            start = None

    def _sort(self, node: Node, first: int, owner: Container | None, depth: int) -> None:
        grammar, source = self._grammar, self._source
        core, naming = core_of(node, grammar)
        part = _Part(node, core, naming, first)
        if core.type in grammar.functions:
            self._add_function(part, owner)
        elif core.type in grammar.containers and self._has_members(core):
            self._add_container(part, owner, depth)
        elif node.type in grammar.imports or is_import_call(node, grammar, source):
            self._found.imports.extend(bound_by(node, source))
        elif (core.type in grammar.transparent or core.type == "ERROR") and depth < _MAX_DEPTH:
            self._look_into(core, owner, depth)
        else:
            self._add_statement(
                node, core, first, owner, inert=core.type in grammar.containers or is_inert(core, grammar)
            )

    def _name(self, part: _Part) -> str:
        _, core, naming, _ = part
        return name_of(naming, self._source) or name_of(core, self._source)

    def _span_of_head(self, part: _Part, body: Node | None) -> tuple[int, int]:
        """Where what comes before the body starts and ends."""
        node, core, _, _ = part
        head = self._head(node, core)
        return head, self._source.start(body) if body is not None else self._end_of_line(head, core)

    def _add_function(self, part: _Part, owner: Container | None) -> None:
        node, core, _, first = part
        source = self._source
        head, end = self._span_of_head(part, body_of(core))
        definition = Definition(
            name=self._name(part),
            first=first,
            last=source.last(node),
            head=source.lines.line_of(head),
            body=source.lines.line_of(end),
            signature=source.flat(head, end, LINE).rstrip("{ "),
            owner=owner,
        )
        if has_code(core):
            self._found.definitions.append(definition)
        else:
            self._found.declarations.append(definition)
            if core.type == "property_declaration":  # C#: without code it is a field
                self._add_statement(node, core, first, owner, inert=False)

    def _add_container(self, part: _Part, owner: Container | None, depth: int) -> None:
        node, core, _, first = part
        source, body = self._source, body_of(core)
        head, end = self._span_of_head(part, body)
        container = Container(
            name=self._name(part),
            first=first,
            last=source.last(node),
            head=source.lines.line_of(head),
            body=source.lines.line_of(end),
            header=source.flat(head, end, LINE).rstrip("{ "),
            outer=owner,
            is_class=not core.type.startswith((*_NAMESPACES, *_EXTENSIONS)),
            is_space=core.type.startswith(_NAMESPACES),
        )
        self._found.containers.append(container)
        self._found.glue.update(range(first, container.body + 1))
        if body is not None and depth < _MAX_DEPTH:
            self.read(body, container, depth + 1)
        elif body is not None:
            self._add_statement(core, core, first, owner, inert=False)

    def _look_into(self, node: Node, owner: Container | None, depth: int) -> None:
        """Take the members of a frame apart if there are definitions in it; else it is one statement."""
        inside = Outline(self._found.lines, self._found.language, parsed=True)
        _Reader(self._source, self._grammar, inside).read(node, owner, depth + 1)
        found = self._found
        found.notes |= inside.notes
        found.imports += inside.imports
        if inside.definitions or inside.containers:
            found.definitions += inside.definitions
            found.containers += inside.containers
            found.declarations += inside.declarations
            found.statements += inside.statements
            found.glue |= inside.glue
            found.glue.add(self._source.first(node))
        elif inside.statements or node.type == "ERROR":
            self._add_statement(node, node, self._source.first(node), owner, inert=False)

    def _add_statement(
        self, node: Node, core: Node, first: int, owner: Container | None, *, inert: bool
    ) -> None:
        is_class = core.type in self._grammar.containers
        statement = Statement(
            names=declared(node, self._source),
            first=first if core.type in self._grammar.types else self._source.first(node),
            last=self._source.last(node),
            owner=owner,
            inert=inert,
            is_type=core.type in self._grammar.types or (is_class and not core.type.startswith(_NAMESPACES)),
        )
        self._found.statements.append(statement)

    def _has_members(self, core: Node) -> bool:
        body = body_of(core)
        return body is not None or core.type in {"class", "module", "class_definition"}

    def _head(self, node: Node, core: Node) -> int:
        """Where the definition itself starts: behind decorators, before ``export`` and ``const name =``."""
        return self._source.start(core if node.type == "decorated_definition" else node)

    def _end_of_line(self, start: int, core: Node) -> int:
        """Where a header without a body ends: with its line."""
        lines = self._source.lines
        return min(self._source.end(core), max(start, lines.line_end(lines.line_of(start))))

    def _starts_line(self, node: Node) -> bool:
        start = self._source.start(node)
        line = self._source.lines.line_start(self._source.lines.line_of(start))
        return not self._source.text[line:start].strip()
