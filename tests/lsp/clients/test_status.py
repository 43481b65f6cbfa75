"""What kibitz is doing, for editors that show it and for those that ask."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tests.lsp.clients.expected import EXPECTED
from tests.support.captured_wire import URI
from tests.support.lsp_wire import settle, until

if TYPE_CHECKING:
    from tests.support.captured_wire import CapturedWire

MEMBERS = {"state", "message", "action", "reviews", "findings", "documents", "today", "model"}


async def test_the_status_is_told_when_it_changes_and_when_it_is_asked_for(client: CapturedWire) -> None:
    client.service.manual = True
    await client.begin("x = bug1\n")
    await until(lambda: bool(client.service.calls))
    client.clock.advance(1)
    await settle()
    assert client.of("$/kibitz/status")[-1]["state"] == "busy"
    client.service.calls[0].answer.cancel()
    await settle()
    await client.run({"command": "kibitz.pause"})
    client.clock.advance(1)
    await settle()
    told = client.of("$/kibitz/status")
    assert (told[-1]["state"], told[-1]["action"]) == ("paused", "run the command kibitz.resume")
    assert all(set(each) == MEMBERS for each in told)
    assert all(one != other for one, other in pairwise(told)), "news only"
    assert client.messages == []
    asked = (await client.run({"command": "kibitz.status"}))["result"]
    assert asked == told[-1] | {"notReviewed": f"{URI}: kibitz is paused; run the command kibitz.resume"}
    assert client.messages == [], "only for the editor"
    shown = (await client.run({"command": "kibitz.showStatus"}))["result"]
    assert client.messages == [f"kibitz: {shown['text']}"]


async def test_the_usage_report_is_opened_or_it_is_said_where_it_is(client: CapturedWire) -> None:
    await client.begin()
    answer = (await client.run({"command": "kibitz.usageReport"}))["result"]
    opened = [each["uri"] for each in client.of("window/showDocument")]
    if EXPECTED[client.name].opens:
        assert (opened, client.messages) == ([answer["uri"]], [])
    else:
        assert (opened, client.messages) == ([], [f"kibitz: {answer['text']}"])
