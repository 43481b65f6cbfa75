"""The code actions of one request, from what is known already. No model is ever asked here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from kibitz.findings.finding import Confidence
from kibitz.guard.sanitize import plain
from kibitz.lsp.commands import COMMANDS
from kibitz.lsp.edits import workspace_edit
from kibitz.lsp.kinds import EXPLAIN_SELECTION, FIX_ALL, IMPROVE, QUICK_FIX, SOURCE
from kibitz.lsp.place import AllFixes, Place
from kibitz.lsp.rendering import diagnostic, identity
from kibitz.lsp.written import write
from kibitz.provider.models import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kibitz.findings.finding import Finding, Fix
    from kibitz.lsp.capabilities import Client
    from kibitz.lsp.documents import Document
    from kibitz.lsp.shown import Shown
    from kibitz.text.spans import Span

Json = dict[str, Any]
"""An action as the protocol has it. As one of its types it would take several times as long to make."""

_MAX_TITLE = 100
_LLM_GENERATED = 1
"""The protocol's tag."""
_MAX_TALKED_OF = 10
"""A menu for more findings at once has their fixes only: nobody reads three more lines for each."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for actions on."""

    span: Span
    """In code points of the document."""
    shown: Sequence[Shown]
    """The findings there, and those whose diagnostics were sent along."""
    dismissed: Sequence[Shown]
    """The same of what was dismissed."""
    shows_dismissed: bool
    """Whether the editor shows what was dismissed."""
    others: Sequence[tuple[Json, Diagnostic]]
    """What other tools say there: as the client sent it, and as a model is told."""
    asks: bool
    """Whether a model can be asked about this document."""
    named: bool
    """Whether the client named the kinds that it wants: it wants them wherever the cursor is."""


@dataclass(slots=True, eq=False)
class Part:
    """Actions that belong together, and what they are on the wire."""

    actions: Sequence[Json]
    _text: str = ""

    @property
    def text(self) -> str:
        """They as they go over the wire, one behind the other; nothing if there are none."""
        if not self._text:
            self._text = write(self.actions)[1:-1]
        return self._text


class Offers:
    """What is offered in one document, as it is now, to one client.

    An editor asks with each move of the cursor. What it can do about a finding stays the same until something
    is typed or found, so that is made once.
    """

    def __init__(self, document: Document, client: Client, as_json: Callable[[object], Any]) -> None:
        self._document = document
        self._snapshot = document.snapshot
        self._client = client
        self._as_json = as_json
        """Of the protocol's types."""
        self._rendered: dict[int, Json] = {}
        """By ``id`` of what is shown, which lives as long as this: several actions name each."""
        self._made: dict[object, Part] = {}

    def all(self, asked: Asked) -> Iterator[Part]:
        """All that can be done, the most likely first."""
        asks = asked.asks
        for shown in asked.shown:
            yield self._once(("mend", id(shown), asks), partial(self._mend, shown, asks=asks))
        if asks and self._takes_edits and asked.others:
            yield Part([self._fix_with_kibitz(said, sent) for sent, said in asked.others])
        if len(asked.shown) <= _MAX_TALKED_OF:
            for shown in asked.shown:
                yield self._once(("talk", id(shown), asks), partial(self._talk, shown, asks=asks))
        if asked.dismissed:
            yield Part(list(self._bring_back(asked)))
        if asks and asked.span.of(self._snapshot.text).strip():
            yield Part(list(self._of_selection(asked.span)))
        if asked.named or asked.shown:
            yield self._once(("all", asked.named), partial(self._fix_all, named=asked.named))

    def _once(self, name: object, make: Callable[[], Iterable[Json]]) -> Part:
        if name not in self._made:
            self._made[name] = Part(list(make()))
        return self._made[name]

    # Parts

    def _quick_fix(self, shown: Shown) -> Json | None:
        """The action that applies the finding's fix, or None if none fits the text as it is."""
        fix, title = fix_of(shown, self._snapshot.text), shown.finding.title
        if fix is None:
            return None
        action = {
            "title": titled("Fix (look at it first)" if fix.needs_review else "Fix", title),
            "kind": QUICK_FIX,
            "diagnostics": [self._diagnostic(shown)],
            "isPreferred": is_safe(shown),
            "edit": self._edit([fix]),
            **self._tags,
        }
        if not self._client.action_literals and self._client.applies_edits:
            # It takes nothing but commands.
            action["command"] = _command(titled("Fix", title), "kibitz.fix", self._named(shown))
        return action

    def _edit(self, fixes: Iterable[Fix]) -> Json:
        edit: Json = self._as_json(workspace_edit(fixes, self._snapshot, self._client))
        return edit

    def _named(self, shown: Shown) -> dict[str, str]:
        return {"uri": self._document.uri, "id": identity(shown.finding)}

    @property
    def _takes_edits(self) -> bool:
        """Whether there is a way to make an edit that is not there yet when the action is offered."""
        return self._client.resolves_edits or self._client.applies_edits

    def _mend(self, shown: Shown, *, asks: bool) -> Iterator[Json]:
        action = self._quick_fix(shown)
        if action is not None:
            yield action
        elif asks and self._takes_edits and not shown.touched:
            said = complaint(shown.finding)
            yield self._asking(
                titled("Fix with kibitz", shown.finding.title),
                QUICK_FIX,
                Place.of(self._snapshot, shown.span, (said,)),
                [self._diagnostic(shown)],
            )

    def _talk(self, shown: Shown, *, asks: bool) -> Iterator[Json]:
        finding, named = shown.finding, self._named(shown)
        if asks and not shown.touched:
            yield self._doing(titled("Explain", finding.title), "kibitz.explain", named, shown)
        if "kibitz.dismiss" in COMMANDS:
            title = titled("Dismiss this finding", finding.title)
            yield self._doing(title, "kibitz.dismiss", named | {"scope": "finding"}, shown)
        if "kibitz.dismiss" in COMMANDS and self._document.path is not None:
            title = titled("Dismiss in this file", finding.rule)
            yield self._doing(title, "kibitz.dismiss", named | {"scope": "rule"}, shown)

    def _bring_back(self, asked: Asked) -> Iterator[Json]:
        """What can be done about dismissed findings on these lines."""
        if asked.shows_dismissed and "kibitz.undismiss" in COMMANDS:
            for shown in asked.dismissed:
                title = titled("Undo dismissal", shown.finding.title)
                yield self._doing(title, "kibitz.undismiss", self._named(shown), shown)
        if asked.dismissed and "kibitz.showDismissed" in COMMANDS:
            what = "Hide" if asked.shows_dismissed else "Show"
            title = f"{what} dismissed findings ({len(self._document.dismissed)})"
            command = _command(title, "kibitz.showDismissed", {"uri": self._document.uri})
            yield {"title": title, "kind": QUICK_FIX, "command": command}

    def _fix_with_kibitz(self, said: Diagnostic, sent: Json) -> Json:
        place = Place.of(self._snapshot, said.span, (said,))
        return self._asking(titled("Fix with kibitz", said.message), QUICK_FIX, place, [sent])

    def _of_selection(self, span: Span) -> Iterator[Json]:
        place = Place.of(self._snapshot, span)
        if self._takes_edits:
            yield self._asking("Improve selection with kibitz", IMPROVE, place)
        command = _command("Explain selection", "kibitz.explain", place.encode())
        yield {"title": "Explain selection with kibitz", "kind": EXPLAIN_SELECTION, "command": command}

    def _fix_all(self, *, named: bool) -> Iterator[Json]:
        fixes = safe_fixes(self._document)
        if not fixes:
            return
        title = f"Apply all safe fixes of kibitz ({len(fixes)})"
        action = {"title": title, "kind": FIX_ALL, **self._tags}
        if self._client.resolves_edits and not named:
            # In a menu that was opened for something else, dozens of edits that are hardly ever chosen.
            action["data"] = AllFixes.of(self._document).encode()
        else:
            action["edit"] = self._edit(fixes)
        yield action

    def _asking(self, title: str, kind: str, place: Place, diagnostics: list[Json] | None = None) -> Json:
        """An action that asks a model once it is chosen: resolved by the client, or else by a command."""
        action = {"title": title, "kind": kind, **self._tags}
        if diagnostics is not None:
            action["diagnostics"] = diagnostics
        if self._client.resolves_edits:
            action["data"] = place.encode()
        else:
            action["command"] = _command(title, "kibitz.fix", place.encode())
        return action

    def _doing(self, title: str, command: str, argument: object, shown: Shown) -> Json:
        return {
            "title": title,
            "kind": QUICK_FIX,
            "diagnostics": [self._diagnostic(shown)],
            "command": _command(title, command, argument),
        }

    def _diagnostic(self, shown: Shown) -> Json:
        if id(shown) not in self._rendered:
            self._rendered[id(shown)] = self._as_json(diagnostic(shown, self._snapshot, self._client))
        return self._rendered[id(shown)]

    @property
    def _tags(self) -> Json:
        return {"tags": [_LLM_GENERATED]} if self._client.marks_generated else {}


def _command(title: str, command: str, argument: object) -> Json:
    return {"title": title, "command": command, "arguments": [argument]}


def fix_of(shown: Shown, text: str) -> Fix | None:
    """The finding's fix, if it can be made in ``text``."""
    fix = shown.finding.fix
    return fix if fix is not None and not shown.touched and fix.span.of(text) == fix.old_text else None


def is_safe(shown: Shown) -> bool:
    """Whether its fix may be made without a look at it."""
    fix = shown.finding.fix
    sure = shown.finding.confidence is Confidence.CERTAIN
    return sure and fix is not None and not (fix.needs_review or shown.stale or shown.touched)


def safe_fixes(document: Document) -> list[Fix]:
    """As many of a document's fixes as may be made without a look at them and do not overlap, in order."""
    text = document.snapshot.text
    safe = (fix_of(shown, text) for shown in document.shown if is_safe(shown))
    fixes: list[Fix] = []
    # Whoever ends first leaves most room for others.
    for fix in sorted(filter(None, safe), key=lambda each: (each.span.end, each.span.start)):
        if not fixes or (fix.span.start >= fixes[-1].span.end and fix.span != fixes[-1].span):
            fixes.append(fix)
    return fixes


def complaint(finding: Finding) -> Diagnostic:
    """One of our findings, as what a model is asked about."""
    return Diagnostic(finding.span, f"{finding.title}. {finding.trigger}", SOURCE, finding.rule)


def titled(what: str, about: str) -> str:
    """A title in a menu: one line, and only what can be seen. It may be another tool's, or a model's."""
    return f"{what}: {_plain(about)}"


@lru_cache(maxsize=1024)
def _plain(about: str) -> str:
    # The same in several lines of a menu, and in the menus after each edit.
    return plain(about, _MAX_TITLE)


def of_kinds(parts: Iterator[Part], only: Sequence[str] | None) -> list[Part]:
    """What of them is of the kinds that a client asks for; a kind stands for all that begin with it."""
    if only is None:
        return [part for part in parts if part.actions]
    wanted = (
        [each for each in part.actions if any(_is_a(each["kind"], kind) for kind in only)] for part in parts
    )
    return [Part(actions) for actions in wanted if actions]


def _is_a(kind: str, asked: str) -> bool:
    return not asked or kind == asked or kind.startswith(f"{asked}.")
