"""What ``kibitz eval`` does, apart from its options: they are there before all this is imported."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

from kibitz.app.views import review_settings
from kibitz.cli import CLEAN, FAILED
from kibitz.cli.output.streams import say
from kibitz.cli.output.text import counted, price
from kibitz.cli.output.visible import escape
from kibitz.cli.progress import CheckProgress
from kibitz.cli.report import FileReport
from kibitz.cli.starting import started
from kibitz.evaluation import pairs as pair_files
from kibitz.evaluation import running
from kibitz.evaluation.about import about
from kibitz.evaluation.asking import asker
from kibitz.evaluation.comparing import compare
from kibitz.evaluation.kept import Kept, RunError, alone, begin, open_run
from kibitz.evaluation.mutating import pairs_of
from kibitz.evaluation.pairs import PairsError
from kibitz.evaluation.replaying import replay
from kibitz.evaluation.report.comparison import comparison_document
from kibitz.evaluation.report.html import html
from kibitz.evaluation.report.markdown import markdown
from kibitz.evaluation.report.writing import lines, write_reports
from kibitz.guard.files import replace_file
from kibitz.provider import pricing
from kibitz.provider.errors import ConfigError, OpenAIError

if TYPE_CHECKING:
    from pathlib import Path

    from kibitz.app import App
    from kibitz.config import Loaded
    from kibitz.evaluation.asking import Asker
    from kibitz.evaluation.pairs import Pair
    from kibitz.evaluation.recording import Recording
    from kibitz.evaluation.reviewed import Reviewed

_MAX_CODE = 1 << 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What ``kibitz eval run`` is to do."""

    pairs: Path
    out: Path
    only: str | None
    jobs: int | None
    whole: bool
    run_tests: bool
    estimate: bool
    answers_of: Path | None
    """Another run, whose answers to the same questions are taken."""


def read_pairs(path: Path, only: str | None = None) -> tuple[Pair, ...]:
    """The pairs of a file or a folder. Raises ``click.ClickException``."""
    try:
        every = pair_files.read(path)
    except PairsError as error:
        raise click.ClickException(escape(f"{path}: {error}")) from error
    chosen = tuple(pair for pair in every if only is None or fnmatchcase(pair.id, only))
    if not chosen:
        raise click.ClickException(escape(f"{path} has no pair whose id matches {only}"))
    return chosen


def opened(folder: Path) -> Kept:
    """A run that is there. Raises ``click.ClickException``."""
    try:
        return open_run(folder)
    except RunError as error:
        raise click.ClickException(escape(str(error))) from error


def reported(kept: Kept) -> None:
    """Write the reports, and print the main figures. Raises ``click.ClickException``."""
    try:
        document = write_reports(kept)
    except OSError as error:
        raise click.ClickException(escape(f"no report could be written: {error}")) from error
    for line in lines(document):
        click.echo(escape(line))
    say(escape(f"{kept.folder}: report.html, report.md and report.json are written"))


async def evaluate(wish: Wish, loaded: Loaded) -> int:
    """``kibitz eval run``."""
    pairs = read_pairs(wish.pairs, wish.only)
    # What answers in place of the model that is measured would be measured in its place.
    alone_asked = {"fallback_model": None, "fallback_base_url": None, "early": False}
    loaded = replace(loaded, settings=loaded.settings.model_copy(update=alone_asked))
    with CheckProgress(sum(len(pair.sides) for pair in pairs)) as progress:
        async with started(loaded, progress) as (app, _):
            try:
                with alone(wish.out):
                    kept, recording, stopped = await _run(wish, pairs, app, progress)
            except (RunError, OpenAIError) as error:
                raise click.ClickException(escape(str(error))) from error
    if wish.estimate:
        return CLEAN
    reported(kept)
    paid = "0" if app.choice.provider == "local" else price(recording.paid.cost_usd)
    say(f"{counted(recording.fresh, 'question')} asked now; all answers of the run took {paid}")
    if stopped:
        say(escape(f"stopped: {stopped}"))
    if missing := len(kept.missing()):
        say(f"{counted(missing, 'version')} not reviewed; the same command again goes on from here")
    return FAILED if missing else CLEAN


async def _run(
    wish: Wish, pairs: tuple[Pair, ...], app: App, progress: CheckProgress
) -> tuple[Kept, Recording, str]:
    client = await app.client()
    embedded = app.choice.provider == "local"
    ask = asker(client, review_settings(app.settings), embedded=embedded, whole=wish.whole)
    kept = begin(wish.out, about(pairs, ask, embedded=embedded), pairs)
    recording = kept.recording(asks=True)
    if wish.answers_of is not None:
        recording.borrow(open_run(wish.answers_of).recording(asks=False))
    client.use(recording)
    await _tell_estimate(kept, ask, app, progress)
    if wish.estimate:
        return kept, recording, ""
    for _ in range(sum(len(pair.sides) for pair in pairs) - len(kept.missing())):
        with progress.printing(FileReport("")):
            pass

    def done(review: Reviewed) -> None:
        with progress.printing(FileReport(f"{review.pair} {review.side}", errors=review.errors)):
            if review.errors:
                say(escape(f"{review.pair}, {review.side}: {review.errors[0]}"))

    stopped = await running.run(kept, ask, wish.jobs or app.settings.max_concurrency, done)
    if wish.run_tests:
        await running.check_fixes(kept, lambda pair: progress.saying(f"running the tests of {pair.id}"))
    kept.settle()
    return kept, recording, stopped


async def _tell_estimate(kept: Kept, ask: Asker, app: App, progress: CheckProgress) -> None:
    await asyncio.to_thread(pricing.load)
    ahead = await running.estimate(kept, ask)
    if not ahead.reviews:
        progress.tell("all versions are reviewed already")
        return
    cost = "no known price" if ahead.cost_usd is None else f"about {price(ahead.cost_usd)}"
    if app.choice.provider == "local":
        cost = "free of charge"
    checked = ", and verification besides" if app.settings.verify != "off" else ""
    progress.tell(
        f"{counted(ahead.reviews, 'version')} to review by {app.describe()}: "
        f"{counted(ahead.requests, 'request')}, about {ahead.tokens:,} input tokens, {cost}{checked}"
    )


def replayed(folder: Path, out: Path | None) -> tuple[list[str], int]:
    """``kibitz eval replay``: what is another review than before, and how many lack an answer."""
    kept = opened(folder)
    try:
        reviews, now = asyncio.run(replay(kept))
        if out is not None:
            with alone(out):
                new = begin(out, now, kept.pairs)
                shutil.copyfile(folder / "answers.jsonl", out / "answers.jsonl")
                for review in reviews:
                    new.add(review)
                new.settle()
                reported(new)
    except (RunError, OpenAIError, OSError) as error:
        raise click.ClickException(escape(str(error))) from error
    before = {(each.pair, each.side): each for pair in kept.pairs for each in kept.reviews(pair).values()}
    changed = [f"{each.pair} {each.side}" for each in reviews if before.get((each.pair, each.side)) != each]
    unrecorded = [
        each for each in reviews if any(error.startswith(ConfigError.kind) for error in each.errors)
    ]
    return changed, len(unrecorded)


def compared(first: Path, second: Path, as_markdown: Path | None, as_html: Path | None) -> None:
    """``kibitz eval compare``."""
    one, other = opened(first), opened(second)
    result = compare(one.scores(), other.scores())
    if not result.common:
        raise click.ClickException("the runs have no pair in common that both have answered")
    document = comparison_document(one.about, other.about, result)
    for line in (*document.paragraphs, "", *lines(document)):
        click.echo(escape(line))
    try:
        if as_markdown is not None:
            replace_file(as_markdown, markdown(document).encode("utf-8", "replace"))
        if as_html is not None:
            replace_file(as_html, html(document).encode("utf-8", "replace"))
    except OSError as error:
        raise click.ClickException(escape(f"no report could be written: {error}")) from error


def mutants(code: Path, tests: Path, most: int, seed: int) -> str:
    """``kibitz eval mutate``: the pairs as JSONL."""
    try:
        texts = [pair_files.content_of(path, _MAX_CODE).decode("utf-8") for path in (code, tests)]
        with CheckProgress(0) as progress:
            found = pairs_of(
                pair_files.as_id(code.stem),
                *texts,
                most=most,
                seed=seed,
                on_tried=lambda tried, kept: progress.saying(f"{tried} changes tried, {kept} noticed"),
            )
    except (PairsError, UnicodeDecodeError) as error:
        raise click.ClickException(escape(f"{code}: {error}")) from error
    return pair_files.encode(found).decode("utf-8", "replace")
