"""Reads what a project says about its builds."""

import json
from typing import Any

DEFAULT_JOBS = 4


def section(document: dict[str, Any], name: str) -> dict[str, Any] | None:
    """A section of the document; None if it has none of that name."""
    found = document.get(name)
    return found if isinstance(found, dict) else None


def jobs(text: str) -> int:
    """How many jobs may run at a time: ``build.jobs``, or the default where nothing is said."""
    document = json.loads(text)
    build = section(document, "build")
    value = build.get("jobs", DEFAULT_JOBS)
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"build.jobs must be a whole number from 1 on, not {value!r}")
    return value
