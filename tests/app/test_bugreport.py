"""What a report is made of: the scrubber, the ends of logs, and a report from a server."""

from __future__ import annotations

import ast
import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from kibitz.app.bugreport import Scrubber, default_name, make, tails
from kibitz.app.bugreport.scrub import LEFT_OUT
from kibitz.config import Settings, load

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER = Path(__file__).parents[2] / "server" / "kibitz"
SECRETS = ("planted-0123456789", "planted-0123456789-longer", 'with"quotes\\and ünïcode')
SETTINGS = Settings(api_key=SecretStr("sk-planted-key"), redis_url=SecretStr("redis://:passwörd@h/0"))


def hers(monkeypatch: pytest.MonkeyPatch, home: str = "/home/ada.lovelace") -> Scrubber:
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("USER", "ada.lovelace")
    monkeypatch.setattr("platform.node", lambda: "engine.example")
    return Scrubber.of_user(SETTINGS, [Path("/srv/hush")])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/ada.lovelace/x and /home/ada.lovelace", "~/x and ~"),
        ("file:///home/ada.lovelace/a%20b", "file://~/a%20b"),
        ("/home/ada.lovelace-x/a", "/home/<user>/a"),
        ("/Users/grace/a C:\\Users\\grace\\a", "/Users/<user>/a C:\\Users\\<user>\\a"),
        ("/srv/hush/a.py of /srv/hushed", "<folder>/a.py of /srv/hushed"),
        ("Ada.Lovelace at engine, engine.example", "<user> at <user>, <user>"),
        ("radar engineer", "radar engineer"),
        ("key sk-planted-key, sk-another-12345678", "key [key hidden], [key hidden]"),
        ("redis://:passwörd@h/0", "[secret hidden]"),
        ("a\x1b[31mb\u202ec\nd", "abc\nd"),
        ("plain words", "plain words"),
    ],
)
def test_what_is_shown(text: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hers(monkeypatch).text(text) == shown


def test_a_home_with_other_letters_is_known_in_addresses_too(monkeypatch: pytest.MonkeyPatch) -> None:
    scrubber = hers(monkeypatch, "/home/jürgen müller")
    assert scrubber.text("/home/jürgen müller/a file:///home/j%C3%BCrgen%20m%C3%BCller/a") == "~/a file://~/a"


def test_root_and_containers_have_no_name_to_hide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/")
    monkeypatch.setenv("USER", "root")
    monkeypatch.setattr("platform.node", lambda: "")
    monkeypatch.setattr("getpass.getuser", lambda: "root")
    scrubber = Scrubber.of_user(Settings())
    assert scrubber.text("the root folder /srv/a") == "the root folder /srv/a"


@given(
    st.lists(st.one_of(st.sampled_from(SECRETS), st.text(max_size=12)), max_size=8).map("".join),
    st.integers(0, 2),
)
def test_no_secret_comes_through(text: str, depth: int) -> None:
    scrubber = Scrubber(tuple(sorted(SECRETS, key=len, reverse=True)), (), None)
    value: object = text
    for _ in range(depth):
        value = {text: [value, 7, None]}
    shown = json.dumps(scrubber.value(value), ensure_ascii=False)
    assert not any(secret in shown or json.dumps(secret)[1:-1] in shown for secret in SECRETS)


def test_what_cannot_be_searched_is_left_out() -> None:
    scrubber = Scrubber((), (), None)
    assert scrubber.text("x" * (1 << 21) + "x\nshort") == f"{LEFT_OUT}\nshort"


def facts() -> Iterator[str]:
    """What the security log is told, wherever that is."""
    for path in SERVER.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text if "security.note(" in text else "")):
            noted = isinstance(node, ast.Call) and ast.unparse(node.func) == "security.note"
            if isinstance(node, ast.Call) and noted:
                yield from (keyword.arg or "" for keyword in node.keywords)


def test_all_that_the_security_log_is_told_may_be_shown() -> None:
    assert {*facts(), "ts", "event", "left_out"} == tails._SECURITY


def test_of_a_long_log_only_the_end_is_taken(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "".join(json.dumps({"ts": str(number), "status": number}) + "\n" for number in range(9000))
    )
    entries = tails.access(log)
    assert len(entries) == tails.LINES
    assert entries[-1] == {"ts": "8999", "status": 8999}
    wide = {"ts": "1", "model": "m" * 150}
    log.write_text((json.dumps(wide) + "\n") * 5000)
    assert {json.dumps(entry) for entry in tails.access(log)} == {json.dumps(wide)}
    link = tmp_path / "link"
    link.symlink_to(log)
    assert tails.access(link) == tails.access(tmp_path / "none") == tails.access(tmp_path) == []


async def test_a_server_s_report_goes_where_only_the_user_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIBITZ_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    loaded = load(environ={"KIBITZ_BASE_URL": "http://127.0.0.1:9/v1"})
    path, parts = await make(loaded, {"editor": {"name": "Vim"}, "folder": f"{tmp_path}/w"}, [tmp_path / "w"])
    assert path.parent == tmp_path / "state" / "reports"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    (server,) = [part.text for part in parts if part.name == "server.json"]
    assert json.loads(server) == {"editor": {"name": "Vim"}, "folder": "<folder>"}


def test_a_name_tells_when() -> None:
    assert default_name(0).startswith("kibitz-bugreport-19")
