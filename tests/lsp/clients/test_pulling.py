"""Who asks for diagnostics, if the settings say that editors do: only those that miss none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lsp.clients.expected import EXPECTED
from tests.support.captured_wire import URI
from tests.support.lsp_wire import until

from kibitz.lsp.publisher import REFRESH_SECONDS
from kibitz.lsp.reviews import Defaults

if TYPE_CHECKING:
    from tests.support.captured_wire import CapturedWire
    from tests.support.lsp_wire import Json

TEXT = "a = '😀é'; b = bug1  # 😀\nc = 2\n"
METHOD, REFRESH = "textDocument/diagnostic", "workspace/diagnostic/refresh"


async def pulled(client: CapturedWire) -> list[Json]:
    report = (await client.request(METHOD, {"textDocument": {"uri": URI}}))["result"]
    assert report["kind"] == "full"
    items: list[Json] = report["items"]
    return items


async def test_a_finding_comes_by_one_way_and_by_the_other_after_a_switch(client: CapturedWire) -> None:
    pulls = EXPECTED[client.name].pulls
    client.backend.knobs = Defaults(diagnostics="pull")
    client.params["initializationOptions"] = {"diagnostics": "pull"}
    offered = (await client.begin(TEXT))["capabilities"]
    assert "diagnosticProvider" not in offered, "all that can pull take registrations"
    await until(lambda: bool(client.service.calls) and client.server.session.busy == 0)
    await until(lambda: client.server.session.publisher.pulls is pulls)
    assert (METHOD in client.registered) is pulls
    client.clock.advance(REFRESH_SECONDS)
    if pulls:
        await until(lambda: any(m.get("method") == REFRESH for m in client.received))
        (found,) = await pulled(client)
        assert all(params["diagnostics"] == [] for params in client.published[-1:])
    else:
        (found,) = await client.shown()
        assert await pulled(client) == []
    assert client.covered(found["range"]) == "bug1"

    client.backend.knobs, client.backend.rebuild = Defaults(), False
    client.notify("workspace/didChangeConfiguration", {"settings": {"kibitz": {"diagnostics": "push"}}})
    await client.shown()
    assert await pulled(client) == []
    assert len(client.of("client/unregisterCapability")) == pulls
