from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.lsp_wire import Json, Wire, edit, until
from tests.support.reviewing import FakeBackend, FakeOutcome, FakeService, finding

from kibitz.lsp.framing import Oversize

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

URI = "untitled:a.py"
TEXT = "a = 1\nb = bug1\nc = 2\nd = bug2\n"
LITERALS: Json = {"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}}}}
VERSIONED: Json = {"workspace": {"workspaceEdit": {"documentChanges": True}}, "textDocument": LITERALS}


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire(FakeBackend(FakeService()))
    yield wire
    await wire.close()


async def actions(
    wire: Wire, line: int, *, last: int | None = None, diagnostics: Any = (), **context: Any
) -> list[Json]:
    ends = {
        "start": {"line": line, "character": 0},
        "end": {"line": line if last is None else last, "character": 0},
    }
    return await ask(wire, ends, diagnostics, **context)


async def ask(wire: Wire, where: Json, diagnostics: Any = (), **context: Any) -> list[Json]:
    answer = await wire.request(
        "textDocument/codeAction",
        {
            "textDocument": {"uri": URI},
            "range": where,
            "context": {"diagnostics": list(diagnostics), **context},
        },
    )
    result: list[Json] = answer["result"]
    return result


async def fixes(wire: Wire, line: int, **asked: Any) -> list[Json]:
    """The actions that make a known fix."""
    return [each for each in await actions(wire, line, **asked) if each["title"].startswith("Fix")]


async def start(wire: Wire, capabilities: Json | None = None, text: str = TEXT, **params: object) -> None:
    await wire.initialize(VERSIONED if capabilities is None else capabilities, **params)
    wire.open(text)
    await until(lambda: bool(wire.published))


async def test_a_fix_is_a_quick_fix_with_its_edit_in_it(wire: Wire) -> None:
    await start(wire)
    (action,) = await fixes(wire, 1)
    assert action["kind"] == "quickfix"
    assert action["title"] == "Fix: bug1 is wrong"
    assert action["isPreferred"] is True
    assert [d["data"]["id"] for d in action["diagnostics"]] == [
        wire.published[-1]["diagnostics"][0]["data"]["id"]
    ]
    (change,) = action["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": URI, "version": 1}
    assert change["edits"] == [
        {
            "range": {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 8}},
            "newText": "fixed",
        }
    ]


async def test_clients_without_versioned_edits_get_plain_ones(wire: Wire) -> None:
    await start(wire, {"textDocument": LITERALS})
    (action,) = await fixes(wire, 1)
    assert list(action["edit"]) == ["changes"]
    assert list(action["edit"]["changes"]) == [URI]


async def test_found_by_range_and_by_what_is_sent_along(wire: Wire) -> None:
    await start(wire)
    first, second = wire.published[-1]["diagnostics"]
    assert await actions(wire, 0) == []
    assert len(await fixes(wire, 0, last=3)) == 2
    assert len(await fixes(wire, 3, last=0)) == 2
    assert [a["title"] for a in await fixes(wire, 0, diagnostics=[second])] == ["Fix: bug2 is wrong"]
    assert len(await fixes(wire, 1, diagnostics=[first])) == 1, "once, not twice"
    stranger = {**first, "source": "other"}
    assert await fixes(wire, 0, diagnostics=[stranger, {**first, "data": 7}, {**first, "data": None}]) == []


@pytest.mark.parametrize(
    ("only", "count"),
    [
        (["quickfix"], 1),
        ([""], 1),
        (["refactor"], 0),
        (["source.fixAll"], 0),
        (["quickfix.other"], 0),
        ([], 0),
    ],
)
async def test_only_the_kinds_that_are_asked_for(wire: Wire, only: list[str], count: int) -> None:
    await start(wire)
    assert len(await fixes(wire, 1, only=only)) == count


async def test_after_an_edit_the_fix_is_where_its_text_is_and_has_the_new_version(wire: Wire) -> None:
    await start(wire)
    wire.change(2, edit((0, 0), (0, 0), "# 😀\n"))
    (action,) = await fixes(wire, 2)
    (change,) = action["edit"]["documentChanges"]
    assert change["textDocument"]["version"] == 2
    assert change["edits"][0]["range"]["start"] == {"line": 2, "character": 4}


async def test_a_fix_whose_text_was_touched_is_not_offered(wire: Wire) -> None:
    await start(wire)
    wire.change(2, edit((1, 5), (1, 5), "x"))
    assert await fixes(wire, 1) == []
    assert len(await fixes(wire, 3)) == 1


async def test_nothing_is_offered_for_a_text_that_is_not_known(wire: Wire) -> None:
    await start(wire)
    wire.feed(
        Oversize(10**9, b'{"method":"textDocument/didChange","params":{"textDocument":{"uri":"untitled:a.py"')
    )
    assert await fixes(wire, 1) == []
    wire.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert await fixes(wire, 1) == []


async def test_what_is_unsure_or_risky_is_never_preferred() -> None:
    service = FakeService(manual=True)
    wire = Wire(FakeBackend(service))
    capabilities: Json = {
        "workspace": {"workspaceEdit": {"documentChanges": True, "changeAnnotationSupport": {}}},
        "textDocument": LITERALS,
    }
    await wire.initialize(capabilities)
    wire.open(TEXT)
    await until(lambda: bool(service.calls))
    unsure = finding(TEXT, "bug1", "x", sure=False)
    risky = finding(TEXT, "bug2", "eval(x)", title="two\nlines " + "x" * 200)
    assert risky.fix
    risky = replace(risky, fix=replace(risky.fix, needs_review=True))
    without = finding(TEXT, "c = 2")
    service.calls[0].answer.set_result(FakeOutcome([unsure, risky, without]))
    await until(lambda: bool(wire.published))
    first, second = await fixes(wire, 0, last=9)
    assert first["isPreferred"] is False
    assert second["isPreferred"] is False
    assert second["title"].startswith("Fix (look at it first): two lines x")
    assert len(second["title"]) < 130
    (annotation,) = second["edit"]["changeAnnotations"].items()
    assert annotation[1]["needsConfirmation"] is True
    assert second["edit"]["documentChanges"][0]["edits"][0]["annotationId"] == annotation[0]
    await wire.close()


async def test_a_menu_for_many_findings_has_only_their_fixes(wire: Wire) -> None:
    await start(wire, text="".join(f"x{number} = bug{number}\n" for number in range(30)))
    titles = [each["title"] for each in await actions(wire, 0, last=29)]
    assert len([title for title in titles if title.startswith("Fix: ")]) == 30
    assert not [title for title in titles if title.startswith("Explain: ")]
    assert [each for each in await actions(wire, 3) if each["title"].startswith("Explain: ")]


async def test_no_code_is_built_while_a_user_waits(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    await start(wire)
    await wire.server.protocol.warm()
    built = []

    def compiled(source: str, *rest: Any) -> Any:
        built.append(source.partition("\n")[0])
        return compile(source, *rest)

    monkeypatch.setattr("cattrs.gen.compile", compiled, raising=False)
    assert await fixes(wire, 1)
    at = {"line": 1, "character": 5}
    answer = await wire.request("textDocument/hover", {"textDocument": {"uri": URI}, "position": at})
    assert "bug1" in answer["result"]["contents"]["value"]
    assert not built, built


async def test_what_is_offered_again_is_of_the_text_as_it_is(wire: Wire) -> None:
    await start(wire)
    once = await actions(wire, 1)
    assert await actions(wire, 1) == once
    wire.change(2, edit((0, 0), (0, 0), "x = 0\n"))
    assert await actions(wire, 1) == [], "it stands a line further down"
    (after,) = await fixes(wire, 2)
    (change,) = after["edit"]["documentChanges"]
    assert change["textDocument"]["version"] == 2
    assert change["edits"][0]["range"]["start"] == {"line": 2, "character": 4}


async def test_menus_of_two_documents_do_not_mix(wire: Wire) -> None:
    await start(wire)
    wire.open("z = bug9\n", uri="untitled:b.py")
    where = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}
    asked = {"textDocument": {"uri": "untitled:b.py"}, "range": where, "context": {"diagnostics": []}}
    # Longer than one waits that was opened along with others.
    wire.clock.advance(10)
    await until(lambda: wire.published[-1]["uri"] == "untitled:b.py")
    first = await fixes(wire, 1)
    answer = await wire.request("textDocument/codeAction", asked)
    assert "Fix: bug9 is wrong" in [each["title"] for each in answer["result"]]
    assert await fixes(wire, 1) == first
