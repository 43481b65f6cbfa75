"""What kibitz itself sees in an open document, without a model: the codes of its hints.

Apart from the catalogue, because no model may answer with one of these.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from kibitz.findings.finding import Severity
from kibitz.findings.rules import Rule
from kibitz.guard.hints import HIDDEN_CHARACTERS, SECRET_IN_CODE, TROJAN_SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping

_FAMILY = "hint"

HINT_RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.code: rule
        for rule in (
            Rule(
                SECRET_IN_CODE,
                _FAMILY,
                "Possible secret in the code",
                "what looks like a key, a token or a password; it is replaced before anything is sent",
                'password = "…"',
                Severity.INFO,
            ),
            Rule(
                TROJAN_SOURCE,
                _FAMILY,
                "Code that reads in another order than it runs",
                "bidirectional control characters, which can show code as a comment and a comment as code",
                "if role != 'user⟦U+202E⟧ ⟦U+2066⟧// admins only⟦U+2069⟧ ⟦U+2066⟧' {",
                Severity.WARNING,
            ),
            Rule(
                HIDDEN_CHARACTERS,
                _FAMILY,
                "Characters that nobody sees",
                "zero-width, tag and control characters, which make two names differ that look the same",
                "is_admin⟦U+200B⟧ = True",
                Severity.INFO,
            ),
        )
    }
)
"""By code."""
