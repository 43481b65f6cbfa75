"""What a model must see besides a unit to judge it: only what the unit mentions, never a body.

So an edit elsewhere in the document changes a unit's context, and with it its cache entry, only if it
changes a name, a signature, a field or a constant that the unit uses.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kibitz.findings.code_lines import without_words
from kibitz.provider.tokens import estimate
from kibitz.review.grammar import GRAMMARS
from kibitz.review.nodes import WORD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kibitz.review.outline import Container, Definition, Outline, Statement
    from kibitz.review.units import Unit

MAX_TOKENS = 300
"""Estimated tokens of a context. What comes later in the order of ``_Context.blocks`` is left out first."""
_CONSTANT_LINES = 3
_TYPE_LINES = 15
_CLASS_FIELDS = 5
_NAMESAKES = 2
"""Most functions of one name that are shown: without types, nobody knows which ``get`` is meant."""
_NOTE = 100
"""Most code points of a function's documentation."""
_DOCSTRINGS = ('"""', "'''", 'r"""')
_MARKS = " \t/*#!<>-=\"'"
_MEMBER = re.compile(r"(?<!\.)\.([^\W\d]\w*)")
"""A name that is one of something; in ``...rest`` it is none."""
# One pattern each: what begins with a word is found by that word, which is fast.
_OF_SELF = {
    word: re.compile(rf"{re.escape(word)}\.([^\W\d]\w*)") for word in ("self", "cls", "this", "super()")
}
_METHODS_HAVE_A_DOT = frozenset({"python", "javascript", "javascriptreact", "typescript", "typescriptreact"})
_FUNCTIONS_HAVE_NONE = frozenset({"python"})


def context_of(unit: Unit, document: Outline) -> str:
    """The context of one unit of ``document`` as source lines; empty if the unit mentions nothing of it."""
    blocks: dict[str, None] = {}
    room = MAX_TOKENS
    for block in _Context(unit, document).blocks():
        if block in blocks:
            continue
        room -= estimate(block) + 1
        if room < 0:
            break
        blocks[block] = None
    return "\n".join(blocks)


class _Context:
    def __init__(self, unit: Unit, document: Outline) -> None:
        self._unit = unit
        self._document = document
        self._lines = document.lines
        self._start = document.lines.line_of(unit.span.start)
        self._end = document.lines.line_of(max(unit.span.start, unit.span.end - 1))
        self._own = list(_outwards(unit.owner))
        code = without_words(unit.text, document.language)
        # What the classes around it extend or are annotated with counts as mentioned; their own names do not.
        headers = {word for container in self._own for word in WORD.findall(container.header)}
        headers.difference_update(one.name for one in self._own if one.is_class)
        own: set[str] = set()
        for word, pattern in _OF_SELF.items():
            if word in code:
                own.update(pattern.findall(code))
                code = pattern.sub("", code)
        self._of_others = set(_MEMBER.findall(code))
        self._members = self._of_others | own
        self._bare = headers.union(WORD.findall(_MEMBER.sub("", code)))
        self._bases = headers

    def blocks(self) -> Iterator[str]:
        """One or a few lines each, from the general to the particular."""
        own = set(self._unit.text.splitlines())
        yield from (text for name, text in self._document.imports if name in self._bare and text not in own)
        yield from self._own_classes()
        yield from self._globals()
        whole = self._unit.definition
        if self._unit.kind == "window" and whole is not None and self._is_outside(whole.head, whole.head):
            yield f"{whole.signature} …"
        yield from self._signatures()
        yield from self._other_classes()

    def _globals(self) -> Iterator[str]:
        """Constants and types outside of classes."""
        for statement in self._declared(self._bare):
            if statement.owner is None or statement.owner.is_space:
                yield self._text(statement, _TYPE_LINES if statement.is_type else _CONSTANT_LINES)

    def _other_classes(self) -> Iterator[str]:
        """Classes that the unit names: header, first fields, constructors."""
        for container in self._document.containers:
            if container.is_class and container not in self._own and container.name in self._bare:
                if self._is_outside(container.first, container.body):
                    yield f"{container.header} …"
                fields = [s for s in self._document.statements if s.owner is container and not s.inert]
                yield from (
                    self._text(s, 1) for s in fields[:_CLASS_FIELDS] if self._is_outside(s.first, s.last)
                )
                yield from (
                    self._describe(one)
                    for one in self._functions()
                    if one.owner is container and self._is_constructor(one, container)
                )

    def _own_classes(self) -> Iterator[str]:
        """The headers around the unit, and the fields that it names."""
        for container in reversed(self._own):
            if not container.is_space and self._is_outside(container.head, container.head):
                yield f"{container.header} …"
            if not container.is_space:
                fields = (s for s in self._declared(self._bare | self._members) if s.owner is container)
                yield from (self._text(s, _CONSTANT_LINES) for s in fields)

    def _signatures(self) -> Iterator[str]:
        """Functions that the unit names, those of its own class before their namesakes."""
        chosen: list[Definition] = []
        for name in self._document.by_name.keys() & (self._bare | self._members):
            group = [one for one in self._document.by_name[name] if self._calls(one)]
            chosen += sorted(
                group, key=lambda one: (one.owner is not None and one.owner not in self._own, one.first)
            )[:_NAMESAKES]
        yield from (self._describe(one) for one in sorted(chosen, key=lambda one: (one.first, one.name)))

    def _functions(self) -> Sequence[Definition]:
        return [*self._document.definitions, *self._document.declarations]

    def _is_constructor(self, one: Definition, container: Container) -> bool:
        known = GRAMMARS[self._document.language].constructors
        return one.name in known or one.name == container.name

    def _describe(self, one: Definition) -> str:
        """A signature, where it belongs, and what its documentation says first."""
        owner = f" (in {one.owner.name})" if one.owner is not None and one.owner.name else ""
        note = self._note(one)
        return f"{one.signature} …{owner}" + (f' "{note}"' if note else "")

    def _note(self, one: Definition) -> str:
        body = self._lines.line_text(one.body).strip()
        docstring = [one.body] if body.startswith(_DOCSTRINGS) else []
        for number in (*docstring, *range(one.first, one.head)):
            text = self._lines.line_text(number).strip()
            note = text.strip(_MARKS)
            if WORD.search(note) and not text.startswith(("@", "#[")):
                return note[:_NOTE]
        return ""

    def _text(self, statement: Statement, limit: int) -> str:
        """The first lines of a statement as they stand."""
        last = min(statement.last, statement.first + limit - 1)
        text = "\n".join(self._lines.line_text(line) for line in range(statement.first, last + 1))
        return f"{text}\n…" if last < statement.last else text

    def _declared(self, names: set[str]) -> list[Statement]:
        """The statements outside of the unit that declare one of these, in order."""
        declared = self._document.declared
        found = {id(each): each for name in declared.keys() & names for each in declared[name]}
        outside = (each for each in found.values() if self._is_outside(each.first, each.last))
        return sorted(outside, key=lambda each: (each.first, each.last))

    def _calls(self, one: Definition) -> bool:
        """Whether the unit names a function in a way that can mean this one, which is not its own."""
        if one is self._unit.definition or not self._is_outside(one.head, one.last):
            return False
        language, is_method = self._document.language, one.owner is not None and one.owner.is_class
        bare = not is_method or language not in _METHODS_HAVE_A_DOT
        member = is_method or language not in _FUNCTIONS_HAVE_NONE
        is_own = one.owner is None or one.owner in self._own or one.owner.name in self._bases
        named = self._members if is_own else self._of_others
        return (bare and one.name in self._bare) or (member and one.name in named)

    def _is_outside(self, first: int, last: int) -> bool:
        """Whether these lines are not the unit's own."""
        return last < self._start or first > self._end


def _outwards(container: Container | None) -> Iterator[Container]:
    while container is not None:
        yield container
        container = container.outer
