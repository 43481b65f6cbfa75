"""What is known of a unit: what was found in it, or why it has no answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from kibitz.provider.errors import APIError, InvalidResponse, OpenAIError
from kibitz.provider.models import PieceAnalysis

FAILURE_S = 900.0
"""So long a question that failed for good is not asked again: the model, or its rules, may change."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Failure:
    """A question that the same model would fail at again: it refuses, or the code is too much for it."""

    invalid: bool
    """Whether an answer came that could not be used; else none came."""
    code: str
    """In one word; empty where there is none."""

    @classmethod
    def of(cls, error: OpenAIError) -> Failure:
        """What is worth remembering of ``error``: nothing that a provider worded."""
        code = error.code or ""
        return cls(isinstance(error, InvalidResponse), code if _CODE.fullmatch(code) else "")

    def error(self) -> OpenAIError:
        """The error to show for a question that was not asked again."""
        kind = InvalidResponse if self.invalid else APIError
        return kind(
            f"a part of this code got no answer a short while ago{f' ({self.code})' if self.code else ''}, "
            "and would get none now, so it was not asked about again. It will be in a quarter of an hour; to "
            "ask at once, run the editor's command kibitz.analyzeDocument, or `kibitz cache clear`",
            code=self.code or None,
        )


Answer: TypeAlias = PieceAnalysis | Failure


@dataclass(frozen=True, slots=True)
class Known:
    """An answer, and how good it still is."""

    answer: Answer
    fresh_s: float
    """For so many seconds it is as good as new; from 0 on it is stale."""
    left_s: float
    """In so many seconds it is gone."""
    tier: str
    """Where it was found."""
