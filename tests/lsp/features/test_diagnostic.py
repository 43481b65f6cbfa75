from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import Json, Wire, edit, settle, until
from tests.support.reviewing import FakeBackend, FakeOutcome, FakeService, marked

from kibitz.lsp.publisher import REFRESH_SECONDS
from kibitz.lsp.reviews import Defaults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

URI = "untitled:a.py"
TEXT = "x = bug1\n"
METHOD, REFRESH = "textDocument/diagnostic", "workspace/diagnostic/refresh"
REGISTER, UNREGISTER = "client/registerCapability", "client/unregisterCapability"
PULL, PUSH = Defaults(diagnostics="pull"), Defaults()
CELL = "vscode-notebook-cell:book.ipynb#W0"


def able(*, registers: bool = True, refreshes: bool = True) -> Json:
    return {
        "textDocument": {"diagnostic": {"dynamicRegistration": registers}},
        "workspace": {"diagnostics": {"refreshSupport": refreshes}},
        "notebookDocument": {"synchronization": {}},
    }


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """An editor that does what it is asked to."""
    wire = Wire(FakeBackend(knobs=PULL))
    wire.answers = {REGISTER: lambda _: None, UNREGISTER: lambda _: None, REFRESH: lambda _: None}
    yield wire
    await wire.close()


def service(wire: Wire) -> FakeService:
    found = wire.backend.services[0]
    assert isinstance(found, FakeService)
    return found


async def pull(wire: Wire, previous: str | None = None, uri: str = URI) -> Json:
    params = {"textDocument": {"uri": uri}, "previousResultId": previous, "identifier": "kibitz-diagnostics"}
    report: Json = (await wire.request(METHOD, params))["result"]
    return report


async def set_to(wire: Wire, knobs: Defaults) -> None:
    wire.backend.knobs, wire.backend.rebuild = knobs, False
    said = {"diagnostics": knobs.diagnostics}
    wire.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": said}})


def asked(wire: Wire, method: str) -> int:
    return sum(message.get("method") == method for message in wire.received)


async def begin(wire: Wire) -> None:
    """Have the editor pull, and one finding be known."""
    await wire.initialize(able())
    await until(lambda: wire.server.session.publisher.pulls)
    wire.open(TEXT)
    await until(lambda: wire.server.session.busy == 0 and bool(service(wire).calls))


async def test_an_editor_that_can_is_asked_to_pull_once_the_settings_say_so(wire: Wire) -> None:
    offered = await wire.initialize(able())
    assert "diagnosticProvider" not in offered["capabilities"]
    await until(lambda: wire.server.session.publisher.pulls)
    (registration,) = [
        each for p in wire.of(REGISTER) for each in p["registrations"] if each["method"] == METHOD
    ]
    options = registration["registerOptions"]
    assert options["interFileDependencies"] is options["workspaceDiagnostics"] is False
    assert options["documentSelector"] == [{"scheme": "file"}, {"scheme": "untitled"}]


async def test_what_is_known_is_answered_and_nothing_is_sent(wire: Wire) -> None:
    await begin(wire)
    report = await pull(wire)
    (found,) = report["items"]
    assert (report["kind"], found["source"], found["code"]) == ("full", "kibitz", "KB101")
    again = await pull(wire, report["resultId"])
    assert again == {"kind": "unchanged", "resultId": report["resultId"]}
    assert (await pull(wire, "another"))["items"] == [found]
    wire.change(2, edit((0, 0), (0, 0), "\n"))
    moved = await pull(wire, report["resultId"])
    assert moved["items"][0]["range"]["start"] == {"line": 1, "character": 4}
    assert wire.published == []


async def test_it_is_answered_before_the_review_is(wire: Wire) -> None:
    service(wire).manual = True
    await begin_without_answer(wire)
    report = await pull(wire)
    assert report["items"] == []
    service(wire).calls[0].answer.set_result(FakeOutcome(marked(TEXT)))
    await until(lambda: wire.server.session.busy == 0)
    assert asked(wire, REFRESH) == 0, "news that come together are one"
    wire.clock.advance(REFRESH_SECONDS)
    await until(lambda: asked(wire, REFRESH) == 1)
    assert len((await pull(wire, report["resultId"]))["items"]) == 1
    wire.clock.advance(10)
    await settle()
    assert asked(wire, REFRESH) == 1, "it knows by now"


async def begin_without_answer(wire: Wire) -> None:
    await wire.initialize(able())
    await until(lambda: wire.server.session.publisher.pulls)
    wire.open(TEXT)
    await until(lambda: bool(service(wire).calls))


@pytest.mark.parametrize("uri", ["untitled:other.py", "", "not a uri", CELL])
async def test_what_is_not_open_has_none(wire: Wire, uri: str) -> None:
    await begin(wire)
    assert await pull(wire, "old", uri) == {"kind": "full", "items": []}


async def test_a_closed_document_has_none_and_is_sent_none(wire: Wire) -> None:
    await begin(wire)
    assert len((await pull(wire))["items"]) == 1
    wire.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert (await pull(wire))["items"] == []
    assert wire.published == []


async def test_cells_of_notebooks_are_sent_theirs(wire: Wire) -> None:
    await begin(wire)
    book = {
        "uri": "untitled:book.ipynb",
        "notebookType": "jupyter-notebook",
        "version": 0,
        "cells": [{"kind": 2, "document": CELL}],
    }
    cell = {"uri": CELL, "languageId": "python", "version": 3, "text": "y = bug2"}
    wire.notify("notebookDocument/didOpen", {"notebookDocument": book, "cellTextDocuments": [cell]})
    wire.clock.advance(10)
    await until(lambda: [params["uri"] for params in wire.published] == [CELL])
    assert len(wire.published[0]["diagnostics"]) == 1
    assert (await pull(wire, uri=CELL))["items"] == [], "else they were there twice"
    await set_to(wire, PUSH)
    await until(lambda: not wire.server.session.publisher.pulls)
    assert [params["uri"] for params in wire.published] == [CELL, URI], "and they stay"


@pytest.mark.parametrize("abilities", [{}, able(refreshes=False), able(registers=False)])
async def test_an_editor_that_cannot_do_it_well_is_sent_them(wire: Wire, abilities: Json) -> None:
    offered = await wire.initialize(abilities)
    assert "diagnosticProvider" not in offered["capabilities"]
    wire.open(TEXT)
    await until(lambda: len(wire.published) == 1)
    assert (await pull(wire))["items"] == []
    assert asked(wire, REGISTER) == asked(wire, REFRESH) == 0


async def test_an_editor_that_refuses_is_sent_them_and_not_asked_again(wire: Wire) -> None:
    refused = {"jsonrpc": "2.0", "error": {"code": -32601, "message": "no"}}
    del wire.answers[REGISTER]
    await wire.initialize(able())
    await until(lambda: asked(wire, REGISTER) == 1)
    (message,) = [each for each in wire.received if each.get("method") == REGISTER]
    wire.send({**refused, "id": message["id"]})
    wire.open(TEXT)
    await until(lambda: len(wire.published) == 1)
    await set_to(wire, PULL)
    await settle()
    assert asked(wire, REGISTER) == 1


@pytest.mark.parametrize("options", [{"diagnostics": "pull"}, {"kibitz": {"diagnostics": "pull"}}])
async def test_an_editor_that_takes_no_registrations_is_told_at_once(wire: Wire, options: Json) -> None:
    offered = await wire.initialize(able(registers=False), initializationOptions=options)
    assert offered["capabilities"]["diagnosticProvider"] == {
        "interFileDependencies": False,
        "workspaceDiagnostics": False,
    }
    await until(lambda: wire.server.session.publisher.pulls)
    wire.open(TEXT)
    await until(lambda: bool(service(wire).calls) and wire.server.session.busy == 0)
    assert len((await pull(wire))["items"]) == 1
    await set_to(wire, PUSH)
    await until(lambda: len(wire.published) == 1)
    assert (await pull(wire))["items"] == []
    assert asked(wire, REGISTER) == asked(wire, UNREGISTER) == 0


async def test_the_editors_word_is_not_the_last(wire: Wire) -> None:
    wire.backend.knobs = PUSH
    await wire.initialize(able(registers=False), initializationOptions={"diagnostics": "pull"})
    wire.open(TEXT)
    await until(lambda: len(wire.published) == 1)
    assert (await pull(wire))["items"] == []


async def test_switching_takes_effect_at_once_and_never_shows_both(wire: Wire) -> None:
    await begin(wire)
    assert len((await pull(wire))["items"]) == 1
    seen: list[object] = []

    def refresh(_message: Json) -> None:
        publisher = wire.server.session.publisher
        document = wire.server.session.documents.get(URI)
        assert document is not None
        seen.append((len(wire.published), len(getattr(publisher.report(document, None), "items", ()))))

    wire.answers[REFRESH] = refresh
    await set_to(wire, PUSH)
    await until(lambda: len(wire.published) == 1)
    assert seen == [(0, 0)], "it is told that there are none before it is sent them"
    assert asked(wire, UNREGISTER) == 1
    assert len(wire.published[0]["diagnostics"]) == 1
    assert (await pull(wire))["items"] == []

    wire.answers[REFRESH] = lambda _: None
    await set_to(wire, PULL)
    await until(lambda: wire.server.session.publisher.pulls)
    assert [len(params["diagnostics"]) for params in wire.published] == [1, 0]
    wire.clock.advance(REFRESH_SECONDS)
    await until(lambda: asked(wire, REFRESH) == 2)
    assert len((await pull(wire))["items"]) == 1


async def test_the_newest_settings_win(wire: Wire) -> None:
    await begin(wire)
    for knobs in (PUSH, PULL, PUSH, PULL, PUSH):
        await set_to(wire, knobs)
        await settle()
    await until(lambda: not wire.server.session.publisher.pulls and bool(wire.published))
    await until(lambda: asked(wire, REGISTER) == asked(wire, UNREGISTER))
    assert len(wire.published[-1]["diagnostics"]) == 1
