"""Is everything in order, and if not, what to do: for ``kibitz doctor`` and for editors."""

from __future__ import annotations

import asyncio
import os
import platform
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz._version import __version__
from kibitz.app import amounts, editors, keys
from kibitz.app.cache_overview import overview
from kibitz.app.caching import opened
from kibitz.app.dismissals import known_to_user
from kibitz.app.project_files import load
from kibitz.app.projects import root_of, trust_of_user
from kibitz.app.trails import paths
from kibitz.config import default_user_file
from kibitz.findings.guidance import PREFIX
from kibitz.findings.project import Project
from kibitz.findings.rule_pages import PAGES
from kibitz.guard.trust import Decision
from kibitz.local import weights
from kibitz.local.errors import LocalModelError
from kibitz.provider.errors import OpenAIError
from kibitz.provider.status_text import counts_line, engine_lines
from kibitz.telemetry import targets
from kibitz.telemetry.anomaly import Stage
from kibitz.telemetry.savings_text import savings_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from kibitz.app.app import App
    from kibitz.config import Loaded, Settings
    from kibitz.provider.models import Probe


class State(StrEnum):
    """How a check went."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at."""

    state: State
    what: str
    """May hold text of others: to be escaped for where it is shown."""
    advice: str = ""
    """What to do, where there is something to do."""


async def examine(loaded: Loaded, *, offline: bool) -> AsyncIterator[Line]:
    """Look at everything, one thing after the other; what is wrong is a line, and no error.

    ``offline``: ask no model, and look at this machine only; else one question of a few words is asked.
    """
    yield Line(State.OK, f"kibitz {__version__} on Python {platform.python_version()}, {platform.platform()}")
    for line in await asyncio.to_thread(lambda: [*_configuration(loaded)]):
        yield line
    for line in await asyncio.to_thread(lambda: [*_project()]):
        yield line
    for line in await asyncio.to_thread(lambda: [*_dismissals()]):
        yield line
    for line in await _keys(loaded):
        yield line
    yield await asyncio.to_thread(_local_model, loaded)
    for line in await _model(loaded, offline=offline):
        yield line
    for line in await _cache(loaded, offline=offline):
        yield line
    for line in await asyncio.to_thread(lambda: [*_logs(loaded), *_metrics(loaded)]):
        yield line
    for line in await asyncio.to_thread(lambda: [*_editors()]):
        yield line


def _configuration(loaded: Loaded) -> Iterator[Line]:
    path = default_user_file()
    if path.is_file():
        yield Line(State.OK, f"user file {path}")
    else:
        yield Line(State.NOTE, f"no user file; it would be {path}")
    given = [f"{name} ({loaded.where(name)})" for name in loaded.origins if loaded.is_set(name)]
    if given:
        yield Line(State.NOTE, f"set: {', '.join(given)}")
    for problem in loaded.problems:
        yield Line(State.PROBLEM, problem.message)
    yield from _quiet(loaded.settings)
    for code in loaded.settings.rules_off:
        if code not in PAGES and not code.startswith(PREFIX):
            yield Line(State.PROBLEM, f"rules_off: there is no rule {code}", "See all with: kibitz rules")


def _quiet(settings: Settings) -> Iterator[Line]:
    """What is set that makes editors quieter than somebody may expect."""
    if not settings.enabled:
        yield Line(
            State.NOTE, "nothing is reviewed in editors (setting enabled)", "To change that: enabled = true"
        )
    elif settings.trigger != "change":
        begins = "you save" if settings.trigger == "save" else "you ask for them"
        yield Line(
            State.NOTE,
            f"in editors, reviews begin when {begins} (setting trigger)",
            'To have them while you type: trigger = "change"',
        )
    if settings.languages:
        yield Line(
            State.NOTE, f"in editors, only {', '.join(settings.languages)} is reviewed (setting languages)"
        )
    if settings.ignore_budget:
        yield Line(State.NOTE, "budgets hold nothing back (setting ignore_budget)")


def _project() -> Iterator[Line]:
    """What the project of the working directory says to reviewers, and whether that is used."""
    root = root_of(Path.cwd())
    project = load(root) if root is not None else Project()
    if root is None or not (project or project.problems):
        return
    count = len(project.rules)
    said = [f"{count} {'rule' if count == 1 else 'rules'}"] if count else []
    said += [f"notes from {project.context_file}"] if project.context else []
    what = f"project {root}: {' and '.join(said) or 'nothing that can be used'}"
    if trust_of_user().decision(root) is Decision.TRUSTED:
        yield Line(State.OK, what)
    else:
        yield Line(
            State.NOTE, f"{what}; not used, since it is not trusted", f"To use it: kibitz trust {root}"
        )
    for problem in project.problems:
        yield Line(State.PROBLEM, f"project {root}: {problem}")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _dismissals() -> Iterator[Line]:
    """How much is not shown any more, by whose word, and what of that cannot be read."""
    known, root = known_to_user(), root_of(Path.cwd())
    files = {"you": known.user} | ({"the team": known.team(root)} if root is not None else {})
    for who, file in files.items():
        lines = file.look()
        if lines.every:
            count = _counted(len(lines.every), "dismissal")
            yield Line(State.OK, f"{count} by {who}, in {file.path}", "See all with: kibitz dismissals")
        if file.problem:
            yield Line(State.PROBLEM, f"{file.path} is not used: {file.problem}")
        if lines.numbers:
            count = _counted(len(lines.numbers), "line")
            what = f"{file.path}: {count} not understood, the first is line {lines.numbers[0]}"
            yield Line(State.PROBLEM, what, "Mend or remove it; a newer kibitz may have written it")
        if not lines.is_whole:
            yield Line(State.PROBLEM, f"{file.path} is too long: not all of it is used", "Remove old lines")


async def _keys(loaded: Loaded) -> list[Line]:
    try:
        found = await keys.purposes(loaded)
    except OpenAIError as error:
        return [Line(State.PROBLEM, error.message)]
    return await asyncio.to_thread(lambda: [*_purposes(found)])


def _purposes(found: tuple[keys.Purpose, ...]) -> Iterator[Line]:
    if not found:
        yield Line(State.NOTE, "no API key (OPENAI_API_KEY, KIBITZ_API_KEY or api_key in the user file)")
    allowed = keys.consents()
    for purpose in found:
        for key in purpose.keys:
            yield Line(State.OK, f"{purpose.name} from {key.place}, fingerprint {key.id}")
        if purpose.problem:
            yield Line(State.PROBLEM, purpose.problem)
        for place in purpose.refused(allowed):
            yield Line(
                State.PROBLEM,
                f"keys from {place} do not go to {purpose.origin} without your word",
                f"If that address is right: kibitz key allow {purpose.origin}",
            )
    for consent in allowed.all():
        yield Line(State.NOTE, f"keys from {consent.place} may go to {consent.origin}")


def _local_model(loaded: Loaded) -> Line:
    name = loaded.settings.local_model
    try:
        model = weights.find(name)
    except LocalModelError as error:
        return Line(State.PROBLEM, str(error))
    missing = []
    if find_spec("xllamacpp") is None:
        missing.append("pip install 'kibitz[local]'")
    if not weights.installed(model):
        missing.append(f"kibitz model pull {name}")
    if missing:
        # Only a problem where it is wanted; whether it is, `_model` finds out.
        return Line(State.NOTE, f"embedded model {name} is not ready", f"To use it: {'; '.join(missing)}")
    return Line(State.OK, f"embedded model {name}: {weights.path_of(model)}")


async def _model(loaded: Loaded, *, offline: bool) -> list[Line]:
    """Who would review, and whether it answers."""
    from kibitz.app.app import App  # noqa: PLC0415 - the SDK costs a second; what is known is told before

    try:
        app = await asyncio.to_thread(App.create, loaded.settings, loaded.where)
        reviewed_by = Line(State.OK, f"reviews are done by {app.describe()}")
    except (OpenAIError, LocalModelError) as error:
        return [Line(State.PROBLEM, str(error))]
    try:
        asked = [] if offline else await _asked(app)
        return [reviewed_by, *asked, *await _today(app)]
    finally:
        await app.aclose()


async def _asked(app: App) -> list[Line]:
    """What comes of a question, and what the engine has to say after it."""
    try:
        client = await app.client()
    except (OpenAIError, LocalModelError) as error:
        return [Line(State.PROBLEM, str(error))]
    try:
        answer = _answers(await client.probe())
    except OpenAIError as error:
        answer = Line(State.PROBLEM, str(error))
    if app.choice.provider == "local":
        return [answer]
    told = engine_lines(client.status(), with_keys=False)
    return [answer, *(Line(State.NOTE, line) for line in told)]


async def _today(app: App) -> list[Line]:
    """What all kibitz processes of this machine cost today."""
    today = await app.ledger.today()
    lines = [Line(State.NOTE, counts_line("today", today))] if today.requests else []
    return [*lines, *await _budget(app), *await _unusual(app)]


async def _unusual(app: App) -> list[Line]:
    """Whether the use of this machine is like its user's own."""
    stage, why = await app.spending.vigil.standing()
    if stage < Stage.STATUS:
        return []
    held = "; what you do not ask for is not sent" if stage is Stage.PAUSE else ""
    advice = "If it is yours: kibitz.raiseBudget in the editor; else see the access log, and replace the key"
    return [Line(State.PROBLEM, f"use is not like yours ({why}){held}", advice)]


async def _budget(app: App) -> list[Line]:
    """How much of each cap is spent."""
    budget = app.spending.budget
    if not budget.caps:
        return [Line(State.NOTE, "budget: none (settings budget_…)")]
    standing = await budget.standing()
    lines = []
    for cap, spent in standing.of(budget.caps):
        if spent >= cap.most:
            advice = f"To go on: kibitz.raiseBudget in the editor, --ignore-budget, or a higher {cap.setting}"
            lines.append(Line(State.PROBLEM, f"{cap.words} is used up ({cap.shown(spent)} spent)", advice))
        else:
            lines.append(Line(State.OK, f"{cap.words}: {cap.shown(spent)} spent"))
    return lines


async def _cache(loaded: Loaded, *, offline: bool) -> list[Line]:
    """What is kept and where, of what use that was today, and whether anything can be remembered."""
    async with opened(loaded.settings) as caches:
        seen = await overview(caches, reach=not offline)
    if seen.disk is None:
        lines = [Line(State.NOTE, f"nothing is remembered: {seen.disk_problem}")]
    elif seen.disk_used:
        limit = amounts.size(seen.disk_limit)
        lines = [Line(State.OK, f"cache: {amounts.amount(seen.disk)} of at most {limit} on disk")]
    else:
        lines = [Line(State.NOTE, "cache: nothing is kept on disk (setting disk_cache)")]
    if seen.team_problem:
        lines.append(Line(State.PROBLEM, seen.team_problem))
    elif seen.team:
        lines.append(Line(State.OK, f"cache: answers are shared through {seen.team}"))
    if saved := savings_line({"today": seen.use["today"]}):
        lines.append(Line(State.NOTE, saved))
    return lines


def _logs(loaded: Loaded) -> Iterator[Line]:
    """Where it is written down what happened."""
    if (file := loaded.settings.log_file) is not None:
        yield _log_file(file)
    for name, path in paths(loaded.settings):
        size = path.stat().st_size if path.is_file() else 0
        yield Line(State.NOTE, f"{name}: {path} ({amounts.size(size)})")
    if not loaded.settings.access_log:
        yield Line(State.NOTE, "access log: none is kept (setting access_log)")


def _log_file(file: Path) -> Line:
    """The server's log: whether it can be written."""
    there = file.exists()
    if os.access(file if there else file.parent, os.W_OK) and not file.is_dir():
        return Line(State.NOTE, f"log: {file} ({amounts.size(file.stat().st_size if there else 0)})")
    return Line(
        State.PROBLEM,
        f"the log file {file} cannot be written, so logs go to standard error",
        "Name another one, or none (setting log_file)",
    )


def _metrics(loaded: Loaded) -> Iterator[Line]:
    """Who can read what is measured, and where."""
    settings = loaded.settings
    asked = (
        ("prometheus_ports", settings.prometheus_ports is not None, "prometheus_client", "prometheus"),
        ("opentelemetry", settings.opentelemetry, "opentelemetry", "otel"),
    )
    for name, wanted, module, extra in asked:
        if wanted and find_spec(module) is None:
            yield Line(
                State.PROBLEM,
                f"metrics: {name} is set, and the extra is missing",
                f"Install it: pip install 'kibitz[{extra}]'",
            )
    lively = [target.address for target in targets.targets() if target.lives]
    for address in lively:
        yield Line(State.OK, f"metrics: a server tells them to Prometheus at http://{address}/metrics")
    if settings.prometheus_ports is not None:
        what = "metrics: where servers are is in" if lively else "metrics: no server runs; it would be in"
        yield Line(State.NOTE, f"{what} {targets.folder()}")


def _answers(probe: Probe) -> Line:
    usage = probe.usage
    facts = (
        f"{probe.model} answers in {probe.seconds:.1f} s over the {probe.api} API, in the schema "
        f"({probe.format}; {usage.input_tokens} tokens in, {usage.output_tokens} out)"
    )
    if not probe.understood:
        return Line(
            State.PROBLEM,
            f"{facts}, but wrongly",
            "It is too weak to review code: name a better one (--model)",
        )
    return Line(State.OK, facts)


def _editors() -> Iterator[Line]:
    found = editors.found()
    if not found:
        yield Line(
            State.NOTE, "no editor that we know is on PATH; any that speaks LSP can start: kibitz serve"
        )
    for editor in found:
        yield Line(State.OK, f"{editor.name} is here", editor.hint)
