from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kibitz.telemetry import security
from kibitz.telemetry.security import EARLY, PER_MINUTE, Event

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "_early", [])
    monkeypatch.setattr(security, "_flood", security._Flood())
    monkeypatch.setattr(security, "_log", None)


def noted(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / security.FILE_NAME).read_text().splitlines()]


def test_the_names_of_events_stand_for_ever() -> None:
    assert sorted(Event) == [
        "ANOMALY_CACHE",
        "ANOMALY_CAP",
        "ANOMALY_CONFIRMED",
        "ANOMALY_NEW",
        "ANOMALY_OFF_HOURS",
        "ANOMALY_RATIO",
        "ANOMALY_REFUSALS",
        "ANOMALY_REPEATED",
        "ANOMALY_TRANSPORT",
        "ANOMALY_VOLUME",
        "ANSWER_REFUSED",
        "BUDGET_RAISED",
        "BUDGET_USED_UP",
        "EDIT_REJECTED",
        "FOLDER_DECIDED",
        "HOST_DENIED",
        "INPUT_REJECTED",
        "KEY_ALLOWED",
        "KEY_EXHAUSTED",
        "KEY_REFUSED",
        "KEY_WITHHELD",
        "REDIRECT_BLOCKED",
        "SECRET_REDACTED",
        "SEND_REFUSED",
        "SETTING_REFUSED",
        "TLS_REFUSED",
    ]


def test_events_are_written_and_a_flood_of_them_is_counted(tmp_path: Path) -> None:
    now = [0.0]
    log = security.open_log(tmp_path)
    security._flood._clock = lambda: now[0]
    for _ in range(PER_MINUTE + 5):
        security.note(Event.INPUT_REJECTED, reason="not-json")
    security.note(Event.KEY_REFUSED, key="0a1b2c3d", origin="https://e.example:443")
    now[0] = 61
    security.note(Event.INPUT_REJECTED, reason="not-json")
    security.close_log(log)
    *many, refused, last = noted(tmp_path)
    assert len(many) == PER_MINUTE
    assert {(line["event"], line["reason"]) for line in many} == {("INPUT_REJECTED", "not-json")}
    assert (refused["event"], refused["key"]) == ("KEY_REFUSED", "0a1b2c3d")
    assert last["left_out"] == 5


def test_what_happens_before_the_log_is_open_waits_for_it(tmp_path: Path) -> None:
    for event in (Event.SETTING_REFUSED, Event.INPUT_REJECTED):
        for _ in range(PER_MINUTE):
            security.note(event)
    log = security.open_log(tmp_path)
    security.close_log(log)
    assert len(noted(tmp_path)) == EARLY


def test_closing_an_older_log_leaves_the_newer_one_open(tmp_path: Path) -> None:
    older, newer = security.open_log(tmp_path / "a"), security.open_log(tmp_path / "b")
    security.close_log(older)
    security.note(Event.KEY_ALLOWED, origin="https://e.example:443")
    security.close_log(newer)
    assert [line["event"] for line in noted(tmp_path / "b")] == ["KEY_ALLOWED"]
    security.note(Event.KEY_ALLOWED)
    assert not (tmp_path / "a" / security.FILE_NAME).exists()
