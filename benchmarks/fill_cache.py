"""Writes files, and fills the cache with what the real reviewer makes of them; nothing is sent.

    KIBITZ_STATE_DIR=… python benchmarks/fill_cache.py FOLDER FILES FUNCTIONS BUGS

So many files with so many functions each; in the share BUGS of them something is found. A process of its own
for `cached_check.py`: the memory of whoever starts a process counts as that process's.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kibitz.app import App
from kibitz.cli.reviewing import Plan, Target, review_all
from kibitz.config import load
from kibitz.findings.finding import Confidence, Finding, Severity
from kibitz.provider.models import BatchAnalysis, PieceAnalysis, Usage
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.provider.models import Piece

FOLDERS = 100
BUG = "len(value)  # planted"
FUNCTION = """def function_{number}_{at}(values, limit):
    total = 0
    for value in values:
        if value > limit:
            total += value * {at}
    return total / {at}


"""


def write_files(folder: Path, count: int, functions: int, bugs: float) -> list[Path]:
    """So many files with so many functions each; of every file with one of ``bugs`` something is found."""
    paths = []
    for number in range(count):
        path = folder / f"p{number % FOLDERS:03}" / f"m{number:05}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(FUNCTION.format(number=number, at=at + 1) for at in range(functions))
        if bugs and number % round(1 / bugs) == 0:
            text += f"def size_{number}(values):\n    return {BUG}\n"
        path.write_text(text)
        paths.append(path)
    return paths


class Answering:
    """A client that knows what is wrong."""

    async def process_pieces(self, pieces: Sequence[Piece], **how: Any) -> BatchAnalysis:
        answers = []
        for index, piece in enumerate(pieces):
            findings = ()
            if (start := piece.text.find(BUG)) >= 0:
                span = Span(start, start + len(BUG))
                findings = (
                    Finding(
                        "inverted-condition", Severity.ERROR, Confidence.CERTAIN, "t", "t", span, BUG, None
                    ),
                )
            answers.append(PieceAnalysis(findings, paid=Usage(input_tokens=400, output_tokens=20)))
            how["on_piece"](index, answers[-1])
        return BatchAnalysis(tuple(answers), Usage(requests=1), "answering")


async def fill(paths: Sequence[Path]) -> None:
    """Have all files reviewed, as a check would."""
    app = App.create(load().settings)
    client = Answering()

    async def answering() -> Any:
        return client

    app.client = answering  # type: ignore[method-assign] - nothing is sent here
    targets = [Target(path, path.name) for path in paths]
    await review_all(targets, await app.reviewer(), Plan(4, 1 << 20), on_report=lambda _: None)
    await app.aclose()


if __name__ == "__main__":
    folder, files, functions, bugs = sys.argv[1:]
    asyncio.run(fill(write_files(Path(folder), int(files), int(functions), float(bugs))))
