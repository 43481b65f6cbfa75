"""What kibitz is doing, as an object for editors and in sentences for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.documents import Document, Documents
    from kibitz.lsp.session import Session
    from kibitz.telemetry.counts import Counts

NOTIFICATION = "$/kibitz/status"
"""Any client may ignore a method whose name begins so."""


class State(StrEnum):
    """In a word; of several that hold, the first one."""

    OFF = "off"
    """Nobody reviews, and that will stay so until somebody does something."""
    PAUSED = "paused"
    DEGRADED = "degraded"
    """It works less well than it should."""
    BUSY = "busy"
    IDLE = "idle"


class Setup(Protocol):
    """How bringing the server up went."""

    @property
    def starting(self) -> bool:
        """Whether it is still under way."""

    @property
    def trouble(self) -> str:
        """Why it failed; empty if it did not."""

    @property
    def problems(self) -> Sequence[str]:
        """What is wrong with the settings."""


@dataclass(frozen=True, slots=True)
class Status:
    """What kibitz is doing, at one moment."""

    state: State
    message: str
    """Why, in a sentence without its full stop."""
    action: str = ""
    """What the user can do; empty: nothing needs to be done."""
    reviews: int = 0
    """So many documents are being reviewed, or wait for that."""
    findings: int = 0
    documents: int = 0
    today: Counts | None = None
    """What all kibitz processes of this machine asked today; None: not known."""
    model: str = ""
    """Who is asked; empty where nobody is."""

    def as_json(self) -> dict[str, object]:
        """As it goes to the editor."""
        today = self.today
        return {
            "state": self.state.value,
            "message": self.message,
            "action": self.action,
            "reviews": self.reviews,
            "findings": self.findings,
            "documents": self.documents,
            "today": None if today is None else counts_json(today),
            "model": self.model,
        }


def counts_json(counts: Counts) -> dict[str, object]:
    """What was asked, and what it cost in US dollars: null where any of it has no known price."""
    return {
        "requests": counts.requests,
        "inputTokens": counts.input_tokens,
        "outputTokens": counts.output_tokens,
        "costUsd": None if counts.whole_cost_usd is None else float(counts.whole_cost_usd),
        "unpriced": counts.unpriced,
    }


def status_of(session: Session, setup: Setup, today: Counts | None = None) -> Status:
    """What the session is doing. Takes microseconds; asks nobody and waits for nothing."""
    state, message, action = _state(session, setup)
    service = session.service
    return Status(
        state,
        message,
        action,
        reviews=session.busy,
        findings=sum(len(document.shown) for document in session.documents),
        documents=len(session.documents),
        today=today,
        model="" if service is None else service.health().model,
    )


def _state(session: Session, setup: Setup) -> tuple[State, str, str]:
    if session.service is None and not session.knobs.enabled:
        return State.OFF, "switched off (setting enabled)", "set enabled to true"
    if session.service is None:
        if setup.trouble and not setup.starting:
            return State.OFF, setup.trouble, "put that right, then run the command kibitz.reloadKey"
        return State.BUSY, "kibitz is starting", ""
    health = session.service.health()
    if session.paused or health.paused:
        paused = ("paused", "run the command kibitz.resume")
        return (State.PAUSED, *(paused if session.paused else (health.problem, health.action)))
    doing = f"{counted(session.busy, 'review')} under way" if session.busy else "all reviewed"
    if worse := _worse(session, setup):
        return State.DEGRADED, f"{doing}, but {worse[0]}", worse[1]
    return (State.BUSY if session.busy else State.IDLE), doing, ""


def _worse(session: Session, setup: Setup) -> tuple[str, str] | None:
    """What works less well than it should, and what to do about it; None if nothing."""
    if trouble := session.notices.trouble:
        return trouble.message, trouble.action
    if session.service is not None and (health := session.service.health()).problem:
        return health.problem, health.action
    stale = sum(bool(each.stale) for document in session.documents for each in document.shown)
    if stale:
        return (
            f"{counted(stale, 'finding')} could not be re-checked",
            "run the command kibitz.analyzeDocument",
        )
    if setup.problems:
        return (
            f"a setting is wrong: {setup.problems[0]}",
            "mend the settings; kibitz goes on without that one",
        )
    return None


async def report(session: Session, status: Status) -> str:
    """All there is to say, a sentence on each line; takes what the state database takes."""
    what = f"{status.message}: {status.action}" if status.action else status.message
    lines = [summary(session.documents, what)]
    focus = session.documents.get(session.attention.focus or "")
    if focus is not None:
        lines.append(account(focus))
    if session.service is not None:
        lines.extend(await session.service.status())
    return "\n".join(f"{line.removesuffix('.')}." for line in lines if line)


def summary(documents: Documents, what: str) -> str:
    """All documents, and what goes on with them."""
    shown = [each for document in documents for each in document.shown]
    stale = sum(bool(each.stale) for each in shown)
    doubts = f" ({stale} not re-checked)" if stale else ""
    return f"{counted(len(documents), 'document')}, {counted(len(shown), 'finding')}{doubts}, {what}"


def account(document: Document) -> str:
    """What the reviews of one document took since it was opened; empty if nothing."""
    spent = document.spent
    if not spent.requests:
        return ""
    cost = "" if spent.cost_usd is None else f", ${spent.cost_usd:.4f}"
    return (
        f"{document.name}: {counted(spent.requests, 'request')}, {spent.input_tokens} tokens in, "
        f"{spent.output_tokens} out{cost} since it was opened"
    )


def counted(number: int, noun: str) -> str:
    """``1 finding``, ``2 findings``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
