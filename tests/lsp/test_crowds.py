"""Very many documents, and some that come and go: what is kept for them is bounded, and goes with them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import Wire, edit, settle, until
from tests.support.reviewing import FakeBackend, FakeService

from kibitz.lsp.session import DOCUMENTS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DOCUMENTS = 500
TIMES = 1000


@pytest.fixture
async def service() -> FakeService:
    return FakeService(manual=True)


@pytest.fixture
async def wire(service: FakeService) -> AsyncIterator[Wire]:
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    yield wire
    await wire.close()


async def test_of_many_documents_few_are_reviewed_at_a_time_and_all_in_the_end(
    wire: Wire, service: FakeService
) -> None:
    for number in range(DOCUMENTS):
        wire.open(f"bug{number}", uri=f"untitled:{number}.py")
    wire.clock.advance(5)
    await settle()
    assert len(wire.server.session.documents) == DOCUMENTS
    before = len(asyncio.all_tasks())
    most = 0
    while running := [call for call in service.calls if not call.answer.done()]:
        most = max(most, len(running))
        for call in running:
            call.answer.set_result(service.known(call.assignment))
        await settle()
    # The one that is looked at comes on top.
    assert most <= DOCUMENTS_AT_ONCE + 1
    assert len({call.text for call in service.calls}) == DOCUMENTS
    assert len(asyncio.all_tasks()) <= before


async def test_what_is_opened_and_closed_a_thousand_times_leaves_nothing(wire: Wire) -> None:
    session = wire.server.session
    tasks = len(asyncio.all_tasks())
    for number in range(TIMES):
        wire.open("bug", uri=f"untitled:{number % 7}.py", version=number)
        wire.change(number + 1, edit((0, 0), (0, 0), "x"), uri=f"untitled:{number % 7}.py")
        if number % 3 == 0:
            wire.clock.advance(0.6)
            await asyncio.sleep(0)
        wire.notify("textDocument/didClose", {"textDocument": {"uri": f"untitled:{number % 7}.py"}})
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    assert len(session.documents) == session.busy == 0
    assert session._scheduler._slots == {}
    assert wire.clock.waiting < 10
    shown = {params["uri"]: params["diagnostics"] for params in wire.published}
    assert not any(shown.values())
