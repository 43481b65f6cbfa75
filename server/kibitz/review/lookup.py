"""What a review finds to be known already, and what it has to ask for. Waits for nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kibitz.review.known import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kibitz.review.answers import Answers
    from kibitz.review.entries import Entry
    from kibitz.review.known import Known
    from kibitz.review.run import Run


class LookUp:
    """One look at all units of a run."""

    def __init__(self, run: Run, fetched: Mapping[str, Known], *, stale: bool) -> None:
        """Prepare.

        Args:
            run: is told what is known.
            fetched: what was known a moment ago, by digest.
            stale: whether a stale answer will do.
        """
        self.stale: list[Entry] = []
        """Units whose stale answers have to do for now."""
        self.fresh_s = self.left_s = math.inf
        """For how many seconds all that was found is fresh, and in how many the first of it is gone."""
        self._run = run
        self._fetched = fetched
        self._takes_stale = stale

    def all(self, answers: Answers, *, counts: bool = True) -> list[Entry]:
        """Tell the run what is known, and count it; returns what is to be asked for, each text once.

        Without ``counts`` it is only a look, of which nobody has any use yet.
        """
        missing: dict[str, Entry] = {}
        seen: dict[str, Known | None] = {}
        for entry in self._run.entries:
            if entry.digest not in seen:
                known = seen[entry.digest] = self._one(entry, answers)
                if known is None:
                    missing[entry.digest] = entry
                else:
                    self.fresh_s = min(self.fresh_s, known.fresh_s)
                    self.left_s = min(self.left_s, known.left_s)
        self._run.cached = frozenset(self._run.known)
        if counts:
            answers.note(seen.values())
        return list(missing.values())

    def _one(self, entry: Entry, answers: Answers) -> Known | None:
        """What is known of a unit, if it will do."""
        for key in entry.keys:
            known = self._fetched.get(key) or answers.recall(key)
            if known is not None and self._does(entry, key, known):
                return known
        return None

    def _does(self, entry: Entry, key: str, known: Known) -> bool:
        answer, is_stale = known.answer, known.fresh_s <= 0
        if isinstance(answer, Failure):
            if key != entry.digest or self._run.retry:
                return False
            self._run.fail({key}, answer.error())
            return True
        if is_stale and not self._takes_stale:
            self._run.stale.setdefault(entry.digest, answer)
            return False
        if not self._run.accept(key, answer):
            return False
        if is_stale:
            self.stale.append(entry)
        return True
