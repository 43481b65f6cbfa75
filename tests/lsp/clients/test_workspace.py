"""A review of the workspace, as each client can follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lsp.clients.expected import EXPECTED
from tests.support.lsp_wire import until
from tests.support.reviewing import FakeOutcome, marked

from kibitz.lsp.reviews import PROGRESS_AFTER_SECONDS
from kibitz.lsp.service import Survey
from kibitz.lsp.workspace import REVIEW

if TYPE_CHECKING:
    from tests.support.captured_wire import CapturedWire

PATH, TEXT = "/somewhere/é b.py", "x = bug1\n"
ASK = "window/showMessageRequest"


async def test_it_is_asked_about_shown_while_it_goes_on_and_told(client: CapturedWire) -> None:
    client.answers[ASK] = lambda _m: {"title": REVIEW}
    client.service.files = {PATH: TEXT}
    client.service.surveyed = Survey((PATH,), asked=1, tokens=50_000)
    await client.begin()
    await until(lambda: client.server.session.busy == 0)
    client.service.manual = True
    answer = await client.run({"command": "kibitz.analyzeWorkspace"})
    assert answer["result"] == {"started": True, "text": ""}
    await until(lambda: any(call.path == PATH for call in client.service.calls))
    assert len(client.of(ASK)) == 1
    client.clock.advance(PROGRESS_AFTER_SECONDS)
    shows = EXPECTED[client.name].progress
    if shows:
        await until(lambda: len(client.of("$/progress")) == 1)
    (call,) = [call for call in client.service.calls if call.path == PATH]
    call.answer.set_result(FakeOutcome(marked(TEXT)))
    await until(lambda: client.messages == ["kibitz: 1 file reviewed: 1 finding in 1 file"])
    (found,) = await client.shown()
    assert client.published[-1]["uri"] == "file:///somewhere/%C3%A9%20b.py"
    assert found["range"]["end"] == {"line": 0, "character": 8}
    kinds = [params["value"]["kind"] for params in client.of("$/progress")]
    assert kinds == (["begin", "report", "end"] if shows else [])
