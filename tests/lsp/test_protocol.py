from __future__ import annotations

import asyncio
import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from tests.support.lsp_wire import Wire, settle, until

from kibitz.lsp.framing import Oversize
from kibitz.telemetry.masking import MASK, hide

if TYPE_CHECKING:
    from kibitz.lsp.server import KibitzServer

CODE_ACTION = {
    "textDocument": {"uri": "untitled:a.py"},
    "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}},
    "context": {"diagnostics": []},
}

HOVER = {"textDocument": {"uri": "untitled:a.py"}, "position": {"line": 0, "character": 0}}


async def test_initialize_names_the_server_and_what_it_does(wire: Wire) -> None:
    result = await wire.initialize()
    assert result["serverInfo"]["name"] == "kibitz"
    capabilities = result["capabilities"]
    assert capabilities["textDocumentSync"] == {"openClose": True, "change": 2, "save": True}
    kinds = ["quickfix", "refactor.rewrite", "refactor.explain", "source.fixAll.kibitz"]
    assert capabilities["codeActionProvider"] == {"codeActionKinds": kinds, "resolveProvider": False}
    assert capabilities["hoverProvider"] is True
    assert "diagnosticProvider" not in capabilities, "push and pull at once show everything twice"


async def test_requests_before_initialize_are_refused(wire: Wire) -> None:
    answer = await wire.request("textDocument/codeAction", CODE_ACTION)
    assert answer["error"]["code"] == -32002


async def test_initialize_comes_only_once(wire: Wire) -> None:
    await wire.initialize()
    assert (await wire.request("initialize", {"capabilities": {}}))["error"]["code"] == -32600


async def test_strange_capabilities_do_not_keep_the_server_from_starting(wire: Wire) -> None:
    answer = await wire.request(
        "initialize", {"capabilities": {"general": [1], "workspace": "x", "window": None}, "processId": "y"}
    )
    assert answer["result"]["capabilities"]["positionEncoding"] == "utf-16"


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("textDocument/codeAction", {"range": 7}),
        ("textDocument/codeAction", None),
        ("textDocument/codeAction", [1, 2]),
        ("textDocument/codeAction", {**CODE_ACTION, "context": {"diagnostics": [{"tags": [7]}]}}),
        ("codeAction/resolve", {"title": "x", "data": json.loads("[" * 300 + "]" * 300)}),
        ("workspace/executeCommand", {}),
        ("workspace/executeCommand", {"command": "kibitz.nonsense"}),
        ("workspace/executeCommand", {"command": "kibitz.stop", "arguments": [7]}),
    ],
)
async def test_bad_parameters_are_answered(wire: Wire, method: str, params: object) -> None:
    await wire.initialize()
    error = (await wire.request(method, params))["error"]
    assert error["code"] == -32602
    assert set(error) == {"code", "message"}, "no data, no traceback"
    assert wire.messages == []


async def test_initialize_with_bad_parameters_is_answered(wire: Wire) -> None:
    assert (await wire.request("initialize", 7))["error"]["code"] == -32602


async def test_unknown_requests_are_answered_and_unknown_notifications_ignored(wire: Wire) -> None:
    await wire.initialize()
    assert (await wire.request("textDocument/rename", {"x": 1}))["error"]["code"] == -32601
    assert (await wire.request("made/up", {"x": 1}))["error"]["code"] == -32601
    assert (await wire.request("textDocument/didOpen", {}))["error"]["code"] == -32601
    before = len(wire.received)
    wire.notify("$/made-up", {"x": 1})
    wire.notify("textDocument/codeAction", CODE_ACTION)
    await settle()
    assert len(wire.received) == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 100_000, -32700),
        (b"7", -32600),
        (b"null", -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"shutdown"}]', -32600),
        (b'{"id":1,"method":"shutdown"}', -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"shutdown"}', -32600),
        (b'{"jsonrpc":"2.0","id":{"a":1},"method":"shutdown"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
    ],
)
async def test_what_is_no_request_is_answered_as_an_error(wire: Wire, body: bytes, code: int) -> None:
    await wire.initialize()
    before = len(wire.received)
    wire.send(body)
    await settle()
    assert [m["error"]["code"] for m in wire.received[before:]] == [code]
    assert "result" in await wire.request("textDocument/codeAction", CODE_ACTION)


async def test_bad_notifications_are_ignored_without_a_pop_up(wire: Wire) -> None:
    await wire.initialize()
    wire.notify("textDocument/didOpen", {"textDocument": {"uri": 5}})
    wire.notify("textDocument/didClose", None)
    wire.notify("textDocument/didSave", {"textDocument": []})
    wire.notify("$/cancelRequest", {"id": [1]})
    await settle()
    assert wire.messages == []
    assert "result" in await wire.request("textDocument/codeAction", CODE_ACTION)


def fail(_ls: KibitzServer, _params: object) -> None:
    raise ZeroDivisionError("with the user's code in it")


async def test_a_handlers_exception_is_an_error_without_details(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    await wire.initialize()
    wire.server.handlers["textDocument/codeAction"] = partial(fail, wire.server)
    wire.server.handlers["textDocument/didSave"] = partial(fail, wire.server)
    with caplog.at_level(logging.DEBUG):
        error = (await wire.request("textDocument/codeAction", CODE_ACTION))["error"]
        wire.notify("textDocument/didSave", {"textDocument": {"uri": "untitled:a.py"}})
        await settle()
    assert error["code"] == -32603
    assert set(error) == {"code", "message"}
    assert "user's code" not in json.dumps(error) + caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert wire.messages == []


async def test_whatever_is_told_holds_no_key_and_code_is_left_as_it_is(wire: Wire) -> None:
    key = 'a-key-of-"somebody\\s'
    hide(key)
    await wire.initialize()

    def quotes(_params: object) -> object:
        raise JsonRpcInvalidParams(f"it was {key}")

    wire.server.handlers["textDocument/hover"] = quotes
    wire.server.handlers["textDocument/codeAction"] = lambda _params: [{"title": key}]
    error = (await wire.request("textDocument/hover", HOVER))["error"]
    assert error["message"] == f"it was {MASK}"
    wire.server.editor.show(f"{key} is refused")
    wire.server.editor.log("Bearer abcdefgh")
    assert wire.messages == [f"{MASK} is refused"]
    assert wire.of("window/logMessage")[0]["message"] == MASK
    assert (await wire.request("textDocument/codeAction", CODE_ACTION))["result"] == [{"title": key}]


async def test_an_answer_that_cannot_be_serialised_is_an_error(wire: Wire) -> None:
    await wire.initialize()
    wire.server.handlers["textDocument/codeAction"] = lambda _params: object
    assert (await wire.request("textDocument/codeAction", CODE_ACTION))["error"]["code"] == -32603


async def test_a_cancelled_command_is_answered_and_its_work_ends(wire: Wire) -> None:
    await wire.initialize()
    ended: list[str] = []

    async def slow(_params: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    wire.server.handlers["workspace/executeCommand"] = slow
    msg_id = wire.start("workspace/executeCommand", {"command": "kibitz.stop"})
    await settle()
    wire.notify("$/cancelRequest", {"id": msg_id})
    await until(lambda: wire.answer(msg_id) is not None)
    answer = wire.answer(msg_id)
    assert answer
    assert answer["error"]["code"] == -32800
    assert ended == ["cancelled"]


async def test_an_id_in_use_is_refused(wire: Wire) -> None:
    await wire.initialize()
    wire.server.protocol._running["x"] = wire.server.protocol._running.setdefault("x", None)  # type: ignore[arg-type]  # only its key counts
    wire.send({"jsonrpc": "2.0", "id": "x", "method": "shutdown"})
    del wire.server.protocol._running["x"]
    answer = wire.answer("x")
    assert answer
    assert answer["error"]["code"] == -32600


async def test_a_cancellation_that_comes_with_the_answer_is_not_lost(wire: Wire) -> None:
    await wire.initialize()
    params = types.ConfigurationParams([])
    asking = asyncio.ensure_future(wire.server.protocol.ask(types.WORKSPACE_CONFIGURATION, params, seconds=9))
    await settle()
    wire.send({"jsonrpc": "2.0", "id": wire.received[-1]["id"], "result": []})
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_cancelled_progress_of_any_name_is_no_failure(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    await wire.initialize()
    tokens: tuple[object, ...] = ([], {}, None, 1.5, "x")
    for token in tokens:
        wire.notify("window/workDoneProgress/cancel", {"token": token})
    await settle()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_answers_nobody_waits_for_are_ignored(wire: Wire) -> None:
    await wire.initialize()
    before = len(wire.received)
    wire.send({"jsonrpc": "2.0", "id": 99, "result": None})
    wire.send({"jsonrpc": "2.0", "id": None, "error": {"code": 1, "message": "x"}})
    wire.send({"jsonrpc": "2.0", "id": "x", "error": 7})
    await settle()
    assert len(wire.received) == before


@pytest.mark.parametrize("reply", [None, 7, "x", [], [None], [[1]], [{"debounceMs": 5}]])
async def test_whatever_the_client_says_its_configuration_is_the_server_comes_up(
    wire: Wire, reply: object
) -> None:
    wire.answers["workspace/configuration"] = lambda _message: reply
    await wire.initialize({"workspace": {"configuration": True}})
    assert wire.server.session.service is not None
    assert wire.messages == []


async def test_after_shutdown_only_exit_and_another_shutdown_are_heard(wire: Wire) -> None:
    await wire.initialize()
    assert (await wire.request("shutdown"))["result"] is None
    assert (await wire.request("textDocument/codeAction", CODE_ACTION))["error"]["code"] == -32600
    assert (await wire.request("shutdown"))["result"] is None
    assert not wire.server.stopped.is_set()
    wire.notify("exit")
    assert wire.server.stopped.is_set()
    assert wire.server.exit_code == 0


async def test_exit_without_shutdown_is_a_failure(wire: Wire) -> None:
    wire.notify("exit")
    assert wire.server.stopped.is_set()
    assert wire.server.exit_code == 1


async def test_nothing_is_sent_once_the_pipe_is_closed(wire: Wire) -> None:
    await wire.initialize()
    wire.server.protocol.disconnect()
    before = len(wire.received)
    wire.open("bug")
    wire.server.editor.show("x")
    wire.start("textDocument/codeAction", CODE_ACTION)
    await settle()
    assert len(wire.received) == before


async def test_a_skipped_message_costs_the_document_its_sync_and_no_other(wire: Wire) -> None:
    await wire.initialize()
    wire.open("bug", uri="untitled:a b.py")
    wire.open("bug", uri="untitled:c.py")
    wire.clock.advance(0.2)
    await until(lambda: len(wire.published) == 2)
    head = b'{"method":"textDocument/didChange","params":{"textDocument":{"uri":"untitled:a b.py"'
    wire.feed(Oversize(10**9, head))
    await settle()
    assert [(p["uri"], p["diagnostics"]) for p in wire.published[2:]] == [("untitled:a b.py", [])]
    wire.feed(Oversize(10**9, b'{"jsonrpc":"2.0","params":{"contentChanges":["'))
    await settle()
    assert [(p["uri"], p["diagnostics"]) for p in wire.published[3:]] == [("untitled:c.py", [])]


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**33), 2**33) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
METHODS = st.sampled_from(
    [
        "textDocument/didOpen",
        "textDocument/didChange",
        "textDocument/didClose",
        "textDocument/didSave",
        "textDocument/codeAction",
        "workspace/executeCommand",
        "workspace/didChangeConfiguration",
        "workspace/didChangeWorkspaceFolders",
        "window/workDoneProgress/cancel",
        "$/cancelRequest",
        "initialized",
        "initialize",
    ]
)
PARAMS = JSON | st.fixed_dictionaries(
    {},
    optional={
        "textDocument": st.fixed_dictionaries(
            {"uri": st.sampled_from(["untitled:a.py", "file:///a.py", "%%%", ""])},
            optional={
                "version": st.integers(-5, 2**31) | JSON,
                "text": st.text(max_size=20),
                "languageId": JSON,
            },
        ),
        "contentChanges": st.lists(
            st.fixed_dictionaries(
                {"text": st.text(max_size=9)},
                optional={
                    "range": st.fixed_dictionaries(
                        {
                            name: st.fixed_dictionaries(
                                {"line": st.integers(-1, 2**31), "character": st.integers(-1, 2**31)}
                            )
                            for name in ("start", "end")
                        }
                    )
                },
            ),
            max_size=3,
        )
        | JSON,
        "range": JSON,
        "context": JSON,
        "command": st.sampled_from(["kibitz.stop", "kibitz.pause", "kibitz.showStatus"]) | JSON,
        "arguments": JSON,
        "settings": JSON,
        "event": JSON,
        "id": JSON,
    },
)


@pytest.mark.deep
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(METHODS, PARAMS, st.booleans()), max_size=8))
async def test_any_messages_leave_a_server_that_answers(messages: list[tuple[str, object, bool]]) -> None:
    wire = Wire()
    try:
        await wire.initialize()
        for method, params, is_request in messages:
            if is_request:
                wire.start(method, params)
            else:
                wire.notify(method, params)
        assert "result" in await wire.request("textDocument/codeAction", CODE_ACTION)
    finally:
        await wire.close()
