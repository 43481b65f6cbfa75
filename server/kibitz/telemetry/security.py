"""The security log: what was refused, replaced or decided, under names that do not change.

Anything may note an event at any time; nobody waits, and a flood of the same event is counted, not written.
An event has codes and counts, and names only where they are ours: never a key, source code or a path.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kibitz.telemetry.journal import Entry, Journal

FILE_NAME = "security.jsonl"
EARLY = 50
"""So many events wait for the log to be opened; settings are read before it is known who reviews."""
PER_MINUTE = 30
"""So many of one event are written in a minute; how many more there were, the next one says."""
_MINUTE = 60.0


class Event(StrEnum):
    """What can happen. The names stand for ever: whoever watches the file goes by them."""

    KEY_REFUSED = "KEY_REFUSED"
    """A provider does not accept a key."""
    KEY_EXHAUSTED = "KEY_EXHAUSTED"
    """A provider says that a key has no credit left."""
    KEY_WITHHELD = "KEY_WITHHELD"
    """A key was not sent to where its owner did not say that it may go."""
    KEY_ALLOWED = "KEY_ALLOWED"
    """Its owner said so."""
    REDIRECT_BLOCKED = "REDIRECT_BLOCKED"
    """A provider wanted what was sent to go to another address."""
    HOST_DENIED = "HOST_DENIED"
    """Something was to be sent to another origin than the configured one."""
    TLS_REFUSED = "TLS_REFUSED"
    """A server could not prove who it is."""
    ANSWER_REFUSED = "ANSWER_REFUSED"
    """An answer was too large, or compressed in a way that is not read."""
    SECRET_REDACTED = "SECRET_REDACTED"  # noqa: S105 - a name
    """Something that looks like a secret was replaced before code was sent."""
    SEND_REFUSED = "SEND_REFUSED"
    """Code was not sent: it holds too many secrets, or could not be searched for them in time."""
    EDIT_REJECTED = "EDIT_REJECTED"
    """An edit that a model proposed would have done what none may."""
    INPUT_REJECTED = "INPUT_REJECTED"
    """The editor sent something that is no message, or not one that can be followed."""
    SETTING_REFUSED = "SETTING_REFUSED"
    """The editor said what only the user may set."""
    FOLDER_DECIDED = "FOLDER_DECIDED"
    """The user said whether a folder is trusted."""
    BUDGET_USED_UP = "BUDGET_USED_UP"
    """A cap did not allow for a request."""
    BUDGET_RAISED = "BUDGET_RAISED"
    """The user let as much again be spent."""
    ANOMALY_CAP = "ANOMALY_CAP"
    """More requests in an hour than anybody's editor makes."""
    ANOMALY_VOLUME = "ANOMALY_VOLUME"
    """Far more requests, tokens or failures than usual, for hours."""
    ANOMALY_OFF_HOURS = "ANOMALY_OFF_HOURS"
    """Requests for hours at a time of day at which there are none."""
    ANOMALY_NEW = "ANOMALY_NEW"
    """A host, model or key that was never seen here."""
    ANOMALY_REFUSALS = "ANOMALY_REFUSALS"
    """One refused key after the other."""
    ANOMALY_TRANSPORT = "ANOMALY_TRANSPORT"
    """One failed handshake or redirect after the other."""
    ANOMALY_CACHE = "ANOMALY_CACHE"
    """The cache has hardly anything today that it used to have."""
    ANOMALY_REPEATED = "ANOMALY_REPEATED"
    """The same question was answered more than three times in an hour."""
    ANOMALY_RATIO = "ANOMALY_RATIO"
    """An answer of more than ten times its question's tokens."""
    ANOMALY_CONFIRMED = "ANOMALY_CONFIRMED"
    """The user said that today's use is theirs."""


class _Flood:
    """Counts events by their name, minute by minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = -_MINUTE
        self._seen: Counter[Event] = Counter()
        self._left_out: Counter[Event] = Counter()

    def passes(self, event: Event) -> int | None:
        """How many of them were left out before this one; None: this one is, too."""
        now = self._clock()
        if now - self._since >= _MINUTE:
            self._since = now
            self._seen.clear()
        self._seen[event] += 1
        if self._seen[event] > PER_MINUTE:
            self._left_out[event] += 1
            return None
        return self._left_out.pop(event, 0)


_log: Journal | None = None
_flood = _Flood()
_early: list[Entry] = []


def open_log(folder: Path) -> Journal:
    """Write to the log in ``folder`` from now on. One for the process: the last that was opened counts."""
    from kibitz.telemetry.journal import Journal  # noqa: PLC0415 - reviews need it, and nothing before

    global _log, _flood
    _log, _flood = Journal(folder / FILE_NAME, what="the security log"), _Flood()
    while _early:
        _log.write(_early.pop(0))
    return _log


def close_log(log: Journal) -> None:
    """Write what waits, and no more, unless another one was opened. Blocks for half a second at most."""
    global _log  # noqa: PLW0603 - as above
    if _log is log:
        _log = None
    log.close()


def note(event: Event, **facts: str | float | None) -> None:
    """It happened; ``facts`` are codes, counts, origins and fingerprints. Waits for nothing."""
    if (left_out := _flood.passes(event)) is None:
        return
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entry: Entry = {"ts": now, "event": event.value, **facts, "left_out": left_out or None}
    if _log is not None:
        _log.write(entry)
    elif len(_early) < EARLY:
        _early.append(entry)
