from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import Json, Wire, edit, until
from tests.support.reviewing import FakeBackend, FakeOutcome, FakeService, finding

from kibitz.findings.finding import Origin
from kibitz.provider.models import ContextAnalysis, Usage
from kibitz.review.result import Dismissed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from kibitz.findings.finding import Finding

URI = "untitled:a.py"
TEXT = "a = '😀'; b = bug1\nc = bug2\n"
EXPLAINED = ContextAnalysis("It adds.", (), (), "It holds.", Usage(), "fake-1")


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire(FakeBackend(FakeService(manual=True)))
    yield wire
    await wire.close()


async def start(wire: Wire, findings: Sequence[Finding], dismissed: Sequence[Dismissed] = ()) -> FakeService:
    await wire.initialize({})
    service = wire.backend.services[0]
    assert isinstance(service, FakeService)
    wire.open(TEXT)
    await until(lambda: bool(service.calls))
    service.calls[0].answer.set_result(FakeOutcome(findings, dismissed=dismissed))
    await until(lambda: wire.server.session.busy == 0)
    return service


async def hover(wire: Wire, line: int, character: int) -> Json | None:
    where = {"textDocument": {"uri": URI}, "position": {"line": line, "character": character}}
    answer = await wire.request("textDocument/hover", where)
    found: Json | None = answer["result"]
    return found


async def test_it_is_about_the_finding_under_the_cursor(wire: Wire) -> None:
    origin = Origin("fake-1", time.time() - 120, Decimal("0.01"))
    await start(wire, [replace(finding(TEXT, "bug1"), origin=origin), finding(TEXT, "bug2")])
    found = await hover(wire, 0, 16)
    assert found is not None
    assert found["range"] == {"start": {"line": 0, "character": 14}, "end": {"line": 0, "character": 18}}
    assert found["contents"]["kind"] == "plaintext"
    assert "fake-1 · 2 minutes ago · $0.0100" in found["contents"]["value"]
    assert "bug2" not in found["contents"]["value"]
    assert await hover(wire, 0, 5) is None
    assert await hover(wire, 99, 0) is None


async def test_it_is_told_in_the_indentation_of_its_line_too(wire: Wire) -> None:
    text = "if a:\n\t  b = bug1\n   \n"
    await wire.initialize({})
    service = wire.backend.services[0]
    assert isinstance(service, FakeService)
    wire.open(text)
    await until(lambda: bool(service.calls))
    service.calls[0].answer.set_result(FakeOutcome([finding(text, "b = bug1")]))
    await until(lambda: wire.server.session.busy == 0)
    for character in range(4):
        assert await hover(wire, 1, character) is not None
    assert await hover(wire, 0, 0) is None
    assert await hover(wire, 2, 0) is None


async def test_several_findings_of_one_place_are_all_told(wire: Wire) -> None:
    await start(wire, [finding(TEXT, "bug2", title="one"), finding(TEXT, "bug2", title="two")])
    found = await hover(wire, 1, 5)
    assert found is not None
    assert {"one", "two"} <= set(found["contents"]["value"].splitlines())


async def test_an_explanation_goes_with_the_text_that_it_explained(wire: Wire) -> None:
    service = await start(wire, [finding(TEXT, "bug2")])
    name = wire.published[-1]["diagnostics"][0]["data"]["id"]
    service.explanation.set_result(EXPLAINED)
    arguments = {"command": "kibitz.explain", "arguments": [{"uri": URI, "id": name}]}
    assert (await wire.request("workspace/executeCommand", arguments))["result"]["explanation"] == "It holds."
    found = await hover(wire, 1, 5)
    assert found is not None
    assert "It holds." in found["contents"]["value"]
    wire.change(2, edit((1, 8), (1, 8), "x = y"), edit((1, 7), (1, 8), ""))
    found = await hover(wire, 1, 5)
    assert found is not None
    assert "to be re-checked" in found["contents"]["value"].casefold()
    assert "It holds." not in found["contents"]["value"]


async def test_what_was_dismissed_is_told_of_where_it_is_shown(wire: Wire) -> None:
    await start(wire, [], [Dismissed(finding(TEXT, "bug2"), "a false alarm")])
    assert await hover(wire, 1, 5) is None
    document = wire.server.session.documents.get(URI)
    assert document is not None
    wire.server.session.publisher.toggle_dismissed(document)
    found = await hover(wire, 1, 5)
    assert found is not None
    assert "Dismissed: a false alarm" in found["contents"]["value"]


async def test_nothing_is_told_of_a_text_that_is_not_known(wire: Wire) -> None:
    await start(wire, [finding(TEXT, "bug2")])
    wire.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert await hover(wire, 1, 5) is None
