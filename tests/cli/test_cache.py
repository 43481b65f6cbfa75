from __future__ import annotations

import asyncio
import io
import json
import os
import sqlite3
import stat
import sys
import threading
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.redis_server import RedisServer

from kibitz.cache import artefact
from kibitz.cache.disk import DiskCache
from kibitz.cache.tier import Kept
from kibitz.cli.entry import run
from kibitz.provider.models import PieceAnalysis, Usage
from kibitz.review import whole
from kibitz.review.known import Failure
from kibitz.review.stored import encode
from kibitz.state.database import Database
from kibitz.state.places import database_path
from kibitz.telemetry.cachebook import CacheBook, CacheCounts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

ONE, TWO, THREE = "a1" * 32, "b2" * 32, "c3" * 32
DAY = 86_400.0
ANSWER = encode(PieceAnalysis(paid=Usage(1, 900, output_tokens=80, cost_usd=Decimal("0.01"))))
FRESH = Kept(ANSWER, 6 * DAY, 12 * DAY)
FAILED = Kept(encode(Failure(invalid=True, code="content_filter")), 600.0, 900.0)
HIT = CacheCounts(
    looked_up=1, hits=1, saved_input_tokens=900, saved_output_tokens=80, saved_usd=Decimal("0.01")
)


def with_database(use: Callable[[Database], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        database = Database(database_path())
        try:
            return await use(database)
        finally:
            await database.aclose()

    return asyncio.run(whole())


def keep(values: Mapping[str, Kept]) -> None:
    """As a review would."""

    async def put(database: Database) -> bool:
        return await DiskCache(database, max_bytes=1 << 20).put(values)

    assert with_database(put)


def kept() -> dict[str, Kept]:
    async def get(database: Database) -> dict[str, Kept]:
        return await DiskCache(database, max_bytes=1 << 20).get([ONE, TWO, THREE])

    found: dict[str, Kept] = with_database(get)
    return found


def count(tier: str, counts: CacheCounts, *, days_ago: int = 0) -> None:
    async def add(database: Database) -> None:
        book = CacheBook(database, day=lambda: date.today() - timedelta(days_ago))  # noqa: DTZ011 - the local day
        book.add(tier, counts)
        await book.aclose()

    with_database(add)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A state that cannot be kept."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("KIBITZ_STATE_DIR", str(tmp_path / "file"))


@pytest.fixture
def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    with RedisServer(tmp_path, password="s3cret-of-a-team") as server:
        monkeypatch.setenv("KIBITZ_REDIS_URL", server.url)
        yield server


def test_stats_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    keep({ONE: FRESH, TWO: FRESH})
    count("memory", CacheCounts(looked_up=3, hits=1, stale=1))
    count("disk", HIT)
    count("disk", CacheCounts(looked_up=2, misses=2), days_ago=8)
    assert run(["cache", "stats", "--disk-cache-max-bytes", "1000000"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "memory  each editor window and each run has its own, of at most 16.8 MB\n" in out
    assert "disk    2 entries, 1 kB of at most 1.0 MB; the oldest is less than a minute old\n" in out
    assert "        0 went to make room, 0 because of their age · " in out
    assert "team    none (settings redis_url and shared_cache)\n" in out
    table = [line.split() for line in out[out.index("asked") :].splitlines()]
    assert table[0] == ["asked", "hits", "stale", "misses", "hit", "rate", "tokens", "in", "out", "saved"]
    assert table[1:4] == [
        ["today", "memory", "3", "1", "1", "0", "33%", "0", "0"],
        ["disk", "1", "1", "0", "0", "100%", "900", "80", "$0.0100"],
        ["all", "3", "2", "1", "0", "67%", "900", "80", "$0.0100"],
    ]
    assert table[4][:4] == ["last", "7", "days", "memory"]
    assert table[8] == ["disk", "3", "1", "0", "2", "33%", "900", "80", "$0.0100"], "30 days"


def test_stats_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    keep({ONE: FRESH})
    count("disk", HIT)
    count("disk", CacheCounts(looked_up=1, misses=1), days_ago=6)
    assert run(["cache", "stats", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    disk = document["tiers"]["disk"]
    assert disk["entries"] == 1
    assert disk["bytes"] > len(ANSWER)
    assert disk["file_bytes"] > 10_000
    assert 0 <= disk["oldest_s"] < 60
    assert (disk["used"], disk["problem"], disk["limit_bytes"]) == (True, "", 268_435_456)
    assert document["tiers"]["team"] == {"used": False, "server": None, "problem": ""}
    assert document["use"]["today"]["disk"] == {
        "looked_up": 1,
        "hits": 1,
        "stale": 0,
        "misses": 0,
        "hit_rate": 1.0,
        "saved_input_tokens": 900,
        "saved_output_tokens": 80,
        "saved_usd": 0.01,
    }
    assert document["use"]["last_7_days"]["all"]["hit_rate"] == 0.5


@pytest.mark.usefixtures("nowhere")
def test_a_disk_that_cannot_be_used_is_told_by_each_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["cache", "stats"]) == 0
    assert "disk    cannot be used: kibitz cannot use its state database " in capsys.readouterr().out
    target = tmp_path / "artefact"
    target.write_text("before")
    source = tmp_path / "source"
    source.write_bytes(artefact.header(0) + b"")
    source.write_bytes(artefact.header(2e9) + (artefact.entry(ONE, FRESH) or b""))
    for arguments in (["clear"], ["verify"], ["export", str(target)], ["import", str(source)]):
        assert run(["cache", *arguments]) == 2
        err = capsys.readouterr().err
        assert err.count("kibitz cannot use its state database") == 1
        assert "KIBITZ_STATE_DIR" in err
    assert target.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["artefact", "file", "source"]


def test_clear_throws_away_what_is_on_disk(capsys: pytest.CaptureFixture[str]) -> None:
    keep({ONE: FRESH, TWO: FAILED})
    assert run(["cache", "clear"]) == 0
    assert capsys.readouterr().out.startswith("2 entries, 1 kB thrown away; ")
    assert kept() == {}


def test_the_teams_answers_are_only_thrown_away_when_that_is_said(
    redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    keep({ONE: FRESH})
    where = f"redis://127.0.0.1:{redis.port}"
    assert run(["cache", "clear"]) == 0
    assert f"the team's answers at {where} stay; --team clears those, too\n" in capsys.readouterr().out
    assert run(["cache", "clear", "--team"]) == 0
    assert f"the team's answers at {where} are thrown away\n" in capsys.readouterr().out
    for arguments, told in ((["stats"], f"team    {where} answers\n"), (["verify"], f"{where} answers\n")):
        assert run(["cache", *arguments]) == 0
        assert told in capsys.readouterr().out
    redis.kill()
    assert run(["cache", "stats"]) == 0
    assert (
        f"team    {where} is not used: the shared answers at {where} are out of reach"
        in capsys.readouterr().out
    )
    for arguments in (["clear", "--team"], ["verify"]):
        assert run(["cache", *arguments]) == 2
        out, err = capsys.readouterr()
        assert err.count("are out of reach") == 1
        assert "s3cret" not in out + err
    assert run(["cache", "clear"]) == 0


def test_without_a_team_there_is_nothing_of_its_to_clear(capsys: pytest.CaptureFixture[str]) -> None:
    keep({ONE: FRESH})
    assert run(["cache", "clear", "--team"]) == 2
    assert "no team's server is used" in capsys.readouterr().err
    assert kept().keys() == {ONE}


def test_verify_deletes_what_makes_no_sense(capsys: pytest.CaptureFixture[str]) -> None:
    keep({ONE: FRESH, TWO: FAILED})
    assert run(["cache", "verify"]) == 0
    assert capsys.readouterr().out.startswith("2 entries on disk in order (")
    keep({TWO: Kept('{"format":3,"findings":"many"}', DAY, DAY), THREE: Kept("nonsense", DAY, DAY)})
    assert run(["cache", "verify"]) == 2
    out, err = capsys.readouterr()
    assert "2 entries made no sense and went" in err
    assert out.startswith("1 entry on disk in order (")
    assert kept().keys() == {ONE}
    assert run(["cache", "verify"]) == 0


def test_verify_replaces_a_damaged_file(capsys: pytest.CaptureFixture[str]) -> None:
    keep({ONE: FRESH})
    database_path().write_bytes(b"SQLite format 3\0" + b"damage" * 5000)
    assert run(["cache", "verify"]) == 2
    err = capsys.readouterr().err
    assert err.count("was damaged") == 1
    assert "What was kept is gone; nothing needs to be done" in err
    assert Path(f"{database_path()}.damaged").exists()
    assert run(["cache", "verify"]) == 0


def test_what_one_machine_has_paid_for_another_need_not(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.py").write_text("def mean(values):\n    return sum(values) / len(value)\n")
    (folder / "b.py").write_text("def twice(number):\n    return number * 2\n")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    monkeypatch.setenv("KIBITZ_MODEL", "fake-1")
    file = tmp_path / "artefact.jsonl"
    with FakeProvider(reviewer(Bug("len(value)", "len(values)"))).in_thread() as fake:
        monkeypatch.setenv("KIBITZ_BASE_URL", fake.base_url)
        assert run(["check", "a.py", "b.py"]) == 1
        found = capsys.readouterr().out.splitlines()[:3]
        asked = len(fake.requests)
        assert run(["cache", "export", str(file)]) == 0
        monkeypatch.setenv("KIBITZ_STATE_DIR", str(tmp_path / "another machine"))
        assert run(["cache", "import", str(file)]) == 0
        capsys.readouterr()
        assert run(["check", "a.py", "b.py"]) == 1
        assert capsys.readouterr().out.splitlines()[:3] == found
        assert len(fake.requests) == asked > 0
    assert "len(value)" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_answers_are_carried_and_failures_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep({ONE: FRESH, TWO: FAILED, THREE: Kept("nonsense", DAY, DAY)})
    file = tmp_path / "artefact"
    assert run(["cache", "export", str(file)]) == 0
    assert capsys.readouterr().out == f"1 entry written to {file}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["artefact"]
    with file.open("ab") as stream:
        stream.write(artefact.entry(TWO, FAILED) or b"")
        stream.write(b"nonsense\n")
    monkeypatch.setenv("KIBITZ_STATE_DIR", str(tmp_path / "elsewhere"))
    assert run(["cache", "import", str(file)]) == 0
    out = "1 entry taken, 0 known as well, 0 too old, 2 lines skipped that made no sense\n"
    assert capsys.readouterr().out == out
    assert kept().keys() == {ONE}
    assert kept()[ONE].left_s == pytest.approx(FRESH.left_s, abs=60)
    assert run(["cache", "import", str(file)]) == 0
    assert capsys.readouterr().out.startswith("0 entries taken, 1 known as well, ")


def test_what_is_known_of_whole_files_is_kept_and_carried(tmp_path: Path) -> None:
    record = Kept(whole.encode(whole.WholeFile(3)), DAY, DAY)
    keep({ONE: record})
    assert run(["cache", "verify"]) == 0
    assert run(["cache", "export", str(tmp_path / "artefact")]) == 0
    assert run(["cache", "clear"]) == 0
    assert run(["cache", "import", str(tmp_path / "artefact")]) == 0
    assert kept()[ONE].value == record.value


def test_lives_are_bound_to_the_own_settings(tmp_path: Path) -> None:
    keep({ONE: FRESH})
    file = tmp_path / "artefact"
    assert run(["cache", "export", str(file)]) == 0
    assert run(["cache", "clear"]) == 0
    assert run(["cache", "import", "--cache-ttl-s", "3600", "--cache-stale-s", "60", str(file)]) == 0
    assert 3500 < kept()[ONE].fresh_s <= 3600
    assert 3560 < kept()[ONE].left_s <= 3660


def test_the_standard_streams_carry_it(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    keep({ONE: FRESH})
    assert run(["cache", "export", "-"]) == 0
    out, err = capsysbinary.readouterr()
    assert len(out.splitlines()) == 2
    assert err == b"kibitz: 1 entry written\n"
    assert run(["cache", "clear"]) == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(out)))
    assert run(["cache", "import", "-"]) == 0
    assert kept().keys() == {ONE}


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    keep({ONE: FRESH})
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    assert run(["cache", "export", str(pipe)]) == 0
    reader.join()
    assert pipe.is_fifo()
    assert len(read[0].splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "cannot be imported: it was not written by `kibitz cache export`"),
        (b"\x1b[2J\x00\xff", "cannot be imported: it was not written by"),
        (b'{"kibitz":"cache","format":9}\n', "cannot be imported: it is in another format than 1"),
    ],
)
def test_what_is_no_artefact_is_said(
    tmp_path: Path, content: bytes | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "artefact"
    if content is not None:
        file.write_bytes(content)
    assert run(["cache", "import", str(file)]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "\x1b" not in err


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "export", str(tmp_path)]) == 2
    assert "cannot be written: Is a directory" in capsys.readouterr().err
    assert run(["cache", "export", str(tmp_path / "missing" / "file")]) == 2
    assert "cannot be written: No such file" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--disk-cache", "no"], ["--cache-ttl-s", "0"]])
def test_nothing_is_imported_where_nothing_is_kept(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cache", "import", *option, "-"]) == 2
    assert "set disk_cache to true, and cache_ttl_s above 0" in capsys.readouterr().err


def test_a_file_without_end_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(artefact, "MAX_ENTRIES", 2)
    file = tmp_path / "artefact"
    file.write_bytes(artefact.header(2e9) + b"\n" * 3)
    assert run(["cache", "import", str(file)]) == 0
    out, err = capsys.readouterr()
    assert "0 entries taken" in out
    assert "more than 2 lines; the rest was not read" in err


def test_a_database_that_is_locked_is_told_with_what_was_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep({ONE: FRESH})
    file = tmp_path / "artefact"
    assert run(["cache", "export", str(file)]) == 0
    assert run(["cache", "clear"]) == 0
    capsys.readouterr()
    lock = sqlite3.connect(database_path(), isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    assert run(["cache", "import", str(file)]) == 2
    lock.close()
    assert "another process keeps the state database locked; run it again" in capsys.readouterr().err
