"""Asking a model for an edit, or an explanation, by either way: resolving an action, or a command."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import Json, Wire, edit, settle, until
from tests.support.reviewing import FakeBackend, FakeOutcome, FakeService, finding

from kibitz.lsp.reviews import Defaults
from kibitz.provider.errors import APIError
from kibitz.provider.models import ContextAnalysis, Edit, Suggestion, Usage
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

URI = "untitled:a.py"
TEXT = "a = 1\nb = wrong\nc = 3\n"
AT = TEXT.index("wrong")
THERE = {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 9}}
COMPLAINT: Json = {"range": THERE, "message": "Undefined \u202ename", "source": "other", "code": 7}
RESOLVES: Json = {
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {},
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
        }
    },
    "workspace": {"workspaceEdit": {"documentChanges": True}, "applyEdit": True},
}


def suggestion(start: int = AT, old: str = "wrong", new: str = "right") -> Suggestion:
    return Suggestion(
        "Write it right", "It is defined.", (Edit(Span(start, start + len(old)), old, new),), Usage()
    )


class Asking(Wire):
    """A client that can resolve, with a document in which another server has found something."""

    def __init__(self) -> None:
        self.service = FakeService()
        super().__init__(FakeBackend(self.service))

    async def begin(self, capabilities: Json | None = None, uri: str = URI) -> None:
        await self.initialize(RESOLVES if capabilities is None else capabilities)
        self.uri = uri
        self.open(TEXT, uri)
        await until(lambda: self.server.session.busy == 0)

    async def offered(self, *diagnostics: Json, **context: object) -> list[Json]:
        asked = {"textDocument": {"uri": self.uri}, "range": THERE}
        answer = await self.request(
            "textDocument/codeAction", {**asked, "context": {"diagnostics": list(diagnostics), **context}}
        )
        found: list[Json] = answer["result"]
        return found

    async def fix(self) -> Json:
        (found,) = [a for a in await self.offered(COMPLAINT) if a["title"].startswith("Fix with kibitz")]
        return found

    async def resolve(self, action: Json) -> Json:
        return await self.request("codeAction/resolve", action)

    async def run(self, name: str, argument: object) -> Json:
        return await self.request("workspace/executeCommand", {"command": name, "arguments": [argument]})


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    asking = Asking()
    yield asking
    await asking.close()


def edits_of(answer: Json) -> list[Json]:
    (change,) = answer["result"]["edit"]["documentChanges"]
    found: list[Json] = change["edits"]
    return found


async def test_titles_show_only_what_can_be_seen_and_the_question_quotes_the_complaint(
    asking: Asking,
) -> None:
    await asking.begin()
    action = await asking.fix()
    assert action["title"] == "Fix with kibitz: Undefined name"
    asking.service.suggestions.set_result([suggestion()])
    await asking.resolve(action)
    (place,) = asking.service.places
    assert [(each.source, each.code) for each in place.diagnostics] == [("other", "7")]


async def test_only_so_many_complaints_are_offered_to_mend(asking: Asking) -> None:
    await asking.begin()
    offered = await asking.offered(*[COMPLAINT] * 500)
    assert len([a for a in offered if a["title"].startswith("Fix with")]) == 5


async def test_typing_elsewhere_while_the_model_thinks_costs_nothing(asking: Asking) -> None:
    await asking.begin()
    asked = asking.start("codeAction/resolve", await asking.fix())
    await until(lambda: bool(asking.service.places))
    asking.change(2, edit((0, 0), (0, 0), "# 😀\n"))
    asking.service.suggestions.set_result([suggestion()])
    await until(lambda: asking.answer(asked) is not None)
    answer = asking.answer(asked)
    assert answer is not None
    (change,) = answer["result"]["edit"]["documentChanges"]
    assert change["textDocument"]["version"] == 2
    assert change["edits"][0]["range"]["start"] == {"line": 2, "character": 4}


@pytest.mark.parametrize("how", ["typed", "closed", "reopened"])
async def test_an_edit_for_code_that_is_not_there_any_more_is_refused(asking: Asking, how: str) -> None:
    await asking.begin()
    asked = asking.start("codeAction/resolve", await asking.fix())
    await until(lambda: bool(asking.service.places))
    if how == "typed":
        asking.change(2, edit((1, 5), (1, 6), "R"))
    else:
        asking.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    if how == "reopened":
        asking.open(TEXT)
    asking.service.suggestions.set_result([suggestion()])
    await until(lambda: asking.answer(asked) is not None)
    answer = asking.answer(asked)
    assert answer is not None
    assert answer["error"]["code"] == -32801
    assert asking.messages == [f"kibitz: {answer['error']['message']}"]


@pytest.mark.parametrize("none", [[], [suggestion(old="WRONG")]])
async def test_no_suggestion_that_fits_is_said_and_nothing_is_edited(
    asking: Asking, none: Sequence[Suggestion]
) -> None:
    await asking.begin()
    asking.service.suggestions.set_result(none)
    answer = await asking.resolve(await asking.fix())
    assert "no other way" in answer["error"]["message"]
    assert len(asking.messages) == 1


async def test_the_first_suggestion_that_stands_is_taken(asking: Asking) -> None:
    await asking.begin()
    asking.service.suggestions.set_result([suggestion(old="WRONG"), suggestion(new="second")])
    assert edits_of(await asking.resolve(await asking.fix()))[0]["newText"] == "second"


async def test_a_failure_of_the_provider_is_told(asking: Asking) -> None:
    await asking.begin()
    asking.service.suggestions.set_exception(APIError("the provider is busy; try later"))
    answer = await asking.resolve(await asking.fix())
    assert answer["error"] == {"code": -32803, "message": "the provider is busy; try later"}
    assert asking.messages == ["kibitz: the provider is busy; try later"]


async def test_a_file_that_must_not_be_sent_is_not() -> None:
    asking = Asking()
    asking.service.refused["/w/.env"] = "it holds secrets"
    await asking.begin(uri="file:///w/.env")
    answer = await asking.resolve(await asking.fix())
    assert "must not be sent anywhere: it holds secrets" in answer["error"]["message"]
    assert asking.service.places == []
    await asking.close()


async def test_what_was_typed_while_the_disk_was_looked_at_is_seen(asking: Asking) -> None:
    await asking.begin(uri="file:///w/a.py")
    action = await asking.fix()
    asked = asking.start("codeAction/resolve", action)
    asking.change(2, edit((1, 4), (1, 4), "x"), uri="file:///w/a.py")
    await until(lambda: asking.answer(asked) is not None)
    answer = asking.answer(asked)
    assert answer is not None
    assert answer["error"]["code"] == -32801
    assert asking.service.places == []


async def test_nothing_is_asked_or_offered_while_paused_or_off(asking: Asking) -> None:
    await asking.begin()
    action = await asking.fix()
    asking.server.session.pause()
    assert await asking.offered(COMPLAINT) == []
    assert "kibitz.resume" in (await asking.resolve(action))["error"]["message"]
    asking.server.session.resume()
    asking.server.session.use(Defaults(enabled=False), asking.service)
    assert await asking.offered(COMPLAINT) == []
    assert "error" in await asking.resolve(action)
    assert asking.service.places == []


async def test_manual_reviews_do_not_keep_the_user_from_asking() -> None:
    asking = Asking()
    asking.backend.knobs = Defaults(trigger="manual")
    await asking.begin()
    asking.service.suggestions.set_result([suggestion()])
    assert edits_of(await asking.resolve(await asking.fix()))[0]["newText"] == "right"
    await asking.close()


async def test_what_needs_no_edit_comes_back_as_it_is(asking: Asking) -> None:
    await asking.begin()
    for action in (
        {"title": "x"},
        {"title": "x", "data": {"uri": URI}},
        {"title": "x", "data": 7},
        {"title": "x", "edit": {"changes": {}}, "data": {"uri": URI}},
    ):
        assert (await asking.resolve(action))["result"] == action
    assert asking.service.places == []


async def test_a_selection_is_rewritten_or_explained(asking: Asking) -> None:
    await asking.begin()
    improve, explain = await asking.offered()
    assert (improve["kind"], explain["kind"]) == ("refactor.rewrite", "refactor.explain")
    asking.service.explanation.set_result(
        ContextAnalysis("It names.", ("b",), ("never",), "", Usage(), "fake-1")
    )
    command = explain["command"]
    told = (await asking.run(command["command"], command["arguments"][0]))["result"]
    assert told == {"summary": "It names.", "reliesOn": ["b"], "breaksWhen": ["never"], "explanation": ""}
    assert asking.messages == ["kibitz: It names."]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"applied": True}, None),
        ({"applied": False, "failureReason": "read only"}, "read only"),
        ({"applied": False}, "the editor refused it"),
        (None, "the editor did not say"),
    ],
)
async def test_a_command_has_the_editor_make_the_edit_and_tells_the_outcome(
    asking: Asking, answer: Json | None, said: str | None
) -> None:
    asking.answers["workspace/applyEdit"] = lambda _message: answer
    await asking.begin()
    asking.service.suggestions.set_result([suggestion()])
    told = (await asking.run("kibitz.fix", (await asking.fix())["data"]))["result"]
    (asked,) = asking.of("workspace/applyEdit")
    assert asked["label"] == "Write it right"
    assert told["applied"] is (said is None)
    assert said is None or (said in told["reason"] and said in asking.messages[-1])


async def test_clients_that_take_only_commands_get_commands() -> None:
    asking = Asking()
    asking.service.manual = True
    await asking.initialize({"workspace": {"applyEdit": True}})
    asking.uri = URI
    asking.open(TEXT)
    await until(lambda: bool(asking.service.calls))
    asking.service.calls[0].answer.set_result(FakeOutcome([finding(TEXT, "wrong", "right")]))
    await until(lambda: bool(asking.published))
    asking.answers["workspace/applyEdit"] = lambda _message: {"applied": True}
    offered = await asking.offered()
    assert {type(each["command"]) for each in offered} == {str}
    fix = next(each for each in offered if each["title"].startswith("Fix"))
    assert (await asking.run(fix["command"], fix["arguments"][0]))["result"]["applied"] is True
    (made,) = asking.of("workspace/applyEdit")
    assert made["edit"]["changes"][URI][0]["newText"] == "right"
    assert asking.service.places == [], "its fix was known"
    await asking.close()


async def test_what_is_found_without_a_fix_can_be_asked_for_one() -> None:
    asking = Asking()
    asking.service.manual = True
    await asking.initialize(RESOLVES)
    asking.uri = URI
    asking.open(TEXT)
    await until(lambda: bool(asking.service.calls))
    asking.service.calls[0].answer.set_result(FakeOutcome([finding(TEXT, "wrong")]))
    await until(lambda: bool(asking.published))
    (action,) = [a for a in await asking.offered() if a["title"].startswith("Fix with kibitz")]
    assert "isPreferred" not in action
    asking.service.suggestions.set_result([suggestion()])
    assert edits_of(await asking.resolve(action))[0]["newText"] == "right"
    (place,) = asking.service.places
    assert [each.source for each in place.diagnostics] == ["kibitz"]
    await asking.close()


async def test_all_safe_fixes_are_one_edit_and_none_overlap() -> None:
    text = "a = one\nb = two\nc = three\n"
    asking = Asking()
    asking.service.manual = True
    await asking.initialize(RESOLVES)
    asking.uri = URI
    asking.open(text)
    await until(lambda: bool(asking.service.calls))
    over = finding(text, "= one\nb = two", "= 9", title="over")
    risky = finding(text, "three", "eval()")
    assert risky.fix is not None
    risky = replace(risky, fix=replace(risky.fix, needs_review=True))
    every = [
        finding(text, "one", "1"),
        over,
        finding(text, "two", "2"),
        finding(text, "b", "d", sure=False),
        risky,
    ]
    asking.service.calls[0].answer.set_result(FakeOutcome(every))
    await until(lambda: bool(asking.published))
    (action,) = await asking.offered(only=["source.fixAll.kibitz"])
    changes = edits_of({"result": action})
    assert [each["newText"] for each in changes] == ["1", "2"], "as many as fit"
    asking.change(2, edit((0, 5), (0, 6), "N"))
    (action,) = await asking.offered(only=["source"])
    assert [each["newText"] for each in edits_of({"result": action})] == ["2"], "what is touched is left"
    await asking.close()


async def test_in_a_menu_for_something_else_all_safe_fixes_come_once_they_are_chosen(asking: Asking) -> None:
    await asking.initialize(RESOLVES)
    asking.uri = URI
    asking.open("a = bug1\nb = bug2\n")
    await until(lambda: bool(asking.published))
    (action,) = [each for each in await asking.offered() if each["kind"] == "source.fixAll.kibitz"]
    assert "edit" not in action
    assert [each["newText"] for each in edits_of(await asking.resolve(action))] == ["fixed", "fixed"]
    asking.change(2, edit((0, 0), (0, 0), "#"))
    assert (await asking.resolve(action))["error"]["code"] == -32801
    assert asking.messages[-1] == "kibitz: the code has changed since; ask again"
    assert asking.service.places == [], "no model was asked"


async def test_a_question_ends_with_the_conversation() -> None:
    asking = Asking()
    await asking.begin()
    asking.start("codeAction/resolve", await asking.fix())
    await until(lambda: bool(asking.service.places))
    await asking.close()
    await settle()
