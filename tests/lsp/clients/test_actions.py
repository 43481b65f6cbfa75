"""Fixes, explanations and commands, as each client can take them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.lsp.clients.expected import EXPECTED
from tests.support.captured_wire import URI
from tests.support.lsp_wire import Json, settle, until
from tests.support.reviewing import FakeOutcome, finding

from kibitz.lsp.commands import COMMANDS
from kibitz.provider.models import ContextAnalysis, Edit, Suggestion, Usage
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.captured_wire import CapturedWire

TEXT = "s = '😀é'; x = bug1\ny = wrong + 1\n"
THERE = {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 9}}
COMPLAINT = {"range": THERE, "message": "Undefined name `wrong`", "source": "other", "code": "F821"}
EXPLAINED = ContextAnalysis("It adds one.", ("a number",), ("it is None",), "It holds.", Usage(), "fake-1")


def named(actions: list[Json], title: str) -> Json:
    return next(action for action in actions if action["title"].startswith(title))


def suggest(client: CapturedWire, new: str = "right") -> None:
    at = client.text.index("wrong")
    edit = Edit(Span(at, at + 5), "wrong", new)
    client.service.suggestions.set_result([Suggestion("Write it right", "It is defined.", (edit,), Usage())])


async def open_with_a_finding(client: CapturedWire, **parts: Any) -> Json:
    """A finding in line 0 whose fix is ``fixed``, as its diagnostic."""
    client.service.manual = True
    await client.begin(TEXT)
    await until(lambda: bool(client.service.calls))
    found = finding(TEXT, "bug1", "fixed")
    if parts and found.fix is not None:
        found = replace(found, fix=replace(found.fix, **parts))
    client.service.calls[0].answer.set_result(FakeOutcome([found]))
    (shown,) = await client.shown()
    return shown


async def test_a_fix_that_is_known_comes_whole_and_lands(client: CapturedWire) -> None:
    expected = EXPECTED[client.name]
    shown = await open_with_a_finding(client)
    action = named(await client.actions(shown["range"], shown), "Fix: bug1 is wrong")
    assert (action["kind"], action["isPreferred"]) == ("quickfix", True)
    assert ("documentChanges" in action["edit"]) is expected.versioned
    assert action.get("tags") == ([1] if expected.generated else None)
    assert ("changeAnnotations" in action["edit"]) is expected.annotated
    assert "disabled" not in action
    client.make(action["edit"])
    assert client.text == TEXT.replace("bug1", "fixed")


async def test_a_fix_that_needs_a_look_is_never_preferred(client: CapturedWire) -> None:
    shown = await open_with_a_finding(client, needs_review=True)
    action = named(await client.actions(shown["range"], shown), "Fix (look at it first)")
    assert not action.get("isPreferred")
    if EXPECTED[client.name].annotated:
        (annotation,) = action["edit"]["changeAnnotations"].values()
        assert annotation["needsConfirmation"] is True


async def test_only_kinds_that_were_asked_for_come(client: CapturedWire) -> None:
    shown = await open_with_a_finding(client)
    every = await client.actions(shown["range"], shown, only=["source.fixAll"])
    assert {action["kind"] for action in every} == {"source.fixAll.kibitz"}
    client.make(every[0]["edit"])
    assert "bug1" not in client.text


async def test_what_another_server_says_is_mended_by_the_model_once_that_is_chosen(
    client: CapturedWire,
) -> None:
    how = EXPECTED[client.name].fixes
    await open_with_a_finding(client)
    offered = [a for a in await client.actions(THERE, COMPLAINT) if a["title"].startswith("Fix with kibitz")]
    assert client.service.places == [], "nobody chose it"
    if not how:
        assert offered == [], "there is no way to make the edit"
        return
    (action,) = offered
    assert "edit" not in action
    assert ("data" in action, "command" in action) == (how == "resolve", how == "command")
    assert action["diagnostics"] == [COMPLAINT]
    suggest(client)
    if how == "resolve":
        answer = await client.request("codeAction/resolve", action)
        client.make(answer["result"]["edit"])
        again = await client.request("codeAction/resolve", answer["result"])
        assert again["result"] == answer["result"]
    else:
        assert (await client.run(action["command"]))["result"]["applied"] is True
        assert len(client.applied) == 1
    assert client.text == TEXT.replace("wrong", "right")
    assert [place.span.of(TEXT) for place in client.service.places] == ["wrong"]


@pytest.mark.parametrize("how", ["it ends", "the progress is cancelled", "the request is cancelled", "stop"])
async def test_asking_for_a_fix_is_shown_and_can_be_stopped(client: CapturedWire, how: str) -> None:
    expected = EXPECTED[client.name]
    await open_with_a_finding(client)
    offered = [a for a in await client.actions(THERE, COMPLAINT) if a["title"].startswith("Fix with kibitz")]
    if not offered:
        return
    if expected.fixes == "resolve":
        asked = client.start("codeAction/resolve", offered[0])
    else:
        asked = client.start("workspace/executeCommand", offered[0]["command"])
    await until(lambda: bool(client.service.places))
    await until(lambda: bool(client.of("$/progress")) or not expected.progress)
    if how == "it ends":
        suggest(client)
    elif how == "stop":
        await client.run({"command": "kibitz.stop"})
    elif how == "the request is cancelled":
        client.notify("$/cancelRequest", {"id": asked})
    elif expected.progress:
        token = client.of("$/progress")[-1]["token"]
        client.notify("window/workDoneProgress/cancel", {"token": token})
    else:
        return
    await until(lambda: client.answer(asked) is not None)
    assert ("result" in (client.answer(asked) or {})) is (how == "it ends")
    assert (client.text == TEXT) is (expected.fixes == "resolve" or how != "it ends")
    kinds = [params["value"]["kind"] for params in client.of("$/progress")]
    assert kinds == (["begin", "end"] if expected.progress else [])


async def test_a_fix_for_code_that_changed_is_refused_with_a_reason(client: CapturedWire) -> None:
    await open_with_a_finding(client)
    offered = [a for a in await client.actions(THERE, COMPLAINT) if a["title"].startswith("Fix with kibitz")]
    if not EXPECTED[client.name].fixes:
        return
    client.type(THERE, "wrongly")
    if EXPECTED[client.name].fixes == "resolve":
        answer = await client.request("codeAction/resolve", offered[0])
    else:
        answer = await client.run(offered[0]["command"])
    assert answer["error"]["code"] == -32801
    assert any("changed" in message for message in client.messages)
    assert client.service.places == []
    assert client.applied == []


async def test_a_selection_is_improved_where_there_is_a_way(client: CapturedWire) -> None:
    await open_with_a_finding(client)
    every = await client.actions(THERE, only=["refactor"])
    improving = [action for action in every if action["title"].startswith("Improve selection")]
    assert len(improving) == bool(EXPECTED[client.name].fixes)
    nothing = {"start": THERE["start"], "end": THERE["start"]}
    assert not [a for a in await client.actions(nothing) if a["kind"].startswith("refactor")]


async def test_a_hover_speaks_the_clients_language_and_has_the_explanation_once_there_is_one(
    client: CapturedWire,
) -> None:
    shown = await open_with_a_finding(client)
    kind = "markdown" if EXPECTED[client.name].markdown else "plaintext"
    where = {"textDocument": {"uri": URI}, "position": shown["range"]["start"]}
    hover = (await client.request("textDocument/hover", where))["result"]
    assert hover["contents"]["kind"] == kind
    assert "bug1 is wrong" in hover["contents"]["value"]
    assert client.covered(hover["range"]) == "bug1"

    action = named(await client.actions(shown["range"], shown), "Explain: ")
    client.service.explanation.set_result(EXPLAINED)
    assert (await client.run(action["command"]))["result"]["summary"] == "It adds one."
    assert any("It adds one." in message for message in client.messages)
    hover = (await client.request("textDocument/hover", where))["result"]
    assert "It holds" in hover["contents"]["value"]
    nowhere = {"textDocument": {"uri": URI}, "position": {"line": 1, "character": 0}}
    assert (await client.request("textDocument/hover", nowhere))["result"] is None


@pytest.mark.parametrize("command", sorted(COMMANDS))
async def test_every_command_is_answered(client: CapturedWire, command: str) -> None:
    await client.begin(TEXT)
    await client.shown()
    client.service.explanation.set_result(EXPLAINED)
    for arguments in ([], [URI], [{"uri": URI}], [{"uri": "untitled:none"}], [7], [None], ["x"] * 9):
        answer = await client.run({"command": command, "arguments": arguments})
        assert ("result" in answer) != ("error" in answer)
        if "error" in answer:
            assert answer["error"]["code"] in {-32602, -32803, -32801}, answer
            assert answer["error"]["message"]


@pytest.mark.parametrize("scope", ["finding", "rule"])
async def test_what_is_wrong_is_dismissed_shown_again_and_brought_back(
    client: CapturedWire, tmp_path: Path, scope: str
) -> None:
    uri = f"{tmp_path.as_uri()}/a.py"
    client.service.manual = True
    await client.begin()
    client.open(TEXT, uri, version=0)
    await settle()
    client.clock.advance(60)  # It was opened along with another.
    await until(lambda: any(call.text == TEXT for call in client.service.calls))
    client.service.calls[-1].answer.set_result(FakeOutcome([finding(TEXT, "bug1", "fixed")]))

    def last() -> list[Json]:
        sent = [params for params in client.published if params["uri"] == uri]
        found: list[Json] = sent[-1]["diagnostics"] if sent else []
        return found

    async def choose(title: str) -> Json:
        params = {"textDocument": {"uri": uri}, "range": where, "context": {"diagnostics": last()}}
        offered = (await client.request("textDocument/codeAction", params))["result"]
        action = named(offered, title)
        assert "edit" not in action
        # A client that knows no literals gets the bare command.
        command = action["command"] if isinstance(action["command"], dict) else action
        answer: Json = (await client.run(command))["result"]
        return answer

    await until(lambda: len(last()) == 1)
    where = last()[0]["range"]
    told = {"finding": "Dismiss this finding: bug1 is wrong", "rule": "Dismiss in this file: KB101"}
    assert (await choose(told[scope]))["scope"] == scope
    assert last() == []
    assert await choose("Show dismissed findings (1)") == {"shown": True, "count": 1}
    assert [each["severity"] for each in last()] == [4]
    assert last()[0]["data"]["dismissed"] is True
    assert (await choose("Undo dismissal: bug1 is wrong"))["undismissed"] is True
    assert [each["severity"] for each in last()] == [2]
    assert client.messages == []
    assert client.overasked() == []
