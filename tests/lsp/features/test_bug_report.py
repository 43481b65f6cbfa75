from __future__ import annotations

import errno

from tests.support.lsp_wire import Wire, until
from tests.support.reviewing import FakeBackend, FakeService

RUN = {"command": "kibitz.bugReport", "arguments": []}
SECRET_PLACE = "file:///home/ada/hush-hush/a.py"


async def test_a_report_tells_of_the_editor_and_the_server_but_of_no_document() -> None:
    backend = FakeBackend(FakeService())
    wire = Wire(backend)
    client = {"name": "Vim", "version": "9.0"}
    await wire.initialize(
        clientInfo=client, rootUri="file:///home/ada/hush-hush", initializationOptions={"a": 1}
    )
    wire.open("def hush_hush(): bug\n", SECRET_PLACE)
    await until(lambda: bool(wire.published))
    answer = (await wire.request("workspace/executeCommand", RUN))["result"]
    assert answer["path"] == "/state/reports/report.zip"
    assert wire.messages == [f"kibitz: {answer['text']}"]
    assert "/state/reports/report.zip; look through it before you give it to anybody" in answer["text"]
    assert "README.txt: what this is" in wire.of("window/logMessage")[-1]["message"]
    assert isinstance(backend.reported, list)
    ((server, folders),) = backend.reported
    assert [str(folder) for folder in folders] == ["/home/ada/hush-hush"]
    assert isinstance(server["editor"], dict)
    assert {"name": "Vim", "version": "9.0"}.items() <= server["editor"].items()
    assert server["languages"] == {"python": 1}
    assert isinstance(server["status"], dict)
    assert server["status"]["findings"] == 1
    assert "hush" not in str(server)
    await wire.close()


async def test_that_it_cannot_be_written_is_said() -> None:
    backend = FakeBackend(FakeService())
    backend.reported = OSError(errno.ENOSPC, "No space left on device")
    wire = Wire(backend)
    await wire.initialize()
    answer = (await wire.request("workspace/executeCommand", RUN))["result"]
    assert answer["path"] is None
    assert wire.messages == ["kibitz: the report could not be written: No space left on device"]
    await wire.close()
