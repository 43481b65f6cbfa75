"""Which version of kibitz asks, and understands what is answered.

A change of a prompt, a schema, a rule, or of what is made of an answer makes answers that were kept before
worth nothing. So the version follows from the code that does all this.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from kibitz.findings.sources import sources_version

if TYPE_CHECKING:
    from pathlib import Path

_ALWAYS = (
    *(f"findings/{name}" for name in ("anchor", "finding", "fix", "parses", "request", "rules")),
    *(
        f"guard/{name}"
        for name in ("budget", "invisible", "redact", "risks", "sanitize", "secrets", "visible")
    ),
    *(f"provider/{name}" for name in ("landing", "questions", "shield", "wire")),
    *(f"text/{name}" for name in ("lines", "spans", "syntax")),
)
_REWRITE = (
    *("code_lines", "dialogue", "difference", "forks", "infill"),
    *("invented", "kinds", "repair", "rewrite"),
)
ASKING = {
    "list": (*_ALWAYS, "findings/prompt", "findings/wire", "provider/listing"),
    "rewrite": (
        *_ALWAYS,
        *(f"findings/{name}" for name in _REWRITE),
        "provider/rewriting",
        "text/languages",
    ),
}
"""All modules that have a say in an answer, by how is asked."""
VERIFYING = ("findings/prompt", "findings/request", "findings/verify", "findings/wire", "provider/verifying")
"""All modules that have a say in what a verifier makes of it."""


@cache
def asking_version(mode: str, package: Path | None = None) -> str:
    """A short name for how is asked and understood. Blocks for 3 ms, once; ``package`` is kibitz's folder."""
    return sources_version(ASKING[mode], package=package)


@cache
def verifying_version(package: Path | None = None) -> str:
    """The same for how findings are verified."""
    return sources_version(VERIFYING, package=package)
