from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.provider.endpoint import Endpoint
from kibitz.provider.fallback import CONSENT
from kibitz.provider.keys.consent import Consent, ConsentNeeded, Consents, needs_consent, origin_of
from kibitz.telemetry import security

if TYPE_CHECKING:
    from pathlib import Path

HERE, THERE = "https://models.example.com:443", "https://models.example.com:8443"
PLACE, OTHER = "environment variable OPENAI_API_KEY", "file /x/key"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "consents.json"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Models.Example.com/v1", HERE),
        ("https://models.example.com:443", HERE),
        ("https://models.example.com:8443/v1/", THERE),
        ("http://127.0.0.1/v1", "http://127.0.0.1:80"),
        ("http://[::1]:11434/v1", "http://[::1]:11434"),
        ("https://\u0430pi.openai.com", "https://xn--pi-6kc.openai.com:443"),
    ],
)
def test_an_origin_is_written_in_one_way_only(url: str, origin: str) -> None:
    assert origin_of(url) == origin
    assert origin_of(origin) == origin


@pytest.mark.parametrize(
    "url", ["", "models.example.com", "ftp://x", "https://", "https://x:y", "https://\ud800"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        origin_of(url)


@pytest.mark.parametrize(
    ("url", "needed"),
    [
        ("https://api.openai.com/v1", False),
        ("https://eu.api.openai.com/v1", False),
        ("http://127.0.0.1:8080/v1", False),
        ("http://localhost:8080/v1", False),
        ("http://[::1]/v1", False),
        ("http://api.openai.com/v1", True),
        ("https://api.openai.com.example.com/v1", True),
        ("https://\u0430pi.openai.com/v1", True),
        ("https://mine.openai.azure.com/v1", True),
        ("https://models.example.com/v1", True),
        ("https://127.0.0.1.example.com/v1", True),
    ],
)
def test_only_openai_and_this_machine_go_without_saying(url: str, needed: bool) -> None:
    assert needs_consent(origin_of(url)) is needed
    assert Endpoint(origin_of(url)).origin[0] in {"http", "https"}


def test_openai_and_this_machine_are_not_even_looked_up(tmp_path: Path) -> None:
    assert Consents(tmp_path / "nowhere").allows("https://api.openai.com:443", PLACE)


def test_a_consent_holds_for_its_origin_and_its_place(path: Path) -> None:
    consents = Consents(path)
    assert not consents.allows(HERE, PLACE)
    consents.allow("https://models.example.com", PLACE)
    assert consents.allows(HERE, PLACE)
    assert not consents.allows(HERE, OTHER)
    assert not consents.allows(THERE, PLACE)
    assert not consents.allows(HERE.replace("https", "http"), PLACE)
    assert consents.all() == (Consent(HERE, PLACE),)
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_what_is_allowed_is_noted_with_its_origin(path: Path, tmp_path: Path) -> None:
    log = security.open_log(tmp_path / "log")
    Consents(path).allow("https://models.example.com/v1", PLACE)
    security.close_log(log)
    *_, last = (tmp_path / "log" / security.FILE_NAME).read_text().splitlines()
    noted = json.loads(last)
    assert (noted["event"], noted["origin"]) == ("KEY_ALLOWED", HERE)


def test_another_process_sees_it_and_can_take_it_back(path: Path) -> None:
    server, terminal = Consents(path), Consents(path)
    assert not server.allows(HERE, PLACE)
    terminal.allow(HERE, PLACE)
    terminal.allow(HERE, OTHER)
    terminal.allow(THERE, OTHER)
    assert server.allows(HERE, PLACE)
    assert terminal.forget("https://models.example.com/v1") == 2
    assert not server.allows(HERE, PLACE)
    assert server.all() == (Consent(THERE, OTHER),)
    assert terminal.forget(HERE) == 0
    path.unlink()
    assert not server.allows(THERE, OTHER)


@pytest.mark.skipif(os.name != "posix", reason="modes")
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_holds_no_consent(path: Path, mode: int) -> None:
    Consents(path).allow(HERE, PLACE)
    path.chmod(mode)
    assert not Consents(path).allows(HERE, PLACE)


@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_a_file_that_others_may_only_read_is_believed(path: Path) -> None:
    Consents(path).allow(HERE, PLACE)
    path.chmod(0o644)
    assert Consents(path).allows(HERE, PLACE)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_holds_no_consent(path: Path) -> None:
    Consents(path).allow(HERE, PLACE)
    os.chown(path, 12345, 0)
    assert not Consents(path).allows(HERE, PLACE)


@pytest.mark.skipif(os.name != "posix", reason="named pipes")
def test_a_pipe_in_its_place_does_not_block(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path, 0o600)
    assert not Consents(path).allows(HERE, PLACE)


@given(
    content=st.one_of(
        st.binary(max_size=100),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["allowed", "origin", "place", "x"]), inner, max_size=3)
            ),
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_whatever_the_file_holds_it_is_no_consent_and_can_be_replaced(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile.json"
    path.write_bytes(content)
    path.chmod(0o600)
    consents = Consents(path)
    assert not consents.allows(HERE, PLACE)
    consents.allow(HERE, PLACE)
    assert Consents(path).allows(HERE, PLACE)


@pytest.mark.parametrize("content", ["[" * 100_000, "x" * 1_100_000, '{"allowed": {"origin": 1}}'])
def test_a_deep_or_huge_file_is_no_consent(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    assert Consents(path).all() == ()


def test_a_folder_that_cannot_be_written_is_an_error_and_leaves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    consents = Consents(path)
    consents.allow(HERE, PLACE)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        consents.allow(THERE, PLACE)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert consents.all() == (Consent(HERE, PLACE),)


def test_what_is_needed_says_of_which_key_and_for_which_address() -> None:
    error = ConsentNeeded("https://api.example", "file /u/key")
    assert (error.origin, error.place, error.code) == ("https://api.example", "file /u/key", CONSENT)
    assert "file /u/key" in error.message
    assert "https://api.example" in error.message
