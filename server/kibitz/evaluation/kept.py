"""The folder of a run: what was asked, what came, what that is worth. Written as it comes.

- ``run.json``: what the run is;
- ``pairs.jsonl``: the pairs, so that the folder stands alone;
- ``answers.jsonl``: what the model said, word for word;
- ``reviews.jsonl``: what kibitz made of it;
- ``tests.jsonl``: what the pairs' own tests say of the fixes, if they were run.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from pydantic import ValidationError

from kibitz.evaluation import pairs as pair_files
from kibitz.evaluation.about import About
from kibitz.evaluation.lines import Lines, LinesError
from kibitz.evaluation.pairs import PairsError
from kibitz.evaluation.recording import Recording
from kibitz.evaluation.reviewed import Reviewed
from kibitz.evaluation.scoring import score
from kibitz.evaluation.testing import Verdict
from kibitz.guard.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kibitz.evaluation.pairs import Pair, Side
    from kibitz.evaluation.scoring import Score


class RunError(Exception):
    """A folder cannot be used; the message says why, for the user."""


class Kept:
    """One run's folder."""

    def __init__(self, folder: Path, about: About, pairs: Sequence[Pair]) -> None:
        """Read what is there; see ``begin`` and ``open_run``. Raises ``RunError``."""
        self.folder = folder
        self.about = about
        self.pairs = tuple(pairs)
        self._reviews = Lines(folder / "reviews.jsonl")
        self._tests = Lines(folder / "tests.jsonl")
        self._reviewed: dict[tuple[str, Side], Reviewed] = {}
        self._verdicts: dict[str, tuple[str, Verdict]] = {}
        self._read()

    def recording(self, *, asks: bool) -> Recording:
        """The answers. Raises ``RunError``."""
        try:
            return Recording(self.folder / "answers.jsonl", asks=asks)
        except LinesError as error:
            raise RunError(str(error)) from error

    def reviews(self, pair: Pair) -> dict[Side, Reviewed]:
        """What is known of a pair, by version."""
        found = {side: self._reviewed.get((pair.id, side)) for side in pair.sides}
        return {side: review for side, review in found.items() if review is not None}

    def missing(self) -> list[tuple[Pair, Side]]:
        """What was not reviewed in full yet."""
        return [
            (pair, side)
            for pair in self.pairs
            for side in pair.sides
            if (known := self._reviewed.get((pair.id, side))) is None or not known.is_whole
        ]

    def add(self, review: Reviewed) -> None:
        """One more version was reviewed."""
        self._reviewed[review.pair, review.side] = review
        self._reviews.add(review.model_dump(mode="json"))

    def begin_tests(self) -> None:
        """Tests are run from now on, even if there turns out to be none."""
        self._tests.path.touch()

    def add_verdict(self, pair: Pair, code: str, verdict: Verdict) -> None:
        """The tests of a pair were run; ``code`` is a hash of what they were run on."""
        self._verdicts[pair.id] = (code, verdict)
        self._tests.add({"pair": pair.id, "code": code, "verdict": verdict.value})

    def verdict(self, pair: Pair) -> tuple[str, Verdict] | None:
        """What the tests of a pair last said, and of what."""
        return self._verdicts.get(pair.id)

    @property
    def tested(self) -> bool:
        """Whether tests were run at all."""
        return self._tests.path.exists()

    def scores(self) -> list[Score]:
        """All pairs in their order."""
        return [
            score(pair, self.reviews(pair), self._verdicts.get(pair.id, ("", None))[1]) for pair in self.pairs
        ]

    def settle(self) -> None:
        """Write the reviews anew, in the order of the pairs, each once: the same run gives the same bytes."""
        every = [review for pair in self.pairs for review in self.reviews(pair).values()]
        lines = (json.dumps(review.model_dump(mode="json")) + "\n" for review in every)
        replace_file(self._reviews.path, "".join(lines).encode("ascii"))

    def write(self, name: str, content: str) -> Path:
        """Write a report beside the rest; where it is."""
        path = self.folder / name
        replace_file(path, content.encode("utf-8", "replace"))
        return path

    def _read(self) -> None:
        try:
            for _, value in self._reviews.read():
                review = Reviewed.model_validate(value)
                self._reviewed[review.pair, review.side] = review
            for _, value in self._tests.read():
                self._verdicts[value["pair"]] = (value["code"], Verdict(value["verdict"]))
        except LinesError as error:
            raise RunError(str(error)) from error
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{self.folder} holds reviews that cannot be read; name another folder") from error


def begin(folder: Path, about: About, pairs: Sequence[Pair]) -> Kept:
    """The folder of a run that begins or goes on. Raises ``RunError`` if it holds another one."""
    path = folder / "run.json"
    if path.exists():
        kept = open_run(folder)
        if kept.about != about:
            raise RunError(
                f"{folder} holds a run of {_differences(kept.about, about)}; name another folder, or remove "
                "it to begin anew"
            )
        return kept
    if folder.exists() and any(each.name != _LOCK for each in folder.iterdir()):
        raise RunError(f"{folder} is not empty, and holds no run; name another folder")
    replace_file(folder / "pairs.jsonl", pair_files.encode(pairs))
    replace_file(path, (about.model_dump_json(indent=2) + "\n").encode())
    return Kept(folder, about, pairs)


def open_run(folder: Path) -> Kept:
    """The folder of a run. Raises ``RunError`` if it is none."""
    try:
        about = About.model_validate_json((folder / "run.json").read_bytes())
        pairs = pair_files.read(folder / "pairs.jsonl")
    except OSError as error:
        raise RunError(f"{folder} holds no run: run.json: {error.strerror or error}") from error
    except ValidationError as error:
        raise RunError(f"{folder} holds no run that this version of kibitz can read") from error
    except PairsError as error:
        raise RunError(f"{folder}: {error}") from error
    return Kept(folder, about, pairs)


_LOCK = ".lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from running in a folder, which is made. Raises ``RunError``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _LOCK, timeout=0):
            yield
    except Timeout:
        raise RunError(f"another run is under way in {folder}; wait for it, or name another folder") from None
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {error.strerror or error}") from error


def _differences(one: About, other: About) -> str:
    """What is not the same, in words."""
    before, now = one.model_dump(), other.model_dump()
    words = {"asked": "other settings", "shown": "other settings", "versions": "other prompts or rules"}
    named = {words.get(name, f"another {name}") for name, value in before.items() if now[name] != value}
    return " and ".join(sorted(named))
