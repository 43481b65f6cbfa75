from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from tests.support import canary
from tests.support.fake_provider import FakeProvider

from kibitz.app import App
from kibitz.config import Settings
from kibitz.lsp.app_service import AppService
from kibitz.lsp.scopes import Scopes
from kibitz.lsp.survey import files_below
from kibitz.provider.limits.priority import Urgency

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEY = SecretStr(canary.KEY)
MEAN = "def mean(values):\n    return sum(values) / len(value)\n"


def write(folder: Path, *names: str, text: str = MEAN) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def found(
    *roots: Path, common: Settings | None = None, own: Mapping[str, Settings] | None = None, most: int = 99
) -> tuple[list[str], int]:
    scopes = Scopes(common or Settings(), own or {}, [root.as_uri() for root in roots])
    paths, left_out = files_below(scopes, lambda: False, most)
    return list(paths), left_out


def names(folder: Path, *relative: str) -> list[str]:
    return [str(folder / name) for name in relative]


def test_source_files_that_may_be_reviewed_are_found(tmp_path: Path) -> None:
    write(tmp_path, "b.py", "a/c.go", "node_modules/d.js", "e.txt", "f.min.js", ".env.py", "ignored.py")
    write(tmp_path, "g.py", text="# @generated\n" + MEAN)
    write(tmp_path, "big.py", text=MEAN * 9)
    write(tmp_path, ".gitignore", text="ignored.py\n")
    assert found(tmp_path, common=Settings(max_file_bytes=300)) == (names(tmp_path, "a/c.go", "b.py"), 0)


def test_each_folder_goes_by_its_own_settings_and_each_file_by_those_of_the_innermost(tmp_path: Path) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "outer/inner"
    write(
        outer,
        "a.py",
        "a.go",
        "drop.py",
        "inner/a.py",
        "inner/a.go",
        "inner/drop.py",
        "inner/own.py",
        "off/a.py",
    )
    write(outer, "inner/big.py", text=MEAN * 9)
    own = {
        str(inner): Settings(languages=("python",), exclude=("own.py",), max_file_bytes=300),
        str(outer / "off"): Settings(enabled=False),
    }
    every, _ = found(outer, inner, outer / "off", common=Settings(exclude=("drop.py",)), own=own)
    assert every == [*names(outer, "a.go", "a.py"), *names(inner, "a.py", "drop.py")]


def test_a_folder_that_the_one_around_it_ignores_is_open_all_the_same(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "inner/b.py")
    every, _ = found(tmp_path, tmp_path / "inner", common=Settings(exclude=("inner/",)))
    assert every == names(tmp_path, "a.py", "inner/b.py")


def test_each_file_comes_once_whatever_links_lead_there(tmp_path: Path) -> None:
    real = tmp_path / "real"
    write(real, "a.py", "deep/b.py")
    write(tmp_path, "outside.py")
    (real / "circle").symlink_to(real)
    (real / "c.py").symlink_to(real / "a.py")
    (real / "d.py").symlink_to(tmp_path / "outside.py")
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "deep").symlink_to(real / "deep")
    assert found(real, tmp_path / "link", real) == (names(real, "a.py", "deep/b.py"), 0)
    every, _ = found(real, tmp_path / "deep")
    assert every == [*names(real, "a.py"), *names(tmp_path, "deep/b.py")]


def test_what_is_too_many_is_counted(tmp_path: Path) -> None:
    write(tmp_path, *(f"{number}.py" for number in range(7)), "LICENSE", "x.txt")
    assert found(tmp_path, most=5) == (names(tmp_path, *(f"{number}.py" for number in range(5))), 2)


def test_nothing_is_found_where_nothing_is_open_or_there(tmp_path: Path) -> None:
    assert found() == found(tmp_path / "none") == ([], 0)


def test_it_gives_up_when_it_is_told_to(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "b.py", "c.py")
    answers = iter((False, True))
    paths, _ = files_below(Scopes(Settings(), {}, [tmp_path.as_uri()]), lambda: next(answers))
    assert list(paths) == names(tmp_path, "a.py")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KIBITZ_STATE_DIR", str(tmp_path / "state"))
    home = tmp_path / "home"
    write(home, "a.py")
    write(home, "b.py", text=MEAN.replace("mean", "other"))
    return home


async def service(app: App, settings: Settings, home: Path) -> AppService:
    return AppService(app, await app.reviewer(), Scopes(settings, {}, [home.as_uri()]))


async def test_only_what_is_not_known_counts_and_nothing_is_sent(home: Path) -> None:
    async with FakeProvider() as fake:
        settings = Settings(base_url=fake.base_url, api_key=KEY, model="gpt-4o-mini")
        app = App.create(settings)
        mine = await service(app, settings, home)
        steps: list[tuple[int, int]] = []
        before = await mine.survey(lambda done, of: steps.append((done, of)))
        assert steps == [(1, 2), (2, 2)]
        assert (list(before.paths), before.asked, before.left_out) == (names(home, "a.py", "b.py"), 2, 0)
        assert before.is_free
        assert fake.requests == []
        assignment = await mine.assignment(before.paths[0])
        assert assignment is not None
        assert (assignment.text, assignment.language) == (MEAN, "python")
        await mine.review(assignment, Urgency(), lambda _so_far: None)
        (sent,) = fake.requests
        after = await mine.survey(lambda _done, _of: None)
        assert (after.asked, len(after.paths)) == (1, 2)
        assert 0 < after.tokens < before.tokens
        assert before.tokens - after.tokens == pytest.approx(len(str(sent.body)) / 4, rel=0.5)
        await app.aclose()


async def test_what_others_charge_for_has_a_price_where_that_is_known(home: Path) -> None:
    settings = Settings(api_key=KEY, model="gpt-4o-mini", base_url="https://api.openai.com/v1")
    app = App.create(settings)
    survey = await (await service(app, settings, home)).survey(lambda _done, _of: None)
    assert not survey.is_free
    assert survey.cost_usd is not None
    assert 0 < survey.cost_usd < 1
    await app.aclose()


async def test_only_files_of_open_folders_may_be_reviewed(home: Path) -> None:
    write(home.parent, "elsewhere.py", "home/key.pem", "home/c.txt")
    settings = Settings(base_url="http://127.0.0.1:9/v1", api_key=KEY, exclude=("b.py",))
    app = App.create(settings)
    mine = await service(app, settings, home)
    for path in (
        *names(home.parent, "elsewhere.py", "home/b.py", "home/c.txt", "home/key.pem", "home/none.py"),
    ):
        assert await mine.assignment(path) is None
    assert await mine.assignment(str(home / "a.py")) is not None
    await app.aclose()


async def test_who_gives_up_waits_for_no_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(base_url="http://127.0.0.1:9/v1", api_key=KEY)
    app = App.create(settings)
    mine = await service(app, settings, home)
    ended: list[object] = []
    entered, loop = asyncio.Event(), asyncio.get_running_loop()

    def slow(_scopes: object, is_over: object) -> object:
        ended.append(is_over)
        loop.call_soon_threadsafe(entered.set)
        return (), 0

    monkeypatch.setattr("kibitz.lsp.survey.files_below", slow)
    task = asyncio.create_task(mine.survey(lambda _done, _of: None))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (is_over,) = ended
    assert callable(is_over)
    assert is_over()
    await app.aclose()
