"""Who may set a setting. Pure data, attached to each field of ``Settings``.

What comes over LSP may have been written by whoever wrote the repository that is open (editors merge
workspace settings into their answers), so it never sets a key, an endpoint, a log path or a larger budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """Where a value came from, weakest first: a later source overrides an earlier one."""

    DEFAULT = "default"
    FILE = "user file"
    ENVIRONMENT = "environment"
    CLI = "command line"
    LSP = "editor"


class Tighten(StrEnum):
    """What a value that comes over LSP does to the value that stands."""

    REPLACE = "sets it"
    LOWER = "may only lower it"
    OFF = "may only switch it off"
    ADD = "adds to it"
    STRICTER = "may only choose one that comes later in the list"
    ONLY = "may only choose among it"


USER = frozenset({Source.FILE, Source.ENVIRONMENT, Source.CLI})
"""The sources that belong to the user alone."""
EVERYONE = USER | {Source.LSP}
SECRET = frozenset({Source.FILE, Source.ENVIRONMENT})
"""Never the command line: arguments are visible to every process of the machine."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A field's owners, the unit of its value, and how LSP may change it."""

    by: frozenset[Source]
    unit: str = ""
    lsp: Tighten = Tighten.REPLACE
    folder: bool = False
    """Whether each of the folders that are open may have its own."""
