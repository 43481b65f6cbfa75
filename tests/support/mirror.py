"""An editor that holds everything it is told against a slow, obvious model of its documents."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.texts import naive_offset, naive_position

from kibitz.text.lines import Encoding, Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lsprotocol import types

    from kibitz.text.snapshot import TextChange


def data_of(diagnostic: types.Diagnostic) -> dict[str, Any]:
    """What the server wants to have back."""
    assert isinstance(diagnostic.data, dict)
    return diagnostic.data


def seen(diagnostic: types.Diagnostic) -> tuple[bool, bool]:
    """Whether the user is told that it is touched, or stale. Of what was dismissed they are told neither."""
    data = data_of(diagnostic)
    told = not data["dismissed"]
    return told and data["touched"], told and data["stale"]


def changed(text: str, change: TextChange, encoding: Encoding) -> str:
    """The text after a change."""
    if change.range is None:
        return change.text
    start, end = sorted(naive_offset(text, each, encoding) for each in change.range)
    return text[:start] + change.text + text[end:]


@dataclass
class Model:
    """A document as its editor has it, and what it used to be."""

    text: str
    version: int
    synced: bool = True
    """Whether the server was told all of it."""
    owed: bool = False
    """Whether a review of all of it has to come by itself: one was asked for, and nothing came in between."""
    before: list[str] = field(default_factory=list)
    """Its texts in earlier versions."""

    def change(self, version: int, changes: Iterable[TextChange], encoding: Encoding) -> bool:
        """Edit, one character at a time. False: the server cannot follow, and has to say nothing more."""
        changes = list(changes)
        whole = any(change.range is None for change in changes)
        self.synced = version > self.version and (self.synced or whole)
        if not self.synced:
            return False
        self.before.append(self.text)
        for change in changes:
            self.text = changed(self.text, change, encoding)
        self.version = version
        return True


@dataclass
class Progress:
    """Something that is shown while it lasts."""

    ended: bool = False

    def report(self, message: str, percentage: int) -> None:
        assert not self.ended, message
        assert 0 < percentage < 100

    def end(self) -> None:
        assert not self.ended
        self.ended = True


@dataclass
class Mirror:
    """The editor's side of a session."""

    encoding: Encoding
    quotes: Mapping[str, str]
    """The quotes of all findings that anybody ever told, by their identity."""
    models: dict[str, Model] = field(default_factory=dict)
    screen: dict[str, Sequence[types.Diagnostic]] = field(default_factory=dict)
    """What was published last about each document."""
    messages: list[str] = field(default_factory=list)
    shown: list[Progress] = field(default_factory=list)
    untrue: list[AssertionError] = field(default_factory=list)
    """What was published and does not hold: a session may survive the exception."""

    def publish(self, uri: str, version: int | None, diagnostics: Sequence[types.Diagnostic]) -> None:
        try:
            self._accept(uri, version, diagnostics)
        except AssertionError as error:
            self.untrue.append(error)
            raise

    def _accept(self, uri: str, version: int | None, diagnostics: Sequence[types.Diagnostic]) -> None:
        model = self.models.get(uri)
        self.screen[uri] = diagnostics
        if model is None:
            assert not diagnostics, "something is shown in a document that is not open"
            return
        assert version == model.version
        assert model.synced or not diagnostics, "something is shown in a text that is not known"
        for each in diagnostics:
            self._check(model.text, each)
        places = [(str(each.range), each.code, each.message) for each in diagnostics]
        assert len(places) == len(set(places)), "something is shown twice"

    def _check(self, text: str, diagnostic: types.Diagnostic) -> None:
        start, end = (self._offset(text, where) for where in (diagnostic.range.start, diagnostic.range.end))
        data = data_of(diagnostic)
        covered, quote = text[start:end], self.quotes[data["id"]]
        if data["touched"]:
            assert covered
            assert covered in quote
        else:
            assert covered == quote

    def _offset(self, text: str, where: types.Position) -> int:
        position = Position(where.line, where.character)
        offset = naive_offset(text, position, self.encoding)
        assert naive_position(text, offset, self.encoding) == position, "no such place in this version"
        return offset

    def refresh(self) -> None:
        raise AssertionError("it does not pull")

    def show(self, message: str) -> None:
        self.messages.append(message)

    async def choose(self, message: str, choices: Sequence[str]) -> str | None:
        raise AssertionError(f"{message} {choices}")

    def progress(self, title: str, uri: str) -> Progress:
        assert uri in self.models, title
        self.shown.append(Progress())
        return self.shown[-1]
