from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.provider.keys.sources import FIRST, SECOND, Clock, held

from kibitz.provider.errors import ConfigError
from kibitz.provider.keys.command import EVERY_SECONDS, command_key, read
from kibitz.provider.keys.renewed import RETRY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kibitz.provider.keys.renewed import RenewedKey

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
pytestmark = pytest.mark.skipif(os.name != "posix", reason="the programs are shell scripts")


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., str]:
    """Makes a program of lines of shell; each run of it appends to the file ``runs``."""

    def make(*lines: str) -> str:
        path = tmp_path / "program"
        path.write_text("\n".join(["#!/bin/sh", f"echo run >> {tmp_path}/runs", *lines, ""]))
        path.chmod(0o700)
        return str(path)

    return make


@pytest.fixture
def runs(tmp_path: Path) -> Callable[[], int]:
    return lambda: len((tmp_path / "runs").read_text().splitlines())


@pytest.fixture
def editor() -> Iterator[None]:
    """What our own standard input brings, as that of a server does."""
    kept, (reading, writing) = os.dup(0), os.pipe()
    os.write(writing, b"for the server\n")
    os.close(writing)
    os.dup2(reading, 0)
    os.close(reading)
    yield
    os.dup2(kept, 0)
    os.close(kept)


async def renewed(source: RenewedKey) -> list[str]:
    """What the source has after a renewal that is under way."""
    await held(source)
    await source._renewal()
    return await held(source)


@pytest.mark.parametrize(
    ("printed", "key", "seconds"),
    [
        (FIRST, FIRST, math.inf),
        (f"{FIRST}\n", FIRST, math.inf),
        (f"\ufeff {FIRST}\r\n\r\n", FIRST, math.inf),
        (json.dumps({"key": FIRST}), FIRST, math.inf),
        (json.dumps({"key": FIRST, "expiration": None, "more": 1}, indent=1), FIRST, math.inf),
        (json.dumps({"key": FIRST, "expiration": "2026-01-31T12:01:00Z"}), FIRST, 60),
        (json.dumps({"key": FIRST, "expiration": "2026-01-31T12:00:30"}), FIRST, 30),
        (json.dumps({"key": FIRST, "expiration": "2026-01-31T13:00:30+01:00"}), FIRST, 30),
    ],
)
def test_what_a_program_may_print(printed: str, key: str, seconds: float) -> None:
    given_out = read(printed.encode(), "a program", NOON)
    assert (given_out.key.secret(), given_out.seconds, given_out.key.place) == (key, seconds, "a program")


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        (b" \n", "it printed nothing"),
        (b"\xff\xfe", "not text"),
        (f"Your key:\n{FIRST}\n".encode(), "more than one line"),
        (b"sk with spaces 0123", "no key: a key is 8 to 512"),
        (b"{", "JSON that is not like"),
        (b"[1]", "no key"),
        (b"{" * 3000, "JSON that is not like"),
        (b'{"token": "x"}', "JSON that is not like"),
        (b'{"key": 12345678}', "no string"),
        (b'{"key": "short"}', "no key"),
        (json.dumps({"key": FIRST, "expiration": "soon"}).encode(), "should be like 2026"),
        (json.dumps({"key": FIRST, "expiration": 1769860800}).encode(), "should be like 2026"),
        (json.dumps({"key": FIRST, "expiration": "2026-01-31T11:59:59Z"}).encode(), "has expired"),
    ],
)
def test_what_it_should_not_print(printed: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why) as error:
        read(printed, "a program", NOON)
    assert FIRST not in str(error.value)


@given(st.binary(max_size=100) | st.text(max_size=60).map(lambda text: json.dumps({"key": text}).encode()))
def test_whatever_it_prints_is_a_key_or_an_error(printed: bytes) -> None:
    why = ""
    try:
        assert 8 <= len(read(printed, "a program", NOON).key.secret()) <= 512
    except ValueError as error:
        why = str(error)
    assert len(why) < 120


@pytest.mark.parametrize("argv", [[], ["op", "read"], ["./op"], ["~/op"]])
def test_a_program_is_named_by_its_absolute_path(argv: list[str]) -> None:
    with pytest.raises(ConfigError, match="absolute path of a program, such as /usr/bin/op"):
        command_key(argv)


async def test_it_gets_its_arguments_as_they_are_and_no_secrets(
    program: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("KIBITZ_PLAIN", "seen")
    path = program(
        f'echo "$1|$AWS_SECRET_ACCESS_KEY|$KIBITZ_PLAIN|$(pwd)|$(cat)" > {tmp_path}/saw', f"echo {FIRST}"
    )
    source = command_key([path, "$(id); `id` *"])
    assert source.place == f"command {path}"
    assert await held(source) == [FIRST]
    assert [key.place for key in await source.keys()] == [source.place]
    assert (tmp_path / "saw").read_text() == "$(id); `id` *||seen|/|\n"


async def test_it_is_asked_again_every_five_minutes_and_nobody_waits_for_it(
    program: Callable[..., str], runs: Callable[[], int]
) -> None:
    clock = Clock()
    source = command_key([program(f"echo {FIRST}")], clock=clock)
    assert await asyncio.gather(*(held(source) for _ in range(20))) == [[FIRST]] * 20
    clock.now += EVERY_SECONDS - 1
    assert await held(source) == [FIRST]
    assert (runs(), source._renewal.running) == (1, False)
    program(f"echo {SECOND}")
    clock.now += 1
    assert await held(source) == [FIRST], "still good, so it is used while the next one is on its way"
    assert await renewed(source) == [SECOND]
    assert runs() == 2


async def test_a_refused_key_is_asked_for_at_once_once_for_all(
    program: Callable[..., str], runs: Callable[[], int]
) -> None:
    source = command_key([program(f"echo {FIRST}")], clock=Clock())
    await held(source)
    program(f"echo {SECOND}")
    for keys in await asyncio.gather(*(source.refresh() for _ in range(20))):
        assert [key.secret() for key in keys] == [SECOND]
    assert runs() == 2


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["echo chatty >&2", "exit 3"], "it ended with status 3; run it in a terminal to see why"),
        (["kill -9 $$"], "it ended with status -9"),
        (["yes"], "it printed more than 4096 bytes"),
        (["yes >&2 & sleep 60"], "it was not done within 0.3 s"),
        (["sleep 60"], "it was not done within 0.3 s"),
        (["setsid sleep 60 & exit 0"], "it was not done within 0.3 s"),
        ([f"echo {FIRST}", f"echo {SECOND}"], "more than one line"),
        ([], "it printed nothing"),
    ],
)
async def test_a_failure_says_why_and_is_not_repeated_at_once(
    program: Callable[..., str], runs: Callable[[], int], lines: list[str], why: str
) -> None:
    clock = Clock()
    path = program(*lines)
    source = command_key([path], clock=clock, seconds=0.3 if "0.3" in why else 20)
    for _ in range(2):
        with pytest.raises(ConfigError) as error:
            await source.keys()
        message = error.value.message
        assert message.startswith(
            f"there is no API key: the program of api_key_command, {path}, gave no key: "
        )
        assert why in message
        assert FIRST not in message
    assert runs() == 1
    program(f"echo {FIRST}")
    clock.now += RETRY_SECONDS
    assert await held(source) == [FIRST]
    assert source.problem == ""


async def test_it_may_print_as_much_as_is_allowed(program: Callable[..., str]) -> None:
    assert await held(command_key([program(f"printf %4096s {FIRST}")])) == [FIRST]


async def test_a_program_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="/nowhere/op, gave no key: No such file"):
        await command_key(["/nowhere/op"]).keys()


async def test_the_old_key_goes_on_until_it_expires(program: Callable[..., str]) -> None:
    clock = Clock()
    hour = datetime.now(UTC).timestamp() + 3600
    until = datetime.fromtimestamp(hour, UTC).isoformat()
    source = command_key(
        [program("cat <<'END'", json.dumps({"key": FIRST, "expiration": until}), "END")], clock=clock
    )
    assert await held(source) == [FIRST]
    program("exit 1")
    clock.now += EVERY_SECONDS
    assert await renewed(source) == [FIRST]
    assert "status 1" in source.problem
    assert [key.secret() for key in await source.refresh()] == [FIRST]
    clock.now += 3600
    with pytest.raises(ConfigError, match="status 1"):
        await source.keys()


async def test_a_key_that_lives_for_a_short_time_is_renewed_before_it_ends(
    program: Callable[..., str], runs: Callable[[], int]
) -> None:
    clock = Clock()
    until = datetime.fromtimestamp(datetime.now(UTC).timestamp() + 100, UTC).isoformat()
    source = command_key(
        [program("cat <<'END'", json.dumps({"key": FIRST, "expiration": until}), "END")], clock=clock
    )
    await held(source)
    clock.now += 91
    await renewed(source)
    assert runs() == 2


async def test_what_runs_is_ended_with_all_that_it_started(
    program: Callable[..., str], tmp_path: Path
) -> None:
    fifo = tmp_path / "held"
    os.mkfifo(fifo)
    source = command_key([program(f"exec 3> {fifo}", "sleep 60 & echo started >&3", "wait")])
    asking = asyncio.create_task(held(source))
    with await asyncio.to_thread(fifo.open) as holders:
        assert await asyncio.to_thread(holders.readline) == "started\n"
        await source.aclose()
        # It ends when nobody has it open any more.
        assert await asyncio.to_thread(holders.read) == ""
    with pytest.raises(ConfigError, match="was closed"):
        await asking


@pytest.mark.parametrize(
    ("expiration", "is_good"),
    [("2026-01-31T12:00:00Z", False), ("2026-01-31T12:00:00.5Z", True), ("2026-01-31T12:00:01Z", True)],
)
def test_a_key_is_good_until_the_moment_that_it_expires(expiration: str, *, is_good: bool) -> None:
    printed = json.dumps({"key": FIRST, "expiration": expiration}).encode()
    if is_good:
        assert 0 < read(printed, "a program", NOON).seconds <= 1
    else:
        with pytest.raises(ValueError, match="has expired"):
            read(printed, "a program", NOON)


@pytest.mark.usefixtures("editor")
async def test_it_has_no_terminal_no_input_and_a_session_of_its_own(
    program: Callable[..., str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = program(
        "echo 'sk-on-standard-error-0123' >&2",
        f"cat > {tmp_path}/input",
        f"{sys.executable} -c 'import os; print(os.getsid(0))' > {tmp_path}/session",
        f"echo $$ > {tmp_path}/process",
        f"pwd > {tmp_path}/folder",
        f"echo {FIRST}",
    )
    assert await held(command_key([path])) == [FIRST]
    assert (tmp_path / "input").read_text() == ""
    assert (tmp_path / "folder").read_text() == "/\n"
    assert (tmp_path / "session").read_text().strip() == (tmp_path / "process").read_text().strip()
    assert capfd.readouterr().err == ""
