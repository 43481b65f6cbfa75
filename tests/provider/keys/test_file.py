from __future__ import annotations

import asyncio
import os
import re
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.provider.keys.sources import FIRST, SECOND, THIRD, Clock, held

from kibitz.guard import private
from kibitz.provider.errors import ConfigError
from kibitz.provider.keys import file as file_module
from kibitz.provider.keys.file import LOOK_SECONDS, FileKeys, parse
from kibitz.provider.keys.pool import KeyPool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


SETTLE_SECONDS = file_module._SETTLE_SECONDS


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was just written counts as written whole."""
    monkeypatch.setattr(file_module, "_SETTLE_SECONDS", 0.0)


def write(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    """A new file in the place of whatever was there, as careful programs do it."""
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content.encode() if isinstance(content, str) else content)
    new.chmod(mode)
    new.rename(path)
    return path


def overwrite(path: Path, content: str) -> None:
    """The same file with other content, as an editor may do it."""
    path.write_text(content)


def mend(path: Path) -> None:
    """A good file in the place of whatever is there."""
    if path.is_dir():
        path.rmdir()
    write(path, SECOND)


def in_place_of(path: Path, make: Callable[[], object]) -> None:
    path.unlink()
    make()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = write(tmp_path / "key", f"{FIRST}\n")
    # A file system's clock ticks every few milliseconds: what follows must not fall into the same tick.
    os.utime(path, (1e9, 1e9))
    return path


async def later(source: FileKeys, clock: Clock) -> list[str]:
    """What the source gives after the time between two looks."""
    clock.now += LOOK_SECONDS
    return await held(source)


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (FIRST, [FIRST]),
        (f"{FIRST}\n", [FIRST]),
        (f"{FIRST}\r\n{SECOND}\r\n", [FIRST, SECOND]),
        (f"\ufeff{FIRST}\n", [FIRST]),
        (f"  {FIRST}\t\n\n# the other account\n\n{SECOND}", [FIRST, SECOND]),
        (f"{FIRST}\n{SECOND}\n{FIRST}\n", [FIRST, SECOND]),
    ],
)
def test_what_is_a_file_of_keys(content: str, keys: list[str]) -> None:
    assert list(parse(content.encode())) == keys


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it holds no key"),
        (b"\n\r\n# sk-not-this-one-0123\n", "it holds no key"),
        (f"{FIRST}\nsk two 0123456789\n".encode(), "line 2 is no key: a key is 8 to 512"),
        (b"short\n", "line 1 is no key"),
        (b"sk-" + b"x" * 600, "line 1 is no key"),
        (f"{FIRST}\n".encode("utf-16"), "not plain text"),
        (b"sk-\xff\xfe0123456789", "not plain text"),
        ("sk-caf\u00e9-0123456789".encode(), "line 1 is no key"),
        (b"sk-0123456789\x00", "line 1 is no key"),
        (f"{FIRST}\r{SECOND}".encode(), "line 1 is no key"),
        ("\n".join(f"sk-number-{n:06}" for n in range(101)).encode(), "more than 100 keys"),
    ],
)
def test_what_is_none(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why) as error:
        parse(content)
    assert FIRST not in str(error.value)
    assert error.value.__cause__ is None, "a decoding error holds all that it decoded"


def test_as_many_keys_as_are_allowed() -> None:
    keys = [f"sk-number-{n:06}" for n in range(100)]
    assert list(parse("\n".join(keys).encode())) == keys


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_content_gives_keys_that_can_be_sent_or_an_error_that_shows_none(content: bytes) -> None:
    keys: tuple[str, ...] = ()
    why = ""
    try:
        keys = parse(content)
    except ValueError as error:
        why = str(error)
    assert bool(keys) != bool(why)
    assert len(why) < 120
    assert all(len(key) >= 8 and all("!" <= letter <= "~" for letter in key) for key in keys)
    assert all(key.encode() in content for key in keys)


async def test_a_replaced_file_is_noticed_after_the_time_between_two_looks(path: Path) -> None:
    clock = Clock()
    source = FileKeys(path, clock=clock)
    assert (source.place, source.problem) == (f"file {path}", "")
    assert await held(source) == [FIRST]
    assert [key.place for key in await source.keys()] == [f"file {path}"]
    write(path, f"{SECOND}\n{THIRD}\n")
    clock.now += LOOK_SECONDS - 0.01
    assert await held(source) == [FIRST]
    clock.now += 0.01
    assert await held(source) == [SECOND, THIRD]
    assert source.problem == ""


def test_a_replaced_key_is_out_of_use_within_a_second() -> None:
    assert LOOK_SECONDS + SETTLE_SECONDS < 1


async def test_the_pool_holds_the_old_key_no_longer_and_nothing_fails(path: Path) -> None:
    clock = Clock()
    pool = KeyPool(FileKeys(path, clock=clock), clock)
    old = await pool.pick()
    assert old is not None
    write(path, SECOND)
    clock.now += 1
    new = await pool.pick()
    assert new is not None
    assert (new.secret(), pool.holds(old)) == (SECOND, False)


async def test_one_look_serves_all_who_wait_and_the_file_is_not_read_again_for_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    for module, name in ((file_module, "_changed"), (private, "read")):
        original: Callable[..., object] = getattr(module, name)

        def counted(
            *args: object, original: Callable[..., object] = original, name: str = name, **more: object
        ) -> object:
            looks.append(name)
            return original(*args, **more)

        monkeypatch.setattr(module, name, counted)
    clock = Clock()
    source = FileKeys(path, clock=clock)
    assert await asyncio.gather(*(held(source) for _ in range(20))) == [[FIRST]] * 20
    assert looks == ["_changed", "read"]
    await later(source, clock)
    assert looks == ["_changed", "read", "_changed"]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.unlink(), "No such file"),
        (
            lambda path: path.chmod(0o640),
            "other users of this machine may read it \\(mode 640\\); run: chmod",
        ),
        (lambda path: write(path, ""), "it holds no key"),
        (lambda path: write(path, "sk-sec"), "line 1 is no key"),
        (lambda path: write(path, "x" * 70_000), "it is larger than 65536 bytes"),
        (lambda path: in_place_of(path, path.mkdir), "it is not a plain file|Is a directory"),
        (lambda path: in_place_of(path, lambda: os.mkfifo(path, 0o600)), "it is not a plain file"),
        (
            lambda path: in_place_of(path, lambda: path.symlink_to("/dev/zero")),
            "it is a link to another folder",
        ),
        (lambda path: in_place_of(path, lambda: path.symlink_to(path)), "loop|symbolic links"),
    ],
)
async def test_what_is_bad_keeps_the_old_keys_until_it_is_mended(
    path: Path, spoil: Callable[[Path], object], why: str
) -> None:
    clock = Clock()
    source = FileKeys(path, clock=clock)
    assert await held(source) == [FIRST]
    spoil(path)
    assert await later(source, clock) == [FIRST]
    assert str(path) in source.problem
    assert re.search(why, source.problem)
    mend(path)
    assert await later(source, clock) == [SECOND]
    assert source.problem == ""


async def test_without_a_key_from_before_a_bad_file_is_an_error_that_says_what_to_do(path: Path) -> None:
    write(path, FIRST, mode=0o644)
    clock = Clock()
    source = FileKeys(path, clock=clock)
    for _ in range(2):
        with pytest.raises(ConfigError) as error:
            await source.keys()
        assert error.value.message == (
            f"there is no API key: the key file {path} cannot be used as it is: other users of this machine "
            f"may read it (mode 644); run: chmod 600 {path}"
        )
    write(path, FIRST)
    assert await later(source, clock) == [FIRST]


async def test_a_refresh_looks_at_once(path: Path) -> None:
    source = FileKeys(path, clock=Clock())
    await held(source)
    write(path, SECOND)
    assert [key.secret() for key in await source.refresh()] == [SECOND]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
async def test_somebody_elses_file_is_not_believed(path: Path) -> None:
    os.chown(path, 12345, 0)
    with pytest.raises(ConfigError, match="it belongs to another user"):
        await FileKeys(path).keys()


async def test_a_link_that_is_switched_as_kubernetes_does_it(tmp_path: Path) -> None:
    for name, secret in (("..one", FIRST), ("..two", SECOND)):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "key", secret)
    data = tmp_path / "..data"
    data.symlink_to("..one")
    (tmp_path / "key").symlink_to("..data/key")
    clock = Clock()
    source = FileKeys(tmp_path / "key", clock=clock)
    assert await held(source) == [FIRST]
    (tmp_path / "..new").symlink_to("..two")
    (tmp_path / "..new").replace(data)
    assert await later(source, clock) == [SECOND]


async def test_an_edit_in_place_with_the_same_length_is_noticed(path: Path) -> None:
    clock = Clock()
    source = FileKeys(path, clock=clock)
    await held(source)
    overwrite(path, FIRST[::-1] + "\n")
    assert await later(source, clock) == [FIRST[::-1]]


@pytest.mark.parametrize("age", [0.0, 0.04])
async def test_a_file_that_is_being_written_is_left_to_settle(
    path: Path, monkeypatch: pytest.MonkeyPatch, age: float
) -> None:
    monkeypatch.setattr(file_module, "_SETTLE_SECONDS", SETTLE_SECONDS)
    clock = Clock()
    source = FileKeys(path, clock=clock)
    await held(source)
    with path.open("w") as file:
        file.write(SECOND[:12])  # enough to look like a key
        file.flush()
        written = os.fstat(file.fileno()).st_mtime

        def settle(seconds: float) -> None:
            assert seconds == pytest.approx(SETTLE_SECONDS - age)
            file.write(SECOND[12:])
            file.flush()

        monkeypatch.setattr(
            file_module, "time", SimpleNamespace(time=lambda: written + age, sleep=settle), raising=True
        )
        assert await later(source, clock) == [SECOND]


@pytest.mark.parametrize("age", [SETTLE_SECONDS, 60.0, -0.01])
async def test_what_was_written_long_enough_ago_or_by_a_clock_that_is_ahead_is_read_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, age: float
) -> None:
    monkeypatch.setattr(file_module, "_SETTLE_SECONDS", SETTLE_SECONDS)
    os.utime(path, (0, 0))  # so that the age is exact
    slept: list[float] = []
    monkeypatch.setattr(file_module, "time", SimpleNamespace(time=lambda: age, sleep=slept.append))
    assert await held(FileKeys(path, clock=Clock())) == [FIRST]
    assert slept == []


async def test_an_error_without_words_is_told_by_its_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(file_module, "_changed", failing)
    with pytest.raises(ConfigError, match=r"cannot be used as it is: PermissionError$"):
        await FileKeys(path, clock=Clock()).keys()


def test_a_file_that_changes_while_it_is_read_is_not_believed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*_: object, **__: object) -> str:
        os.utime(path, ns=(1, 1))
        return ""

    monkeypatch.setattr(private, "_untrusted", meanwhile)
    with pytest.raises(private.NotPrivateError, match="being written"):
        private.read(path, limit=100, secret=True)


async def test_a_drive_that_does_not_answer_keeps_the_old_key_and_one_thread(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_module, "_SECONDS", 0.05)
    clock = Clock()
    source = FileKeys(path, clock=clock)
    await held(source)
    answer, original = threading.Event(), file_module._changed

    def hanging(*args: Any) -> object:
        answer.wait()
        return original(*args)

    monkeypatch.setattr(file_module, "_changed", hanging)
    before = threading.active_count()
    write(path, SECOND)
    for _ in range(3):
        assert await later(source, clock) == [FIRST]
        assert "does not answer" in source.problem
        assert threading.active_count() <= before + 1
    answer.set()
    while source.problem:
        keys = await later(source, clock)
        await asyncio.sleep(0)
    assert keys == [SECOND]


async def test_a_cancelled_request_does_not_stop_the_look_of_others(path: Path) -> None:
    source = FileKeys(path, clock=Clock())
    one, other = asyncio.create_task(held(source)), asyncio.create_task(held(source))
    await asyncio.sleep(0)
    assert source._look.running
    one.cancel()
    assert await other == [FIRST]
    assert one.cancelled()
    await source.aclose()
