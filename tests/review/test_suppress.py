from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from tests.support.findings import finding

from kibitz.findings.fingerprint import fingerprint
from kibitz.review import dismissal_files, dismissal_lines
from kibitz.review.dismissal import Dismissal, encode
from kibitz.review.dismissal_files import CannotKeepError
from kibitz.review.dismissal_lines import Lines, bounded, parse, render
from kibitz.review.result import Source
from kibitz.review.suppress import Place, Suppression

if TYPE_CHECKING:
    from kibitz.findings.finding import Finding

TEXT = "a = 1\nb = bug\nc = slip\n"
BUG = replace(finding(TEXT, "b = bug"), unit="1234")
SLIP = replace(finding(TEXT, "c = slip", rule="off-by-one"), unit="1234")
NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


class Room:
    """A user's state folder, and a project."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.shop = folder / "shop"
        self.shop.mkdir()
        self.team = self.shop / ".kibitz" / "dismissals.jsonl"
        self.known = self.window()

    def window(self) -> Suppression:
        """What another process of this user has."""
        return Suppression(self.state, self.place, now=lambda: NOON)

    def place(self, path: str) -> Place:
        if Path(path).is_relative_to(self.shop):
            return Place(self.shop, Path(path).relative_to(self.shop).as_posix())
        return Place(Path(path).parent, Path(path).name, is_project=False)

    @property
    def path(self) -> str:
        return str(self.shop / "src" / "a.py")

    def why(self, found: Finding, path: str | None = None, text: str = TEXT) -> str | None:
        source = Source(text, "python", path=self.path if path is None else path)
        return self.window().of(source)(found)

    def write_team(self, *lines: str) -> None:
        self.team.parent.mkdir(exist_ok=True)
        self.team.write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def line(found: Finding, **said: str) -> str:
    return encode(Dismissal(found.rule, fingerprint(found), **said))


# One finding


def test_a_finding_stays_dismissed_wherever_its_code_goes(room: Room) -> None:
    room.known.dismiss(BUG, room.path, whole_file=False, reason="it is meant so")
    for path in (room.path, "/elsewhere/b.py", ""):
        assert room.why(BUG.shift(99), path) == "by you on 2026-11-24: it is meant so"
    assert room.why(SLIP) is None
    assert room.why(replace(BUG, quote="b = bug + 1")) is None
    assert room.why(replace(BUG, rule="off-by-one")) is None


def test_it_counts_at_once_where_a_review_is_under_way(room: Room) -> None:
    why = room.known.of(Source(TEXT, "python", path=room.path))
    assert why(BUG) is None
    kept = room.known.dismiss(BUG, room.path, whole_file=False)
    assert why(BUG) == "by you on 2026-11-24"
    room.known.remove((kept,))
    assert why(BUG) is None


def test_what_another_window_dismisses_is_seen_at_the_next_look(room: Room) -> None:
    source = Source(TEXT, "python", path=room.path)
    assert room.known.of(source)(BUG) is None
    room.window().dismiss(BUG, room.path, whole_file=False)
    assert room.known.of(source)(BUG) is not None
    room.window().undo(BUG, source)
    assert room.known.of(source)(BUG) is None


def test_a_finding_in_no_file_can_be_dismissed(room: Room) -> None:
    kept = room.known.dismiss(BUG, "", whole_file=False, for_team=True)
    assert not kept.is_team
    assert room.why(BUG, "") is not None


# A rule in a file


def test_a_rule_is_dismissed_in_one_file(room: Room) -> None:
    room.known.dismiss(BUG, room.path, whole_file=True)
    other = replace(BUG, quote="b = bug + 1", unit="")
    assert room.why(other) == "by you on 2026-11-24, as all of wrong-value in this file"
    assert room.why(other, str(room.shop / "a.py")) is None
    assert room.why(SLIP) is None


def test_outside_of_projects_too(room: Room) -> None:
    room.known.dismiss(BUG, "/x/y/a.py", whole_file=True, for_team=True)
    assert room.why(BUG, "/x/y/a.py") is not None
    assert room.why(BUG, "/x/a.py") is None


def test_there_has_to_be_a_file(room: Room) -> None:
    with pytest.raises(CannotKeepError, match="Save it"):
        room.known.dismiss(BUG, "", whole_file=True)
    assert not room.state.joinpath("dismissals.jsonl").exists()


def test_a_path_that_cannot_be_shown_is_no_reason_to_lose_a_dismissal(room: Room) -> None:
    path = str(room.shop / "a\u202eb.py")
    with pytest.raises(CannotKeepError, match="Rename"):
        room.known.dismiss(BUG, path, whole_file=True)
    assert room.known.dismiss(BUG, path, whole_file=False).dismissal.file == ""
    assert room.why(BUG, path) is not None


# The team's file


def test_a_team_keeps_its_dismissals_in_the_project(room: Room) -> None:
    kept = room.known.dismiss(BUG, room.path, whole_file=False, for_team=True, reason="by contract")
    assert kept.is_team
    assert room.why(BUG) == "by your team on 2026-11-24: by contract"
    (said,) = map(json.loads, room.team.read_text().splitlines())
    assert said == {
        "fingerprint": fingerprint(BUG),
        "file": "src/a.py",
        "rule": "wrong-value",
        "reason": "by contract",
        "at": "2026-11-24T12:00:00Z",
    }
    assert room.why(BUG, "/elsewhere/a.py") is None
    assert not room.state.joinpath("dismissals.jsonl").exists()


def test_the_file_is_sorted_and_keeps_what_it_does_not_understand(room: Room) -> None:
    others = [line(replace(BUG, unit=str(number)), file="x.py") for number in range(9)]
    newer = '{"rule": "x", "until": "2027"}'
    room.write_team(others[3], newer, "", *others)
    room.team.chmod(0o640)
    room.known.dismiss(BUG, room.path, whole_file=False, for_team=True)
    lines = room.team.read_text().splitlines()
    assert lines[0] == newer
    assert lines[1:] == sorted(lines[1:])
    assert len(lines) == 11
    assert room.team.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in room.team.parent.iterdir()] == ["dismissals.jsonl"]


@pytest.mark.parametrize(
    "make", ["a link out", "a link to nothing", "a folder linked out", "a pipe", "a folder"]
)
def test_what_is_no_file_of_the_project_is_neither_read_nor_written(
    room: Room, tmp_path: Path, make: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    secret = outside / "dismissals.jsonl"
    secret.write_text(line(BUG) + "\n")
    if make == "a folder linked out":
        room.team.parent.symlink_to(outside)
    else:
        room.team.parent.mkdir()
        if make == "a link out":
            room.team.symlink_to(secret)
        elif make == "a link to nothing":
            room.team.symlink_to(outside / "new")
        elif make == "a pipe":
            os.mkfifo(room.team)
        else:
            room.team.mkdir()
    assert room.why(BUG) is None
    with pytest.raises(CannotKeepError, match="is not written to"):
        room.known.dismiss(SLIP, room.path, whole_file=False, for_team=True)
    assert secret.read_text() == line(BUG) + "\n"
    assert not (outside / "new").exists()
    assert bool(room.known.team(room.shop).problem) is (make != "a link to nothing")


def test_a_team_file_without_end_is_read_in_part_and_not_written(room: Room) -> None:
    room.write_team(line(BUG), "x" * dismissal_lines.MAX_BYTES, line(SLIP))
    assert room.why(BUG) is not None
    assert room.why(SLIP) is None
    before = room.team.read_bytes()
    with pytest.raises(CannotKeepError, match="too long"):
        room.known.dismiss(SLIP, room.path, whole_file=False, for_team=True)
    assert room.team.read_bytes() == before


def test_a_line_of_a_team_file_says_nothing_about_other_places_or_rules(room: Room) -> None:
    room.write_team(
        encode(Dismissal("wrong-value", file="src/b.py")),
        encode(Dismissal("wrong-value", file="src/a.py", root=str(room.shop))),
        encode(Dismissal("off-by-one", fingerprint(BUG))),
    )
    assert room.why(BUG) is None


def test_what_the_user_dismissed_in_a_project_moves_to_its_team(room: Room) -> None:
    room.known.dismiss(BUG, room.path, whole_file=False)
    room.known.dismiss(SLIP, room.path, whole_file=True)
    room.known.dismiss(BUG, "/x/a.py", whole_file=True)
    assert room.window().share(room.shop) == 2
    assert room.why(BUG) == "by your team on 2026-11-24"
    assert room.why(SLIP) == "by your team on 2026-11-24, as all of off-by-one in this file"
    assert [each.root for each in room.window().user.look().every] == ["/x"]
    assert room.window().share(room.shop) == 0


# Undoing


def test_all_that_hides_a_finding_is_undone(room: Room) -> None:
    room.known.dismiss(BUG, room.path, whole_file=False)
    room.known.dismiss(BUG, room.path, whole_file=True)
    room.known.dismiss(BUG, room.path, whole_file=False, for_team=True)
    room.known.dismiss(SLIP, room.path, whole_file=False)
    undone = room.known.undo(BUG, Source(TEXT, "python", path=room.path))
    assert [each.is_team for each in undone.removed] == [False, False, True]
    assert undone.comment is None
    assert room.why(BUG) is None
    assert room.why(SLIP) is not None


def test_a_comment_cannot_be_undone_but_is_told(room: Room) -> None:
    text = TEXT.replace("bug\n", "bug  # kibitz: ignore[wrong-value] it is so\n")
    found = replace(finding(text, "b = bug"), unit="1234")
    assert room.why(found, text=text) == "by a comment: it is so"
    room.known.dismiss(found, room.path, whole_file=False)
    undone = room.known.undo(found, Source(text, "python", path=room.path))
    assert len(undone.removed) == 1
    assert undone.comment is not None
    assert undone.comment.line == 1


# The files


def test_the_users_file_is_for_the_user_alone(room: Room) -> None:
    room.known.dismiss(BUG, room.path, whole_file=False)
    file = room.state / "dismissals.jsonl"
    assert file.stat().st_mode & 0o777 == 0o600
    assert room.state.stat().st_mode & 0o777 == 0o700
    file.chmod(0o666)
    assert room.why(BUG) is None, "others may have written it"
    with pytest.raises(CannotKeepError, match="chmod 600"):
        room.known.dismiss(SLIP, room.path, whole_file=False)


def test_damage_of_a_line_loses_that_line(room: Room) -> None:
    room.known.dismiss(BUG, room.path, whole_file=False)
    room.known.dismiss(SLIP, room.path, whole_file=False)
    file = room.state / "dismissals.jsonl"
    first, second = file.read_bytes().splitlines()
    file.write_bytes(first[:40] + b"\xff\n" + second + b"\n")
    seen = room.window().user.look()
    assert len(seen.every) == 1
    assert seen.numbers == (1,)
    room.known.dismiss(BUG, room.path, whole_file=False)
    assert None not in (room.why(BUG), room.why(SLIP))


def test_what_cannot_be_written_says_what_to_do(room: Room, tmp_path: Path) -> None:
    tmp_path.joinpath("state").write_text("a file where the folder should be")
    with pytest.raises(CannotKeepError, match=r"cannot be written: .*Check its permissions"):
        room.known.dismiss(BUG, room.path, whole_file=False)
    assert room.why(BUG) is None


def test_a_lock_that_is_held_is_not_waited_for_long(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dismissal_files, "LOCK_S", 0.01)
    room.state.mkdir(mode=0o700)
    with (
        FileLock(room.state / "dismissals.jsonl.lock"),
        pytest.raises(CannotKeepError, match=r"another process holds .*Try again"),
    ):
        room.known.dismiss(BUG, room.path, whole_file=False)
    room.known.dismiss(BUG, room.path, whole_file=False)
    assert room.why(BUG) is not None


def numbered(number: int, reason: str = "") -> Dismissal:
    return Dismissal("wrong-value", f"{number:032x}", reason=reason, at=f"2026-11-24T12:00:{number:02}Z")


def test_of_too_many_the_oldest_go() -> None:
    lines = Lines(tuple(map(numbered, (3, 1, 4, 2))), unknown=(b"?",))
    assert bounded(lines) == replace(lines, every=tuple(map(numbered, (4, 3, 2, 1))))
    assert bounded(lines, 2).every == (numbered(4), numbered(3))
    room = len(encode(numbered(1))) + 1
    assert bounded(lines, most_bytes=3 * room + 1) == Lines(tuple(map(numbered, (4, 3, 2))))
    assert bounded(lines, most_bytes=3 * room + 2).unknown == (b"?",)


@given(st.lists(st.binary(max_size=60)), st.lists(st.integers(0, 59), unique=True))
def test_what_was_read_is_written_and_read_again_the_same(junk: list[bytes], numbers: list[int]) -> None:
    known = [encode(numbered(number)).encode() for number in numbers]
    lines = parse(b"\n".join([*junk, *known]), lambda _: True)
    again = parse(render(lines), lambda _: True)
    assert set(again.every) == set(lines.every)
    assert {each.fingerprint for each in again.every} >= {f"{number:032x}" for number in numbers}
    assert again.unknown == lines.unknown
    assert render(again) == render(lines)


HALVES = st.sampled_from(
    [
        b"\n",
        b"\r",
        b"\0",
        b"{}",
        b'{"rule": "wrong-value"}\n',
        b'{"rule": "wrong-value", "file": "../src/a.py"}\n',
        b'{"rule": "wrong-value", "file": "src/b.py"}\n',
        b'{"rule": "off-by-one", "fingerprint": "' + fingerprint(BUG).encode() + b'"}\n',
        b'{"rule": "wrong-value", "fingerprint": "' + fingerprint(BUG).encode()[:-1] + b'"}\n',
        b"[" * 10_000,
        b"\xef\xbb\xbf",
    ]
)


@given(st.lists(st.one_of(st.binary(), HALVES)), st.lists(st.one_of(st.binary(), HALVES)))
def test_no_bytes_raise_or_dismiss_what_was_not_dismissed(mine: list[bytes], teams: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        room = Room(Path(folder))
        room.state.mkdir()
        (room.state / "dismissals.jsonl").write_bytes(b"".join(mine))
        room.team.parent.mkdir()
        room.team.write_bytes(b"".join(teams))
        assert room.why(BUG) is None
        room.known.dismiss(BUG, room.path, whole_file=False)
        room.known.dismiss(SLIP, room.path, whole_file=True, for_team=True)
        assert None not in (room.why(BUG), room.why(SLIP))


WRITER = """
import sys
from pathlib import Path
from kibitz.review.dismissal import Dismissal
from kibitz.review.dismissal_files import TeamFile, UserFile
state, root, start = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
for number in range(start, start + 12):
    said = Dismissal("wrong-value", f"{number:032x}")
    for file in (UserFile(state), TeamFile(root, state)):
        file.change(lambda lines: lines.with_(said))
"""


def test_several_processes_lose_nothing(room: Room) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(room.state), str(room.shop), str(start)])
        for start in (0, 100, 200)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    for file in (room.known.user, room.known.team(room.shop)):
        lines = file.look()
        assert len(lines.every) == 36
        assert lines.unknown == ()


def test_a_look_costs_little(room: Room) -> None:
    many = [line(replace(BUG, unit=str(number))) for number in range(5000)]
    room.write_team(*many)
    source = Source(TEXT, "python", path=room.path)
    room.known.of(source)
    began = time.process_time()
    for _ in range(200):
        why = room.known.of(source)
    looked = time.process_time()
    for _ in range(2000):
        why(BUG)
    assert looked - began < 200 * 0.0005
    assert time.process_time() - looked < 2000 * 0.0001
