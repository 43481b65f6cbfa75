"""What an answer depends on, and nothing else.

Not the path, not the position, not the document's version, not the API key: so undo, move, rename and a
branch switch find what was paid for before.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

_FORMAT = 1
"""Raised when the meaning of a stored value changes (what is anchored, what a gate lets through)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asked, and how: what all entries of one reviewer share."""

    endpoint: str
    """The base URL, without credentials."""
    model: str
    mode: str
    """``list`` or ``rewrite``, never ``auto``."""
    prompt_version: str
    schema_version: str
    rules_version: str
    parameters: tuple[tuple[str, str | float | bool | None], ...] = ()
    """What else shapes an answer (API, temperature, reasoning effort, output limit), in any order."""
    verifier: str = ""
    """Who checked the findings, and by which question; empty: nobody."""
    logic_version: str = ""
    """Which code writes the questions, and makes findings of the answers."""


@dataclass(frozen=True, slots=True)
class EntryKey:
    """One unit's question to one identity."""

    identity: Identity
    language: str
    text: str
    context: str
    eol: str = ""
    """The document's line ending, where the text is too short to show it."""
    guidance: str = ""
    """A hash of what the project adds to the question; empty: nothing."""

    def digest(self) -> str:
        """SHA-256 over the canonical JSON of all fields, in hex. Any text does, lone surrogates too."""
        who = self.identity
        parts = [
            _FORMAT,
            who.endpoint,
            who.model,
            who.mode,
            who.prompt_version,
            who.schema_version,
            who.rules_version,
            sorted([name, value] for name, value in who.parameters),
            who.verifier,
            who.logic_version,
            self.language,
            self.text,
            self.context,
            self.eol,
        ]
        if self.guidance:
            parts.append(self.guidance)
        # ASCII output escapes surrogates instead of failing on them; JSON keeps the fields' borders.
        return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode("ascii")).hexdigest()
