from __future__ import annotations

import io
import json
import logging
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from kibitz.telemetry import logs, masking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "sk-logged-0123456789abcdefABCDEF"
"""Not the one of ``tests.support.canary``: pytest keeps what is logged here as it came."""
ODD = 'k"e\\y-with-odd-characters'


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    masking.hide(CANARY)
    masking.hide(ODD)
    yield
    structlog.reset_defaults()
    root.removeHandler(logs._handler)
    root.setLevel(level)
    logs.close()
    logs._sink.level = logging.WARNING


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_logs_to_stderr_and_never_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert logs.configure("info") is None
    logs.logger("here").info("something", count=2)
    logging.getLogger("there").warning("old style %d", 3)
    out, err = capsys.readouterr()
    assert out == ""
    first, second = (json.loads(line) for line in err.splitlines())
    assert (first["event"], first["level"], first["logger"], first["count"]) == (
        "something",
        "info",
        "here",
        2,
    )
    assert (second["event"], second["logger"]) == ("old style 3", "there")


def test_a_record_may_have_fields_and_they_hold_no_key_either(tmp_path: Path) -> None:
    logs.configure("warning", tmp_path / "log", records_only=True)
    fields = {"count": 2, "ratio": 0.5, "before": f"key {CANARY}", "event": "mine", "inner": [ODD]}
    logging.getLogger("there").warning("stepped", extra={"fields": fields})
    (line,) = lines(tmp_path / "log")
    assert (line["event"], line["level"], line["count"], line["ratio"]) == ("stepped", "warning", 2, 0.5)
    assert (line["before"], line["inner"]) == ("key [key hidden]", ["[key hidden]"])


def test_less_important_things_are_left_out(tmp_path: Path) -> None:
    logs.configure("warning", tmp_path / "log")
    logs.logger("here").info("no")
    logs.logger("here").error("yes")
    assert [line["event"] for line in lines(tmp_path / "log")] == ["yes"]


def test_the_file_is_for_its_owner_only_even_if_it_was_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "log"
    path.parent.mkdir()
    path.touch(0o644)
    assert logs.configure("info", path) is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_symbolic_link_is_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "victim").touch()
    (tmp_path / "log").symlink_to(tmp_path / "victim")
    problem = logs.configure("info", tmp_path / "log")
    assert problem is not None
    assert "cannot be written" in problem
    logs.logger("here").info("still logged")
    assert "still logged" in capsys.readouterr().err
    assert (tmp_path / "victim").read_text() == ""


@pytest.mark.parametrize("key", [CANARY, ODD, "sk-proj-unknown_0123456789", "Bearer abcdef.ghi"])
def test_keys_are_masked_wherever_they_stand(tmp_path: Path, key: str) -> None:
    path = tmp_path / "log"
    logs.configure("debug", path)
    log = logs.logger("here")
    log.info("%s", key, plain=key, nested={"a": [key, {"b": (key,)}]}, thing=ValueError(key))
    standard = logging.getLogger("there")
    standard.warning("message %s", key)
    standard.warning(key)
    try:
        int(key)
    except ValueError as error:
        log.exception("failed")
        log.warning("failed", exc_info=error)
        standard.exception("failed")
    text = path.read_text("ascii")
    assert json.dumps(key)[1:-1] not in text
    assert key not in text
    assert text.count("key hidden") >= 10


def test_tracebacks_come_without_local_variables(tmp_path: Path) -> None:
    path = tmp_path / "log"
    logs.configure("debug", path)

    def fails(source: str) -> None:
        assert source
        raise RuntimeError("broken")

    try:
        fails("the user's " + "code")
    except RuntimeError:
        logs.logger("here").exception("failed")
        logging.getLogger("there").exception("failed")
    assert "the user's code" not in path.read_text("ascii")
    assert all("RuntimeError: broken" in line["exception"] for line in lines(path))


def test_nothing_can_drive_a_terminal_or_forge_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    logs.configure("debug", path)
    evil = "a\x1b[2J\u202e\n{}\r\u2028\ud800"
    logs.logger("here").warning(evil, field=evil)
    logging.getLogger("there").warning("%s", evil)
    raw = path.read_bytes()
    assert all(byte == 0x0A or 0x20 <= byte <= 0x7E for byte in raw)
    assert len(raw.splitlines()) == 2


def test_a_badly_formatted_record_neither_raises_nor_prints_its_arguments() -> None:
    record = logging.LogRecord("there", logging.WARNING, "", 1, "%d apples", (CANARY,), None)
    assert logs.KeyFilter().filter(record)
    assert record.getMessage() == "%d apples (badly formatted)"


@pytest.mark.parametrize("name", ["pygls", "httpx2", "httpcore2", "openai"])
def test_libraries_that_log_bodies_are_kept_quiet(name: str) -> None:
    logs.configure("debug")
    assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    assert logging.getLogger(name).isEnabledFor(logging.WARNING)


def test_configuring_again_replaces_the_target(tmp_path: Path) -> None:
    logs.configure("info", tmp_path / "one")
    logs.configure("info", tmp_path / "two")
    logs.logger("here").info("x")
    logging.getLogger("there").warning("y")
    assert (tmp_path / "one").read_text() == ""
    assert [line["event"] for line in lines(tmp_path / "two")] == ["x", "y"]


def test_short_values_are_not_masked() -> None:
    masking.hide("abc")
    assert masking.mask("abc") == "abc"


def test_a_key_that_contains_another_is_masked_whole() -> None:
    masking.hide("inner-secret")
    masking.hide("outer-inner-secret-outer")
    assert masking.mask("x outer-inner-secret-outer y") == f"x {masking.MASK} y"


def test_is_safe_before_it_is_configured(capsys: pytest.CaptureFixture[str]) -> None:
    log = logs.logger("here")
    log.info("not important")
    log.warning("important")
    out, err = capsys.readouterr()
    assert out == ""
    assert [json.loads(line)["event"] for line in err.splitlines()] == ["important"]


def test_whoever_asks_structlog_itself_does_not_reach_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    structlog.get_logger().info("direct")
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err)["event"] == "direct"


def test_stderr_of_the_moment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("info")
    logs.logger("here").info("x")
    assert json.loads(stream.getvalue())["event"] == "x"
