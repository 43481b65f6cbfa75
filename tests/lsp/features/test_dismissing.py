"""Dismissing over the wire: what is shown changes at once, in all documents, and nobody is asked."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.lsp.test_notebook_sync import WHERE, Book, cell
from tests.support.lsp_wire import Json, Wire, edit, settle, until
from tests.support.reviewing import FakeBackend, FakeOutcome, FakeService, finding

from kibitz.app.dismissals import suppression
from kibitz.app.projects import Projects, trust_of_user
from kibitz.lsp.rendering import identity
from kibitz.lsp.reviews import Defaults
from kibitz.lsp.sorting import SETTLE_SECONDS
from kibitz.provider.errors import ConfigError, Timeout
from kibitz.state.places import state_dir
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from kibitz.findings.finding import Finding
    from kibitz.review.result import Source
    from kibitz.review.suppress import Suppression

TEXT = "a = bug1\nb = bug2\n"
UNTITLED = "untitled:a.py"


@dataclass(frozen=True)
class ForTeam(Defaults):
    dismissals: str = "team"


@pytest.fixture
async def service() -> FakeService:
    return FakeService()


@pytest.fixture
async def wire(service: FakeService) -> AsyncIterator[Wire]:
    wire = Wire(FakeBackend(service))
    wire.backend.rebuild = False
    yield wire
    await wire.close()


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """A file in a project."""
    (tmp_path / ".kibitz").mkdir()
    return f"{tmp_path.as_uri()}/a.py"


def shown(wire: Wire, uri: str) -> list[Json]:
    sent = [params for params in wire.published if params["uri"] == uri]
    found: list[Json] = sent[-1]["diagnostics"] if sent else []
    return found


def titles(wire: Wire, uri: str) -> list[str]:
    return [each["message"].partition(" ")[0] for each in shown(wire, uri)]


async def start(wire: Wire, *uris: str, text: str = TEXT) -> None:
    await wire.initialize()
    for uri in uris:
        wire.open(text, uri=uri)
        await settle()
        wire.clock.advance(60)
        await until(lambda uri=uri: titles(wire, uri) == ["bug1", "bug2"])  # type: ignore[misc]  # bound at once


async def run(wire: Wire, name: str, *arguments: object) -> Json:
    return await wire.request(
        "workspace/executeCommand", {"command": f"kibitz.{name}", "arguments": list(arguments)}
    )


def named(wire: Wire, uri: str, title: str, **more: object) -> Json:
    every = shown(wire, uri)
    found = next(each for each in every if each["message"].startswith(title))
    return {"uri": uri, "id": found["data"]["id"], **more}


async def test_a_finding_goes_at_once_everywhere_and_comes_back(wire: Wire, service: FakeService) -> None:
    await start(wire, UNTITLED, "untitled:b.py")
    name = named(wire, UNTITLED, "bug1", scope="finding", reason="it is\nmeant so")
    answer = await run(wire, "dismiss", name)
    for uri in (UNTITLED, "untitled:b.py"):
        assert titles(wire, uri) == ["bug2"]
    (kept,) = map(json.loads, (state_dir() / "dismissals.jsonl").read_text().splitlines())
    assert answer["result"] == {
        "dismissed": True,
        "scope": "finding",
        "rule": "KB101",
        "fingerprint": kept["fingerprint"],
        "file": "",
        "where": "user",
        "path": str(state_dir() / "dismissals.jsonl"),
    }
    assert kept["reason"] == "it is meant so"
    answer = await run(wire, "undismiss", name)
    assert answer["result"]["undismissed"] is True
    assert [each["fingerprint"] for each in answer["result"]["removed"]] == [kept["fingerprint"]]
    for uri in (UNTITLED, "untitled:b.py"):
        assert titles(wire, uri) == ["bug1", "bug2"]
    await settle()
    assert len(service.calls) == 2, "nothing but the first reviews was asked"
    assert wire.messages == []


async def test_a_rule_goes_in_one_file(wire: Wire, service: FakeService, uri: str, tmp_path: Path) -> None:
    other = f"{tmp_path.as_uri()}/b.py"
    await start(wire, uri, other)
    name = named(wire, uri, "bug2", scope="rule")
    answer = await run(wire, "dismiss", name)
    assert (answer["result"]["file"], answer["result"]["fingerprint"]) == ("a.py", "")
    assert titles(wire, uri) == []
    assert titles(wire, other) == ["bug1", "bug2"]
    await run(wire, "undismiss", name)
    assert titles(wire, uri) == ["bug1", "bug2"]
    assert len(service.calls) == 2


async def test_a_rule_is_not_offered_for_what_is_no_file(wire: Wire, uri: str) -> None:
    await start(wire, UNTITLED, uri)
    params = {"range": shown(wire, uri)[0]["range"], "context": {"diagnostics": []}}
    offered = {}
    for each in (UNTITLED, uri):
        answer = await wire.request("textDocument/codeAction", {"textDocument": {"uri": each}, **params})
        offered[each] = [a["title"] for a in answer["result"] if a["title"].startswith("Dismiss")]
    assert offered == {
        UNTITLED: ["Dismiss this finding: bug1 is wrong"],
        uri: ["Dismiss this finding: bug1 is wrong", "Dismiss in this file: KB101"],
    }
    answer = await run(wire, "dismiss", named(wire, UNTITLED, "bug1", scope="rule"))
    assert answer["result"]["dismissed"] is False
    (message,) = wire.messages
    assert message.startswith("kibitz: nothing was dismissed: ")
    assert "Save it" in message
    assert titles(wire, UNTITLED) == ["bug1", "bug2"]


async def test_new_dismissals_go_where_the_settings_say(wire: Wire, uri: str, tmp_path: Path) -> None:
    wire.backend.knobs = ForTeam()
    await start(wire, uri, UNTITLED)
    answer = await run(wire, "dismiss", named(wire, uri, "bug1"))
    assert answer["result"]["where"] == "team"
    assert "KB101" in (tmp_path / ".kibitz" / "dismissals.jsonl").read_text()
    assert titles(wire, uri) == ["bug2"]
    answer = await run(wire, "dismiss", named(wire, UNTITLED, "bug2"))
    assert answer["result"]["where"] == "user", "there is no project around it"
    answer = await run(wire, "undismiss", named_dismissed(wire, uri, "bug1"))
    assert titles(wire, uri) == ["bug1"], "the other is the same everywhere"


def named_dismissed(wire: Wire, uri: str, title: str) -> Json:
    document = wire.server.session.documents.get(uri)
    assert document is not None
    found = next(each.finding for each in document.dismissed if each.finding.title.startswith(title))
    return {"uri": uri, "id": identity(found)}


async def test_it_counts_in_a_review_that_is_under_way(wire: Wire, service: FakeService) -> None:
    await start(wire, UNTITLED)
    service.manual = True
    wire.change(2, edit((1, 8), (1, 8), "  # new"))
    wire.clock.advance(60)
    await until(lambda: len(service.calls) == 2)
    await run(wire, "dismiss", named(wire, UNTITLED, "bug1"))
    assert titles(wire, UNTITLED) == ["bug2"]
    error = Timeout("no answer in time", after_ms=1000)
    unreviewed = [Span(0, len(service.calls[1].text))]
    service.calls[1].answer.set_result(FakeOutcome(unreviewed=unreviewed, errors=[error]))
    await until(lambda: "not re-checked" in shown(wire, UNTITLED)[0]["message"])
    assert titles(wire, UNTITLED) == ["bug2"], "what has no answer stays as it is, and hidden"
    assert len(service.calls) == 2


async def test_a_comment_has_to_be_removed_by_hand(wire: Wire) -> None:
    text = "a = bug1  # kibitz: ignore[KB101] it is so\nb = bug2\n"
    await start(wire, UNTITLED, text=text)
    name = named(wire, UNTITLED, "bug1")
    await run(wire, "dismiss", named(wire, UNTITLED, "bug2"))
    assert titles(wire, UNTITLED) == [], "the comment counts as soon as anybody looks"
    answer = await run(wire, "undismiss", name)
    assert (answer["result"]["undismissed"], answer["result"]["line"]) == (False, 1)
    (message,) = wire.messages
    assert message.startswith("kibitz: the finding stays hidden: the comment in line 1 dismisses it. Remove")


async def test_what_was_dismissed_is_shown_on_request_as_hints(wire: Wire) -> None:
    await start(wire, UNTITLED, "untitled:b.py")
    await run(wire, "dismiss", named(wire, UNTITLED, "bug1", reason="a false alarm"))
    answer = await run(wire, "showDismissed", {"uri": UNTITLED})
    assert answer["result"] == {"shown": True, "count": 1}
    first, second = shown(wire, UNTITLED)
    assert (first["severity"], second["severity"]) == (4, 2)
    assert "dismissed: by you on " in first["message"]
    assert first["message"].endswith(": a false alarm")
    assert titles(wire, "untitled:b.py") == ["bug2"], "each document by itself"
    await run(wire, "undismiss", named(wire, UNTITLED, "bug1"))
    assert [each["severity"] for each in shown(wire, UNTITLED)] == [2, 2]
    answer = await run(wire, "showDismissed", UNTITLED)
    assert answer["result"] == {"shown": False, "count": 0}


async def test_what_cannot_be_kept_is_told_and_stays(wire: Wire) -> None:
    await start(wire, UNTITLED)
    state_dir().parent.mkdir(parents=True, exist_ok=True)
    state_dir().write_text("a file where the folder should be")
    answer = await run(wire, "dismiss", named(wire, UNTITLED, "bug1"))
    assert answer["result"]["dismissed"] is False
    assert "cannot be written" in answer["result"]["text"]
    assert [answer["result"]["text"] in message for message in wire.messages] == [True]
    assert titles(wire, UNTITLED) == ["bug1", "bug2"]


async def test_without_a_reviewer_nothing_is_dismissed() -> None:
    wire = Wire(FakeBackend(FakeService(), ConfigError("no model")))
    await start(wire, UNTITLED)
    name = named(wire, UNTITLED, "bug1")
    wire.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"model": "x"}}})
    await until(lambda: wire.server.session.service is None)
    for command, key in (("dismiss", "dismissed"), ("undismiss", "undismissed")):
        answer = await run(wire, command, name)
        assert answer["result"][key] is False
        assert "has nobody to ask" in wire.messages[-1]
    await wire.close()


@pytest.mark.parametrize(
    ("command", "argument", "told"),
    [
        ("dismiss", None, "{uri, id}"),
        ("undismiss", {"uri": UNTITLED}, "{uri, id}"),
        ("dismiss", {"uri": UNTITLED, "id": "0"}, "no such finding"),
        ("dismiss", {"scope": "project"}, "finding, rule"),
        ("dismiss", {"reason": 7}, "finding, rule"),
        ("showDismissed", None, "an open document"),
        ("showDismissed", {"uri": "untitled:z.py"}, "an open document"),
        ("showDismissed", {"uri": 7}, "URI"),
    ],
)
async def test_wrong_arguments_are_refused(
    wire: Wire, command: str, argument: Json | None, told: str
) -> None:
    await start(wire, UNTITLED)
    if argument is not None and "uri" not in argument:
        argument = named(wire, UNTITLED, "bug1", **argument)
    answer = await run(wire, command, *([] if argument is None else [argument]))
    assert answer["error"]["code"] == -32602
    assert told in answer["error"]["message"]


@pytest.mark.parametrize("of_team", [False, True])
async def test_what_others_dismiss_is_followed_live(
    wire: Wire, service: FakeService, uri: str, tmp_path: Path, *, of_team: bool
) -> None:
    wire.answers["client/registerCapability"] = lambda _: None
    await wire.initialize({"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}}})
    await until(lambda: bool(wire.of("client/registerCapability")))
    wire.open(TEXT, uri=uri)
    await until(lambda: titles(wire, uri) == ["bug1", "bug2"])
    other_window = suppression(Projects(trust_of_user()))
    found = finding(TEXT, "bug1")
    kept = other_window.dismiss(found, str(tmp_path / "a.py"), whole_file=False, for_team=of_team)
    changed = {"changes": [{"uri": kept.file.path.as_uri(), "type": 2}]}
    wire.notify("workspace/didChangeWatchedFiles", changed)
    await settle()
    wire.clock.advance(SETTLE_SECONDS)
    await until(lambda: titles(wire, uri) == ["bug2"])
    other_window.remove((kept,))
    wire.notify("workspace/didChangeWatchedFiles", changed)
    wire.notify("workspace/didChangeWatchedFiles", changed)
    await settle()
    wire.clock.advance(SETTLE_SECONDS)
    await until(lambda: titles(wire, uri) == ["bug1", "bug2"])
    assert len(service.calls) == 1
    assert len(wire.backend.loaded) == 1, "no settings can have changed by that"


async def test_without_the_editors_watching_files_are_looked_at_now_and_then(wire: Wire, uri: str) -> None:
    await start(wire, uri)
    await until(lambda: wire.server.watching._seen is not None)
    found = finding(TEXT, "bug1")
    suppression(Projects(trust_of_user())).dismiss(found, "", whole_file=False)
    wire.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    await until(lambda: wire.server.sorting._timer is not None)
    wire.clock.advance(SETTLE_SECONDS)
    await until(lambda: titles(wire, uri) == ["bug2"])


class Slow(FakeService):
    """Looks at what was dismissed when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = threading.Event(), threading.Event()

    @property
    def dismissals(self) -> Suppression:
        known = super().dismissals
        look = known.of

        def slowly(source: Source) -> Callable[[Finding], str | None]:
            self.asked.set()
            assert self.go_on.wait(10)
            return look(source)

        known.of = slowly  # type: ignore[method-assign]
        return known


async def test_a_document_that_is_opened_anew_meanwhile_keeps_what_is_found_in_it() -> None:
    service = Slow()
    wire = Wire(FakeBackend(service))
    await start(wire, UNTITLED)
    name = named(wire, UNTITLED, "bug1")
    params = {"command": "kibitz.dismiss", "arguments": [name]}
    asked = wire.start("workspace/executeCommand", params)
    await until(service.asked.is_set)
    wire.notify("textDocument/didClose", {"textDocument": {"uri": UNTITLED}})
    await until(lambda: titles(wire, UNTITLED) == [])
    wire.open(TEXT, uri=UNTITLED)
    await settle()
    wire.clock.advance(60)
    await until(lambda: "bug2" in titles(wire, UNTITLED))
    before = len(wire.published)
    service.go_on.set()
    await until(lambda: wire.answer(asked) is not None)
    await settle()
    # That the file changed is noticed, too: the dismissed one may be gone by now, but no other.
    assert all(len(params["diagnostics"]) == 1 for params in wire.published[before:])
    await wire.close()


async def test_what_was_typed_into_stays_dismissed(wire: Wire) -> None:
    await start(wire, UNTITLED)
    name = named(wire, UNTITLED, "bug1")
    wire.change(2, edit((0, 4), (0, 5), "h"))
    await until(lambda: "to be re-checked" in shown(wire, UNTITLED)[0]["message"])
    await run(wire, "dismiss", name)
    assert titles(wire, UNTITLED) == ["bug2"]


async def test_the_line_of_a_comment_is_that_in_its_cell(wire: Wire) -> None:
    await wire.initialize(WHERE)
    book = Book(wire)
    book.open(("a", "x = 1\ny = 2\n"), ("b", "\nz = bug1  # kibitz: ignore\n"))
    await until(lambda: bool(shown(wire, cell("b"))))
    answer = await run(wire, "undismiss", named(wire, cell("b"), "bug1"))
    assert answer["result"]["line"] == 2
