"""What a finding is known by when it has moved, or is found again tomorrow."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibitz.findings.finding import Finding

LENGTH = 32
"""Hexadecimal digits."""


def fingerprint(finding: Finding) -> str:
    """The same for the same complaint about the same code in the same function, wherever that is now.

    Edits elsewhere, moves and other indentation leave it; another word in the quoted lines does not, since
    then it may be another fault. How the finding is worded, how bad or how sure it is does not matter: models
    say that differently each time.
    """
    parts = (finding.rule, " ".join(finding.quote.split()), finding.unit)
    return sha256(json.dumps(parts).encode("ascii")).hexdigest()[:LENGTH]
