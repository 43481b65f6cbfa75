"""What is in a report."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from kibitz._version import __version__
from kibitz.app.bugreport import facts, tails
from kibitz.app.doctor import examine
from kibitz.app.trails import paths
from kibitz.app.usage_overview import usage
from kibitz.telemetry.metrics_json import as_json
from kibitz.telemetry.tables import local_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kibitz.app.bugreport.scrub import Scrubber
    from kibitz.app.doctor import Line
    from kibitz.config import Loaded

DAYS = 30
"""Whose usage is added up."""
_READ_ME = """\
A report about kibitz {version}, made by `kibitz bugreport` or the command `kibitz.bugReport`.

Look through it before you give it to anybody. There should be no source code in it, no key, and no name of
yours: keys and credentials are replaced, your home folder is ~, the folders you work in are <folder>, your
name and your machine's are <user>. Addresses of providers and names of models are shown.

{parts}"""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a report."""

    name: str
    what: str
    """What it holds, in a few words."""
    text: str


@dataclass(frozen=True, slots=True)
class _Found:
    """The same before it is scrubbed: text, JSON, or a list of what stands on a line each."""

    name: str
    what: str
    said: object


async def gather(
    loaded: Loaded, scrubber: Scrubber, *, server: Mapping[str, object] | None = None, offline: bool = True
) -> tuple[Part, ...]:
    """All parts; what cannot be found out is left out, or said in its place.

    Args:
        loaded: the settings, as they count.
        scrubber: what every word passes.
        server: what a language server says of itself, if one makes the report.
        offline: ask no model; else one question of a few words.
    """
    # Before anything else: it reads the keys, which are known by value from then on.
    doctor = [line async for line in examine(loaded, offline=offline)]
    today = local_day()
    used = await usage(today - timedelta(DAYS - 1), today)
    found = [
        _Found("doctor.txt", "what kibitz doctor says", "\n".join(_lines(doctor))),
        _Found("usage.json", f"what was asked in the last {DAYS} days, in numbers", facts.used(used)),
        _Found("metrics.json", f"what was measured in the last {DAYS} days", as_json(used.metrics)),
    ]
    if server is not None:
        found.append(_Found("server.json", "what the language server does, and for which editor", server))
    return await asyncio.to_thread(_written, scrubber, loaded, found)


def _written(scrubber: Scrubber, loaded: Loaded, found: Iterable[_Found]) -> tuple[Part, ...]:
    """Reads the disk, and takes time: for a thread."""
    every = [
        _Found("versions.json", "versions of kibitz, Python, the system and packages", facts.versions()),
        _Found("settings.json", "the settings, where each comes from, what is wrong", facts.settings(loaded)),
        *found,
        *_logs(loaded),
    ]
    parts = [Part(each.name, each.what, _said(scrubber, each)) for each in every]
    table = "".join(f"{part.name:<22}{part.what}\n" for part in parts)
    read_me = _READ_ME.format(version=__version__, parts=table)
    return (Part("README.txt", "what this is", read_me), *parts)


def _said(scrubber: Scrubber, found: _Found) -> str:
    if isinstance(found.said, str):
        return scrubber.text(found.said) + "\n"
    # Before it is written as JSON, which would spell what is looked for differently.
    clean = scrubber.value(found.said)
    if isinstance(clean, list) and found.name.endswith(".jsonl"):
        return "".join(f"{json.dumps(line)}\n" for line in clean)
    return json.dumps(clean, indent=2) + "\n"


def _lines(doctor: Iterable[Line]) -> Iterator[str]:
    for line in doctor:
        yield f"{line.state:<8}{line.what}"
        if line.advice:
            yield f"        {line.advice}"


def _logs(loaded: Loaded) -> Iterator[_Found]:
    """The ends of the logs that are there."""
    read = {"access log": tails.access, "security log": tails.security}
    for name, path in paths(loaded.settings):
        if end := read[name](path):
            yield _Found(f"logs/{path.name}", f"the last lines of the {name}", end)
    if (file := loaded.settings.log_file) is not None and (end := tails.server(file)):
        yield _Found("logs/server.jsonl", "the last lines of the server's log", end)
