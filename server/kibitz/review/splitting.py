"""Which version of kibitz splits documents into units and gives them their context.

What is known of a file as a whole holds only as long as the file is split the same way. So the version
follows from the code that does it, and from the parsers: nobody has to think of raising a number.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from kibitz.findings.sources import sources_version

MODULES = (
    *("findings/code_lines", "provider/tokens"),
    *(f"review/{name}" for name in ("bindings", "context", "entries", "faults", "grammar", "nodes")),
    *(f"review/{name}" for name in ("outline", "paragraphs", "units", "windows")),
    *(f"text/{name}" for name in ("languages", "lines", "spans", "syntax")),
)
"""All modules that have a say, without those that an answer's own key goes by."""
_PARSERS = "tree_sitter"


@cache
def splitting_version(package: Path | None = None) -> str:
    """A short name for how documents are split. Blocks for 2 ms, once; ``package`` is kibitz's folder."""
    return sources_version(MODULES, *_parsers(), package=package)


def _parsers() -> list[str]:
    """The installed parsers with their versions, by the names of their folders: metadata costs 40 ms."""
    found = find_spec(_PARSERS)
    if found is None or found.origin is None:
        return []
    folder = Path(found.origin).parent.parent
    return sorted(name for name in os.listdir(folder) if name.startswith(_PARSERS))  # noqa: PTH208 - names only
