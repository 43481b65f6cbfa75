"""An editor that asks for diagnostics: what it is told by a real server process, and that it is sent none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.test_reviewing import BUG, SOURCE, server
from tests.support.fake_provider import FakeProvider, reviewer
from tests.support.lsp_process import Buffer

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.lsp_process import Json, ServerProcess

METHOD, REFRESH = "textDocument/diagnostic", "workspace/diagnostic/refresh"


async def pull(editor: ServerProcess, uri: str, previous: str | None = None) -> Json:
    params = {"textDocument": {"uri": uri}, "previousResultId": previous}
    report: Json = (await editor.request(METHOD, params))["result"]
    return report


async def test_findings_are_asked_for_from_the_first_to_the_fix(tmp_path: Path) -> None:
    uri = f"file://{tmp_path}/mean.py"
    async with (
        FakeProvider(reviewer(BUG)) as fake,
        server(tmp_path, fake, KIBITZ_DIAGNOSTICS="pull") as editor,
    ):
        await editor.initialize(
            textDocument={
                "diagnostic": {"dynamicRegistration": True},
                "codeAction": {"codeActionLiteralSupport": {}},
            },
            workspace={"diagnostics": {"refreshSupport": True}},
        )
        asked = await editor.wait(lambda m: m.get("method") == "client/registerCapability")
        assert [each["method"] for each in asked["params"]["registrations"]] == [METHOD]
        editor.send(id=asked["id"], result=None)
        await editor.at_rest()

        buffer = Buffer(editor, uri, SOURCE, Encoding.UTF16)
        buffer.open()
        nothing = await pull(editor, uri)
        assert (nothing["kind"], nothing["items"]) == ("full", []), "it is answered before the model has"
        refresh = await editor.wait(lambda m: m.get("method") == REFRESH)
        editor.send(id=refresh["id"], result=None)
        report = await pull(editor, uri, nothing["resultId"])
        (found,) = report["items"]
        assert buffer.covered(found["range"]) == "return sum(values) / len(value)"
        again = await pull(editor, uri, report["resultId"])
        assert again == {"kind": "unchanged", "resultId": report["resultId"]}

        fix = next(each for each in await buffer.actions(found["range"]) if each.get("edit"))
        buffer.apply(fix)
        await editor.until(lambda: sum(m.get("method") == REFRESH for m in editor.received) == 2)
        assert (await pull(editor, uri, report["resultId"]))["items"] == []
        assert editor.published(uri) == []
        assert await editor.leave() == 0
        assert editor.stderr == b""
