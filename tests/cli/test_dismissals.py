"""``kibitz dismissals``, and what ``check`` and ``doctor`` make of what is dismissed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.findings import finding

from kibitz.app.dismissals import known_to_user
from kibitz.cli.entry import run
from kibitz.review.dismissal import Dismissal, encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUGGY = "def mean(values):\n\treturn sum(values) / len(value)\n"


class Said:
    """Runs ``kibitz dismissals`` and gives what it printed."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: str, code: int = 0) -> str:
        assert run(["dismissals", *arguments]) == code
        out, err = self._capture.readouterr()
        return out + err


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Said:
    return Said(capfd)


@pytest.fixture
def shop(folder: Path) -> Path:
    (folder / ".kibitz").mkdir()
    return folder


def dismiss(path: Path, quote: str = "b = bug", *, reason: str = "", **how: bool) -> Dismissal:
    found = finding(f"a = 1\n{quote}\n", quote)
    how = {"whole_file": False, "for_team": False} | how
    return known_to_user().dismiss(found, str(path), reason=reason, **how).dismissal


def test_nothing(said: Said) -> None:
    assert said() == said("list") == "nothing is dismissed\n"
    assert said("list", "--format", "json") == "[]\n"
    assert "nothing is dismissed under 0123" in said("remove", "0123", code=2)


def test_all_are_listed_and_can_be_undone(said: Said, shop: Path) -> None:
    one = dismiss(shop / "a.py", reason="it is meant so")
    two = dismiss(shop / "b.py", whole_file=True)
    three = dismiss(shop / "src" / "c.py", "c = bug", for_team=True)
    day = one.at[:10]
    assert said().splitlines() == [
        f"{one.name[:12]}  {day}  you  wrong-value  {shop}/a.py: it is meant so",
        f"{two.name[:12]}  {day}  you  wrong-value  all of {shop}/b.py",
        f"{three.name[:12]}  {day}  team  wrong-value  src/c.py",
    ]
    listed = json.loads(said("list", "--format", "json"))
    assert [(each["name"], each["scope"], each["by"]) for each in listed] == [
        (one.name, "finding", "user"),
        (two.name, "rule", "user"),
        (three.name, "finding", "team"),
    ]
    assert (listed[0]["root"], listed[0]["file"], listed[0]["at"]) == (str(shop), "a.py", one.at)
    for each in (two, three):
        assert said("remove", each.name[:8].upper()).startswith("not dismissed any more: wrong-value in ")
    assert said().splitlines() == [f"{one.name[:12]}  {day}  you  wrong-value  {shop}/a.py: it is meant so"]
    assert (shop / ".kibitz" / "dismissals.jsonl").read_text() == ""


def test_too_few_digits_bring_back_nothing(said: Said, shop: Path) -> None:
    one = dismiss(shop / "a.py")
    assert "give more" in said("remove", one.name[:3], code=2)
    assert "give more" in said("remove", "", code=2)
    assert one.name[:12] in said()


def test_what_is_shared_is_the_teams(
    said: Said, shop: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dismiss(shop / "a.py")
    dismiss(tmp_path_factory.mktemp("elsewhere") / "a.py", "d = bug")
    assert said("share") == f"1 moved to {shop}/.kibitz/dismissals.jsonl\n"
    assert [line.split()[2] for line in said().splitlines()] == ["you", "team"]
    assert said("share", str(shop)) == f"you dismissed nothing in {shop}\n"
    outside = tmp_path_factory.mktemp("no project")
    assert "is in no project" in said("share", str(outside), code=2)


def test_what_cannot_be_used_or_written_is_told(said: Said, shop: Path) -> None:
    dismiss(shop / "a.py")
    (shop / ".kibitz" / "dismissals.jsonl").symlink_to("/etc/passwd")
    assert "dismissals.jsonl is not used: it is a link out of the project" in said()
    assert "is not written to" in said("share", code=2)
    assert len(said().splitlines()) == 2, "what could not be moved stays"


def test_text_of_others_cannot_move_the_cursor(said: Said, shop: Path) -> None:
    path = shop / ".kibitz" / "dismissals.jsonl"
    path.write_text(encode(Dismissal("x", "0" * 32, "été 中.py")) + "\n" + '{"rule": "\\u001b[2J"}\n')
    out = said()
    assert "été 中.py" in out
    assert "\x1b" not in out


def test_doctor_counts_them_and_finds_what_is_not_understood(
    shop: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", canary.KEY)
    dismiss(shop / "a.py")
    known = encode(Dismissal("x", "0" * 32))
    (shop / ".kibitz" / "dismissals.jsonl").write_text(f"{known}\n<<<<<<< HEAD\n{known[:-1]}\n")
    assert run(["doctor", "--offline"]) == 1
    out = capfd.readouterr().out
    assert "1 dismissal by you, in " in out
    assert f"1 dismissal by the team, in {shop}/.kibitz/dismissals.jsonl" in out
    assert f"{shop}/.kibitz/dismissals.jsonl: 2 lines not understood, the first is line 2" in out


# check


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    with FakeProvider(reviewer(Bug("len(value)", "len(values)"))).in_thread() as provider:
        monkeypatch.setenv("KIBITZ_BASE_URL", provider.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", canary.KEY)
        yield provider


def check(capfd: pytest.CaptureFixture[str], code: int, *arguments: str) -> dict[str, Any]:
    assert run(["check", "--format", "json", *arguments]) == code
    document: dict[str, Any] = json.loads(capfd.readouterr().out)
    return document


def test_check_leaves_out_what_is_dismissed_and_counts_it(
    fake: FakeProvider, shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (shop / "a.py").write_text(BUGGY)
    (found,) = check(capfd, 1, ".")["findings"]
    line = encode(Dismissal(found["rule"], file="a.py"))
    (shop / ".kibitz" / "dismissals.jsonl").write_text(f"{line}\n")
    document = check(capfd, 0, ".")
    assert document["findings"] == []
    assert document["stats"]["dismissed"] == 1
    assert run(["check", "."]) == 0
    assert capfd.readouterr().out.startswith("No findings in 1 file; 1 dismissed\n")
    assert run(["check", "--fix", "."]) == 0
    capfd.readouterr()
    assert (shop / "a.py").read_text() == BUGGY, "what is dismissed is not mended"
    (shop / ".kibitz" / "dismissals.jsonl").unlink()
    assert check(capfd, 1, ".")["stats"]["dismissed"] == 0
    assert len(fake.requests) == 1


@pytest.mark.parametrize("comment", ["\t# kibitz: ignore\n", "# kibitz: ignore-file\n"])
def test_check_heeds_comments(
    fake: FakeProvider, shop: Path, capfd: pytest.CaptureFixture[str], comment: str
) -> None:
    head, _, body = BUGGY.partition("\n")
    text = f"{head}\n{comment}{body}" if comment.startswith("\t") else f"{comment}{BUGGY}"
    (shop / "a.py").write_text(text)
    document = check(capfd, 0, ".")
    assert (document["findings"], document["stats"]["dismissed"]) == ([], 1)
    assert len(fake.requests) == 1
