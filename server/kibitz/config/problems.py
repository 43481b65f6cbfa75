"""What is wrong with a setting, in words that let the user mend it. Secrets are masked here, once for all."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kibitz.config.owners import Source

MAX_PER_SOURCE = 20
_SHOWN = 80
_SECRET_NAME = re.compile(r"key|token|secret|passw|auth|credential|bearer", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"\bsk-|[A-Za-z0-9_\-]{32,}")
_URL_CREDENTIALS = re.compile(r"(?<=//)[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Problem:
    """One value, or one whole source, that is not used. The rest still applies."""

    setting: str
    """The setting as the source spells it; empty when the whole source is meant."""
    source: Source
    where: str
    """The place to look at, such as ``environment variable KIBITZ_MODEL``."""
    value: str
    """The value as it may be shown: shortened, escaped, secrets masked. Empty when there is none to show."""
    reason: str
    advice: str = ""

    @property
    def message(self) -> str:
        """The problem as one sentence or two, without line ends."""
        what = f"{self.setting} = {self.value}" if self.value else self.setting
        subject = f"{what} ({self.where})" if what else self.where
        return f"{subject} is not used: {self.reason}" + (f". {self.advice}" if self.advice else "")

    def __str__(self) -> str:
        return self.message


class Reported:
    """Remembers what the user was told, so that each problem is reported once per process."""

    def __init__(self) -> None:
        self._seen: set[Problem] = set()

    def fresh(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """Those of ``problems`` that were not passed in before, in order."""
        new = tuple(dict.fromkeys(problem for problem in problems if problem not in self._seen))
        self._seen.update(new)
        return new


def looks_secret(name: str) -> bool:
    """Whether an unknown setting may be a misspelt secret (``api_kye = "sk-…"``)."""
    return _SECRET_NAME.search(name) is not None


def show(value: object, *, secret: bool = False) -> str:
    """``value`` for a message: one line, at most 80 characters, masked if it is or looks like a secret."""
    if secret or (isinstance(value, str) and _SECRET_VALUE.search(value)):
        return f"(hidden, {len(str(value))} characters)"
    if isinstance(value, str):
        value = _URL_CREDENTIALS.sub("…@", value)
    if isinstance(value, (list, dict, tuple)):
        return f"({type(value).__name__} of {len(value)})"
    # repr escapes control, bidirectional and other unprintable characters.
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of ``words`` that is most like ``word``, or None if none is."""
    matches = difflib.get_close_matches(word[:64].lower(), tuple(words), n=1, cutoff=0.6)
    return matches[0] if matches else None


def bounded(problems: Iterable[Problem]) -> Iterator[Problem]:
    """No more than ``MAX_PER_SOURCE`` problems of each source; the last one says so."""
    counts: Counter[Source] = Counter()
    for problem in problems:
        counts[problem.source] += 1
        if counts[problem.source] <= MAX_PER_SOURCE:
            yield problem
        elif counts[problem.source] == MAX_PER_SOURCE + 1:
            yield Problem(
                "", problem.source, f"what else the {problem.source} sets", "", "it has too many problems"
            )
