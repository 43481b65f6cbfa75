from __future__ import annotations

from tests.lsp.test_session import FakeEditor
from tests.support.clock import FakeClock
from tests.support.lsp_wire import until
from tests.support.reviewing import FakeService

from kibitz.lsp.capabilities import Client
from kibitz.lsp.hinting import PAUSE_SECONDS
from kibitz.lsp.reviews import Defaults
from kibitz.lsp.session import Session
from kibitz.text.lines import Position
from kibitz.text.snapshot import TextChange

URI = "file:///w/a.py"
KEY = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
CODE = f"x = 1\ntoken = '{KEY}'\n"


class Desk:
    def __init__(self, knobs: Defaults | None = None) -> None:
        self.editor, self.clock = FakeEditor(), FakeClock()
        self.session = Session(self.editor, self.clock, Client())
        if knobs is not None:
            self.session.use(knobs, None)

    @property
    def shown(self) -> list[str]:
        return self.editor.published[-1][2] if self.editor.published else []

    async def hinted(self, uri: str = URI) -> None:
        """Until it is looked at."""
        await until(lambda: uri not in self.session.hinting._tasks)

    def type(self, version: int, line: int, text: str) -> None:
        place = Position(line, 0)
        self.session.changed(URI, version, [TextChange((place, place), text)])


async def test_a_secret_is_shown_at_once_and_without_anybody_to_ask() -> None:
    desk = Desk()
    desk.session.opened(URI, 1, "python", CODE)
    await until(lambda: bool(desk.shown))
    (shown,) = desk.shown
    assert shown.startswith("1:9 Possible secret (github)")
    assert KEY not in shown
    document = desk.session.documents.get(URI)
    assert document is not None
    (hint,) = document.hints
    assert (hint.finding.rule, hint.finding.fix) == ("secret-in-code", None)


async def test_it_moves_with_what_is_typed_and_goes_when_it_is_gone() -> None:
    desk = Desk()
    desk.session.opened(URI, 1, "python", CODE)
    await until(lambda: bool(desk.shown))
    desk.type(2, 0, "y = 2\n")
    desk.type(3, 0, "b = '\u202e'\n")
    desk.clock.advance(PAUSE_SECONDS)
    await until(lambda: len(desk.shown) == 2)
    assert desk.shown[0].startswith("0:5 This line may read in another order")
    assert desk.shown[1].startswith("3:9 Possible secret")
    desk.session.changed(URI, 4, [TextChange(None, "x = 1\n")])
    desk.clock.advance(PAUSE_SECONDS)
    await until(lambda: desk.shown == [])


async def test_typing_looks_once_for_each_pause() -> None:
    desk = Desk()
    desk.session.opened(URI, 1, "python", "x = 1\n")
    await desk.hinted()
    for version in range(2, 12):
        desk.type(version, 0, "a")
        assert not desk.session.hinting._tasks
        desk.clock.advance(PAUSE_SECONDS / 2)
    desk.clock.advance(PAUSE_SECONDS)
    assert len(desk.session.hinting._tasks) == 1
    await desk.hinted()


async def test_each_code_can_be_switched_off_and_all_with_kibitz() -> None:
    code = CODE + "a\u200b = '\u202e'\n"
    for off, left in (
        ((), ["secret-in-code", "trojan-source"]),
        (("trojan-source",), ["secret-in-code"]),
        (("secret-in-code", "trojan-source"), []),
    ):
        desk = Desk(Defaults(rules_off=off))
        desk.session.opened(URI, 1, "python", code)
        await desk.hinted()
        document = desk.session.documents.get(URI)
        assert document is not None
        assert [hint.finding.rule for hint in document.hints] == left
    desk = Desk(Defaults(enabled=False))
    desk.session.opened(URI, 1, "python", code)
    await desk.hinted()
    assert desk.shown == []
    desk.session.use(Defaults(), None)
    await until(lambda: len(desk.shown) == 2)
    desk.session.use(Defaults(enabled=False), None)
    await until(lambda: desk.shown == [])


async def test_files_that_hold_secrets_by_name_and_prose_have_none() -> None:
    desk = Desk()
    for uri, language in (
        ("file:///w/.env", "shellscript"),
        ("output:log", "python"),
        ("file:///w/a.txt", "plaintext"),
    ):
        desk.session.opened(uri, 1, language, CODE)
        await desk.hinted(uri)
    assert desk.editor.published == []


async def test_hints_stay_when_a_review_is_refused_and_beside_findings() -> None:
    desk, service = Desk(), FakeService()
    service.refused["/w/a.py"] = "ignored"
    desk.session.use(Defaults(), service)
    desk.session.opened(URI, 1, "python", CODE + "bug1\n")
    await until(lambda: len(desk.shown) == 1)
    del service.refused["/w/a.py"]
    desk.session.analyze(URI)
    await until(lambda: len(desk.shown) == 2)
    assert "Possible secret" in desk.shown[0]
    assert "bug1" in desk.shown[1]


async def test_a_text_that_is_lost_has_none_until_it_comes_whole() -> None:
    desk = Desk()
    desk.session.opened(URI, 5, "python", CODE)
    await until(lambda: bool(desk.shown))
    desk.type(4, 0, "x")
    assert desk.shown == []
    desk.session.changed(URI, 6, [TextChange(None, CODE)])
    desk.clock.advance(PAUSE_SECONDS)
    await until(lambda: bool(desk.shown))


async def test_what_was_typed_during_a_look_is_looked_at_too() -> None:
    desk = Desk()
    desk.session.opened(URI, 1, "python", "x = 1\n")
    desk.session.changed(URI, 2, [TextChange(None, CODE)])
    await until(lambda: bool(desk.shown))


async def test_nothing_is_looked_at_after_the_end() -> None:
    desk = Desk()
    desk.session.opened(URI, 1, "python", CODE)
    desk.type(2, 0, "a")
    desk.session.hinting.stop()
    await desk.hinted()
    desk.clock.advance(10)
    assert not desk.session.hinting._tasks
    assert desk.editor.published == []
