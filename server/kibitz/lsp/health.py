"""Whether those who are asked answer as they should, in a sentence for the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.lsp.service import Health
from kibitz.provider.breaker import State
from kibitz.telemetry.anomaly import Stage

if TYPE_CHECKING:
    from kibitz.app import App
    from kibitz.provider.status import EngineStatus

_GO_ON = "run the command kibitz.raiseBudget to go on (what is known already stays shown)"
_IS_MINE = "if it is yours, run the command kibitz.raiseBudget; else see the access log, and replace the key"
_BY_ITSELF = "nothing: kibitz tries again by itself (kibitz.doctor looks closer)"


def health_of(app: App, model: str) -> Health:
    """How the app's provider does; ``model`` is who is asked first. Waits for nothing."""
    requests = app.ledger.run.requests
    if refusal := app.spending.budget.refusal:
        why = f"{refusal.cap.words} is used up, so nothing is sent until {refusal.until}"
        return Health(model, why, _GO_ON, requests, paused=True)
    vigil = app.spending.vigil
    if vigil.stage is Stage.PAUSE:
        why = f"use is not like yours ({vigil.why}), so only what you ask for is sent"
        return Health(model, why, _IS_MINE, requests, paused=True)
    if vigil.stage >= Stage.STATUS:
        slow = ", so each request waits for a while" if vigil.stage is Stage.THROTTLE else ""
        return Health(model, f"use is not like yours ({vigil.why}){slow}", _IS_MINE, requests)
    if app.unusable is not None:
        return Health(model, app.unusable.message, "run the command kibitz.doctor", requests)
    engine = app.engine()
    problem, action = "", ""
    if engine is not None and app.choice.provider != "local":
        problem, action = _problem(engine)
        model = engine.using
    if not problem and (kept := app.cache_problems()):
        # The rest of it says how it goes on, and what to do: the doctor tells all.
        problem, action = kept[0].partition(". ")[0], "run the command kibitz.doctor"
    return Health(model, problem, action, requests)


def _problem(engine: EngineStatus) -> tuple[str, str]:
    first = engine.targets[0]
    if engine.using != first.name:
        why = f": {first.down}" if first.down else ""
        return f"{engine.using} is asked in place of {first.name}{why}", "run the command kibitz.doctor"
    if first.problem:
        return (
            f"there is trouble with keys: {first.problem}",
            "mend it, then run the command kibitz.reloadKey",
        )
    if any(lane.breaker.state is not State.CLOSED for lane in first.lanes):
        return f"{first.name} is left alone for a while, as nearly all requests failed", _BY_ITSELF
    if first.lanes and all(lane.gate.paused_for > 0 for lane in first.lanes):
        return f"{first.name} wants fewer requests", _BY_ITSELF
    return "", ""
