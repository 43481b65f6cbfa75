from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.lsp_wire import Json, Wire, until
from tests.support.reviewing import FakeBackend, FakeService

from kibitz.app.doctor import Line, State
from kibitz.config import Settings
from kibitz.lsp.service import Health

if TYPE_CHECKING:
    from pathlib import Path


async def run(wire: Wire, name: str) -> Json:
    answer = await wire.request(
        "workspace/executeCommand", {"command": f"kibitz.{name}", "arguments": [{"offline": True}]}
    )
    result: Json = answer["result"]
    return result


async def test_it_begins_with_what_this_very_window_does() -> None:
    backend = FakeBackend(FakeService())
    backend.lines = [Line(State.OK, "kibitz 0.1")]
    wire = Wire(backend)
    await wire.initialize()
    wire.open("bug")
    await until(lambda: bool(wire.published))
    told = await run(wire, "doctor")
    assert told["ok"] is True
    assert [line["what"] for line in told["lines"]] == ["this window: all reviewed", "kibitz 0.1"]
    await run(wire, "pause")
    paused = await run(wire, "doctor")
    assert paused["ok"] is True
    assert paused["lines"][0] == {
        "state": "note",
        "what": "this window: paused",
        "advice": "run the command kibitz.resume",
    }
    await wire.close()


async def test_what_works_less_well_is_a_problem() -> None:
    service = FakeService()
    service.condition = Health("fake", "fake wants fewer requests", "nothing: kibitz tries again by itself")
    wire = Wire(FakeBackend(service))
    await wire.initialize()
    told = await run(wire, "doctor")
    assert told["ok"] is False
    assert "fake wants fewer requests" in wire.messages[-1]
    await wire.close()


async def test_a_file_that_is_not_reviewed_is_explained_by_all_three(tmp_path: Path) -> None:
    service = FakeService()
    uri = (tmp_path / "a.py").as_uri()
    service.refused[str(tmp_path / "a.py")] = "ignored by .gitignore line 1"
    wire = Wire(FakeBackend(service, knobs=Settings()))
    await wire.initialize()
    wire.open("bug", uri)
    wire.clock.advance(60)
    await until(lambda: wire.server.session.busy == 0)
    why = "it is never sent: ignored by .gitignore line 1"
    assert (await run(wire, "status"))["notReviewed"].startswith(f"a.py: {why}; change what excludes it")
    assert f"\na.py: {why}" in (await run(wire, "showStatus"))["text"]
    (line,) = [line for line in (await run(wire, "doctor"))["lines"] if "a.py" in line["what"]]
    assert line["what"] == f"a.py is not reviewed: {why}"
    assert line["state"] == "note"
    await wire.close()
