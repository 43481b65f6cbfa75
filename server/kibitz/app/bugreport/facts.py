"""What is known without a look at any log: versions, settings, and what was used."""

from __future__ import annotations

import platform
import re
import sqlite3
import ssl
import sys
from dataclasses import asdict
from importlib import metadata
from typing import TYPE_CHECKING

from kibitz._version import __version__
from kibitz.app.bugreport.scrub import SECRET
from kibitz.config.settings import is_secret, setting_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kibitz.app.usage_overview import Usage
    from kibitz.config import Loaded
    from kibitz.telemetry.cachecounts import CacheCounts
    from kibitz.telemetry.counts import Counts

_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


def versions() -> dict[str, object]:
    """Of kibitz, of what it runs on, and of what it depends on. Reads the disk."""
    return {
        "kibitz": __version__,
        "python": sys.version,
        "platform": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
        "packages": dict(sorted(_packages("kibitz", set()))),
    }


def settings(loaded: Loaded) -> dict[str, object]:
    """All of them, where each comes from, and what is wrong; no secret, and nothing that leads to one."""
    return {
        "settings": {
            name: {"value": _shown(name, getattr(loaded.settings, name)), "from": loaded.where(name)}
            for name in setting_names()
        },
        "problems": [problem.message for problem in loaded.problems],
        "folders": len(loaded.folders),
    }


def used(usage: Usage) -> dict[str, object]:
    """What was asked, and what the cache knew, in numbers."""
    return {
        "since": usage.since.isoformat(),
        "problem": usage.problem,
        "total": asdict(usage.total),
        "days": _table(usage.days),
        "models": _table(usage.models),
        "purposes": _table(usage.purposes),
        "cache": _table(usage.cache),
    }


def _table(counts: Mapping[str, Counts] | Mapping[str, CacheCounts]) -> dict[str, object]:
    return {name: asdict(each) for name, each in counts.items()}


def _packages(name: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    """What is installed of a package and of what it depends on; no others, which would say who you are."""
    plain = re.sub(r"[-_.]+", "-", name).lower()
    if plain in seen:
        return
    seen.add(plain)
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return
    yield plain, found.version
    for requirement in found.requires or ():
        # Of kibitz's own extras, each may be what is at fault.
        wanted = plain == "kibitz" or "extra ==" not in requirement
        if wanted and (match := _REQUIREMENT.match(requirement)):
            yield from _packages(match[0], seen)


def _shown(name: str, value: object) -> object:
    """The value of a setting, as far as it may be shown."""
    if is_secret(name):
        return SECRET if value else None
    if name == "api_key_command" and isinstance(value, tuple) and value:
        # What it is given may lead to the key.
        return [value[0], f"({len(value) - 1} arguments: left out)"]
    if isinstance(value, dict):
        return {each: inner.model_dump(mode="json") for each, inner in value.items()}
    return value
