"""Documents, diagnostics, progress and settings, as each client has them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.lsp.clients.expected import EXPECTED
from tests.support.captured import CLIENTS
from tests.support.captured_wire import URI
from tests.support.lsp_wire import settle, until
from tests.support.reviewing import FakeOutcome, finding, marked

from kibitz.lsp.commands import COMMANDS
from kibitz.lsp.reviews import PROGRESS_AFTER_SECONDS

if TYPE_CHECKING:
    from tests.support.captured_wire import CapturedWire

TEXT = "a = '😀é'; b = bug1  # 😀\nc = 2\n"


def test_every_captured_client_is_expected() -> None:
    assert set(CLIENTS) == set(EXPECTED)


async def test_what_is_offered(client: CapturedWire) -> None:
    expected = EXPECTED[client.name]
    offered = (await client.begin())["capabilities"]
    assert offered["positionEncoding"] == expected.encoding
    assert offered["textDocumentSync"] == {"openClose": True, "change": 2, "save": True}
    assert "diagnosticProvider" not in offered, "nobody's pull works as well as a push"
    assert offered["executeCommandProvider"]["commands"] == list(COMMANDS)
    assert offered["hoverProvider"] is True
    assert offered["codeActionProvider"]["resolveProvider"] is (expected.fixes == "resolve")
    assert {"quickfix", "refactor.rewrite", "source.fixAll.kibitz"} <= set(
        offered["codeActionProvider"]["codeActionKinds"]
    )


async def test_a_finding_stands_where_this_client_counts_it(client: CapturedWire) -> None:
    await client.begin(TEXT)
    (found,) = await client.shown()
    assert client.published[-1]["version"] == 0
    assert client.covered(found["range"]) == "bug1"
    assert (found["source"], found["code"], found["severity"]) == ("kibitz", "KB101", 2)


async def test_a_finding_moves_with_what_is_typed_and_goes_when_the_document_is_closed(
    client: CapturedWire,
) -> None:
    await client.begin(TEXT)
    (found,) = await client.shown()
    client.type({"start": found["range"]["start"], "end": found["range"]["start"]}, "'é😀' + ")
    client.clock.advance(10)
    await until(lambda: client.published[-1]["version"] == 1)
    (moved,) = client.published[-1]["diagnostics"]
    assert client.covered(moved["range"]) == "bug1"
    client.notify("textDocument/didSave", {"textDocument": {"uri": URI}, "text": client.text})
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert client.published[-1]["diagnostics"] == []


async def test_a_code_leads_to_its_page_where_that_is_shown(client: CapturedWire) -> None:
    client.service.manual = True
    await client.begin("x = bug1\n")
    await until(lambda: bool(client.service.calls))
    found = replace(finding("x = bug1\n", "x = bug1"), rule="wrong-value")
    client.service.calls[0].answer.set_result(FakeOutcome([found]))
    (shown,) = await client.shown()
    assert ("codeDescription" in shown) is EXPECTED[client.name].links


async def test_the_same_in_two_places_is_related_where_that_is_shown(client: CapturedWire) -> None:
    text = "x = bug1\ny = 1\nx = bug1\n"
    first = finding(text, "x = bug1")
    client.service.manual = True
    await client.begin(text)
    await until(lambda: bool(client.service.calls))
    client.service.calls[0].answer.set_result(FakeOutcome([first, first.shift(15)]))
    for found in await client.shown(2):
        assert ("relatedInformation" in found) is EXPECTED[client.name].related


async def test_what_is_only_to_be_removed_fades_where_that_is_shown(client: CapturedWire) -> None:
    client.service.manual = True
    await client.begin("x = bug1\n")
    await until(lambda: bool(client.service.calls))
    client.service.calls[0].answer.set_result(FakeOutcome([finding("x = bug1\n", "x = bug1", "")]))
    (found,) = await client.shown()
    assert found.get("tags") == ([1] if EXPECTED[client.name].fades else None)


async def test_what_takes_longer_is_shown_where_that_can_be_and_always_ends(client: CapturedWire) -> None:
    client.service.manual = True
    await client.begin("x = bug1\n")
    await until(lambda: bool(client.service.calls))
    client.clock.advance(PROGRESS_AFTER_SECONDS + 0.1)
    await settle()
    client.service.calls[0].answer.set_result(FakeOutcome(marked(client.text)))
    await client.shown()
    kinds = [params["value"]["kind"] for params in client.of("$/progress")]
    assert kinds == (["begin", "end"] if EXPECTED[client.name].progress else [])


async def test_the_settings_of_the_editor_count(client: CapturedWire) -> None:
    client.settings = {"debounceMs": 10}
    await client.begin()
    await settle()
    asked = [each for params in client.of("workspace/configuration") for each in params["items"]]
    assert bool(asked) is EXPECTED[client.name].configuration
    assert all(each["section"] == "kibitz" for each in asked)
    seen = client.backend.loaded
    assert (client.settings in seen) is EXPECTED[client.name].configuration
    client.backend.knobs = replace(client.backend.knobs, enabled=False)  # type: ignore[type-var]
    client.settings = {"enabled": False}
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    await until(lambda: not client.server.session.knobs.enabled)


async def test_it_is_asked_to_watch_what_it_can(client: CapturedWire) -> None:
    await client.begin()
    await settle()
    assert client.registered == EXPECTED[client.name].registers


async def test_a_whole_session_as_its_editor_has_it(client: CapturedWire) -> None:
    await client.begin(TEXT)
    client.notify("$/setTrace", {"value": "off"})
    await client.shown()
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    client.send({"jsonrpc": "2.0", "id": 99, "method": "shutdown"})
    await until(lambda: client.answer(99) is not None)
    assert client.answer(99) == {"jsonrpc": "2.0", "id": 99, "result": None}
    assert client.messages == []
