"""What the user may ask for by name. One module for what belongs together, imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from kibitz.lsp.server import KibitzServer

COMMANDS: Mapping[str, str] = {
    "kibitz.analyzeDocument": "reviewing.analyze_document",
    "kibitz.analyzeWorkspace": "workspace.analyze_workspace",
    "kibitz.stop": "reviewing.stop",
    "kibitz.pause": "reviewing.pause",
    "kibitz.resume": "reviewing.resume",
    "kibitz.fix": "assisting.fix",
    "kibitz.explain": "assisting.explain",
    "kibitz.dismiss": "dismissing.dismiss",
    "kibitz.undismiss": "dismissing.undismiss",
    "kibitz.showDismissed": "dismissing.show_dismissed",
    "kibitz.status": "status.status",
    "kibitz.showStatus": "status.show_status",
    "kibitz.showUsage": "status.show_usage",
    "kibitz.usageReport": "usagereport.usage_report",
    "kibitz.metrics": "metrics.metrics",
    "kibitz.showRequest": "requests.show_request",
    "kibitz.doctor": "doctor.doctor",
    "kibitz.bugReport": "bugreport.bug_report",
    "kibitz.reloadKey": "keys.reload_key",
    "kibitz.clearCache": "cache.clear_cache",
    "kibitz.raiseBudget": "budget.raise_budget",
}
"""All commands, by the name that editors know them under: the function ``f`` of ``m.py`` is ``m.f``."""


def command(name: str) -> Callable[[KibitzServer, Sequence[object]], Awaitable[object]] | None:
    """What to call with the server and the command's arguments; None if there is no such command."""
    if name not in COMMANDS:
        return None
    module, _, function = COMMANDS[name].partition(".")
    found: Callable[[KibitzServer, Sequence[object]], Awaitable[object]] = getattr(
        importlib.import_module(f"{__name__}.{module}"), function
    )
    return found
