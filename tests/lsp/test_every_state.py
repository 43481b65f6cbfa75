"""Each state that the status can have says what it is and what to do; and no way to one is left out here."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from dataclasses import replace
from textwrap import dedent
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.lsp.test_session import Room
from tests.lsp.test_status import Setup
from tests.provider.test_status_text import CLOSED, FIRST, GATE, KEY
from tests.support.lsp_wire import settle
from tests.support.reviewing import FakeOutcome, marked

from kibitz.lsp import health, notices, status
from kibitz.lsp.commands import COMMANDS
from kibitz.lsp.reviews import Defaults
from kibitz.lsp.silence import silence_of
from kibitz.lsp.status import State, Status, status_of
from kibitz.provider.breaker import State as BreakerState
from kibitz.provider.errors import ConfigError, OpenAIError, RateLimitExceeded, Timeout
from kibitz.provider.fallback import BUDGET
from kibitz.provider.status import EngineStatus, LaneStatus
from kibitz.telemetry.anomaly import Stage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import CodeType, FrameType

    from kibitz.app import App

WAYS = (status._state, status._worse, health.health_of, health._problem, notices._advice)
"""All that decides about a state."""
UNREPAIRED = {State.OFF, State.PAUSED, State.DEGRADED}


def app(**what: Any) -> App:
    """As much of an app as its health depends on."""
    calm = SimpleNamespace(stage=Stage.NONE, why="")
    spending = SimpleNamespace(
        budget=SimpleNamespace(refusal=what.get("refusal")), vigil=what.get("vigil", calm)
    )
    made = SimpleNamespace(
        ledger=SimpleNamespace(run=SimpleNamespace(requests=0)),
        spending=spending,
        unusable=what.get("unusable"),
        choice=SimpleNamespace(provider=what.get("provider", "openai")),
        engine=lambda: what.get("engine"),
        cache_problems=lambda: what.get("cache", ()),
    )
    return cast("App", made)


def unusual(stage: Stage) -> SimpleNamespace:
    return SimpleNamespace(stage=stage, why="900 requests in an hour")


def engine(using: str = FIRST.name, **first: Any) -> EngineStatus:
    return EngineStatus(using, (replace(FIRST, **first), replace(FIRST, name="another")), ())


CAP = SimpleNamespace(words="today's budget of $10.00")
APPS: dict[str, App] = {
    "a budget is used up": app(refusal=SimpleNamespace(cap=CAP, until="midnight")),
    "unusual use, paused": app(vigil=unusual(Stage.PAUSE)),
    "unusual use, told": app(vigil=unusual(Stage.STATUS)),
    "unusual use, slowed down": app(vigil=unusual(Stage.THROTTLE)),
    "nobody can be asked": app(unusable=ConfigError("no model at all")),
    "a fallback": app(engine=engine("another", down="no such model")),
    "a fallback for no reason": app(engine=engine("another")),
    "the place of the keys": app(engine=engine(problem="the file is gone")),
    "an open breaker": app(
        engine=engine(lanes=(LaneStatus(KEY.id, GATE, replace(CLOSED, state=BreakerState.OPEN)),))
    ),
    "a pause of the provider": app(
        engine=engine(lanes=(LaneStatus(KEY.id, replace(GATE, paused_for=9), CLOSED),))
    ),
    "a disk that is full": app(cache=("kibitz cannot use its state database /x: full. It works on.",)),
    "nobody was asked yet": app(),
    "the embedded model": app(provider="local", engine=engine()),
    "all is well": app(engine=engine()),
}
HEALTHY = {"nobody was asked yet", "the embedded model", "all is well"}
PAUSED = {"a budget is used up", "unusual use, paused"}
FAILURES: dict[str, OpenAIError] = {
    "settings": ConfigError("the key is not accepted"),
    "the budget": RateLimitExceeded("no more today", code=BUDGET),
    "credit": RateLimitExceeded("no credit"),
    "time": Timeout("no answer", after_ms=5),
}


async def of_health(name: str) -> Status:
    room = Room()
    room.service.condition = health.health_of(APPS[name], "fake")
    return status_of(room.session, Setup())


def state_of(name: str) -> State:
    return State.IDLE if name in HEALTHY else State.PAUSED if name in PAUSED else State.DEGRADED


async def of_failure(name: str) -> Status:
    room = Room()
    room.session.notices.failure(FAILURES[name])
    return status_of(room.session, Setup())


async def switched_off() -> Status:
    room = Room()
    room.session.use(Defaults(enabled=False), None)
    return status_of(room.session, Setup())


async def of_setup(**setup: Any) -> Status:
    room = Room()
    room.session.use(Defaults(), None)
    return status_of(room.session, Setup(**setup))


async def paused() -> Status:
    room = Room()
    room.session.pause()
    return status_of(room.session, Setup())


async def busy() -> Status:
    room = Room(manual=True)
    room.open("x = bug\n")
    await settle()
    return status_of(room.session, Setup())


async def stale() -> Status:
    room = Room(manual=True)
    room.open("x = bug\n")
    await settle()
    room.service.calls[-1].answer.set_result(FakeOutcome(marked("x = bug\n")))
    await settle()
    room.session.forget_reviews()
    await settle()
    room.service.calls[-1].answer.set_exception(Timeout("no answer", after_ms=1))
    await settle()
    room.session.notices.settle()
    return status_of(room.session, Setup())


async def wrong_setting() -> Status:
    return status_of(Room().session, Setup(problems=("debounce_ms is too long",)))


async def all_reviewed() -> Status:
    return status_of(Room().session, Setup())


CASES: dict[str, tuple[State, Callable[[], Awaitable[Status]]]] = {
    "all is reviewed": (State.IDLE, all_reviewed),
    "something is": (State.BUSY, busy),
    "kibitz starts": (State.BUSY, lambda: of_setup(starting=True)),
    "switched off": (State.OFF, switched_off),
    "no reviewer": (State.OFF, lambda: of_setup(trouble="no API key is set")),
    "the user paused it": (State.PAUSED, paused),
    "stale findings": (State.DEGRADED, stale),
    "a wrong setting": (State.DEGRADED, wrong_setting),
    **{
        name: (state_of(name), lambda name=name: of_health(name))  # type: ignore[misc]  # bound at once
        for name in APPS
    },
    **{
        f"a failure of {name}": (State.DEGRADED, lambda name=name: of_failure(name))  # type: ignore[misc]  # as above
        for name in FAILURES
    },
}


@pytest.mark.parametrize("name", CASES)
async def test_a_state_says_what_it_is_and_what_to_do(name: str) -> None:
    state, reach = CASES[name]
    told = await reach()
    assert told.state is state
    assert len(told.message) > 3
    named = set(re.findall(r"kibitz\.[a-zA-Z]+", f"{told.message} {told.action}"))
    assert named <= set(COMMANDS)
    if state in UNREPAIRED:
        assert named or re.match(r"set \w|mend|nothing: kibitz tries again by itself", told.action), told
    else:
        assert told.action == ""


async def test_no_way_to_a_state_is_left_out() -> None:
    ways = {way.__code__: way for way in WAYS}
    with lines_run(set(ways)) as ran:
        for _, reach in CASES.values():
            await reach()
    missed = [
        f"{way.__qualname__}: {ast.unparse(node)}"
        for code, way in ways.items()
        for node, lines in returns_of(way)
        if not lines & {line for ran_code, line in ran if ran_code is code}
    ]
    assert missed == []


class lines_run:  # noqa: N801 - used like a function
    """While the block runs, the lines of some functions that are."""

    def __init__(self, codes: set[CodeType]) -> None:
        self._codes = codes
        self._ran: set[tuple[CodeType, int]] = set()

    def __enter__(self) -> set[tuple[CodeType, int]]:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self._ran

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code not in self._codes:
            return None
        if event == "line":
            self._ran.add((frame.f_code, frame.f_lineno))
        return self._trace


def returns_of(way: Callable[..., Any]) -> Iterator[tuple[ast.Return, set[int]]]:
    source, first = inspect.getsourcelines(way)
    for node in ast.walk(ast.parse(dedent("".join(source)))):
        if isinstance(node, ast.Return):
            yield node, {first - 1 + line for line in range(node.lineno, (node.end_lineno or 0) + 1)}


@pytest.mark.parametrize(
    ("knobs", "uri", "language", "why"),
    [
        ({}, "untitled:a.txt", "plaintext", "no source code that kibitz knows"),
        ({"enabled": False}, "untitled:a.py", "python", "enabled"),
        ({"languages": ("go",)}, "untitled:a.py", "python", "languages: go"),
        ({"max_file_bytes": 3}, "untitled:a.py", "python", "larger than max_file_bytes, which is 3"),
        ({}, "file:///refused.py", "python", "ignored by .gitignore line 1"),
        ({"trigger": "save"}, "untitled:a.py", "python", "when you save it"),
        ({"trigger": "manual"}, "untitled:a.py", "python", "only when you ask"),
    ],
)
async def test_a_document_that_is_not_reviewed_has_a_reason(
    knobs: dict[str, Any], uri: str, language: str, why: str
) -> None:
    room = Room(**knobs)
    room.service.refused["/refused.py"] = "ignored by .gitignore line 1"
    room.session.opened(uri, 1, language, "x = bug\n")
    await settle()
    document = room.session.documents.get(uri)
    assert document is not None
    silence = await silence_of(room.session, document)
    assert silence is not None
    assert why in silence.why
    assert silence.action


async def test_reasons_that_pass() -> None:
    room = Room()
    room.open("x = bug\n")
    await settle()
    document = next(iter(room.session.documents))
    assert await silence_of(room.session, document) is None
    room.session.pause()
    room.type(0, 0, "#")
    assert (silence := await silence_of(room.session, document)) is not None
    assert silence.action == "run the command kibitz.resume"
    room.session.resume()
    room.session.lost(document.uri)
    assert (silence := await silence_of(room.session, document)) is not None
    assert silence.action == "close it and open it again"
