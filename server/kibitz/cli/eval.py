"""``kibitz eval``: how good the findings are, measured on pairs of code with a known bug and without."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from kibitz.cli import CLEAN, FAILED, FINDINGS
from kibitz.cli.options import EDITOR_ONLY, load_settings, settings_options
from kibitz.cli.output.streams import say
from kibitz.cli.output.visible import escape

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path)
_NO_TESTS = (
    "running tests runs code, some of which may be a model's: say --run-tests if you want that, best in a "
    "container"
)


@click.group(name="eval")
def command() -> None:
    """Measure findings on pairs of code: with one known bug, and mended."""


@command.command(name="run")
@click.argument("pairs", type=_FILE, metavar="PAIRS")
@click.option("--out", required=True, type=_FOLDER, metavar="DIR", help="Where all of the run is kept.")
@click.option("--only", metavar="PATTERN", help="Only pairs whose id matches, such as 'python/*'.")
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="Versions at a time.")
@click.option("--whole", is_flag=True, help="Ask about whole files instead of definitions.")
@click.option("--run-tests", is_flag=True, help="Run the pairs' tests on fixed code. This runs code.")
@click.option("--estimate", is_flag=True, help="Say what it will take, and ask nothing.")
@click.option(
    "--answers-of",
    type=_FOLDER,
    metavar="RUN",
    help="Take the answers of another run to questions that are the same, instead of asking them again.",
)
@click.option("--local", is_flag=True, help="Use the embedded model: short for --provider local.")
@settings_options(without=EDITOR_ONLY)
def run_command(
    *,
    pairs: Path,
    out: Path,
    only: str | None,
    jobs: int | None,
    whole: bool,
    run_tests: bool,
    estimate: bool,
    answers_of: Path | None,
    local: bool,
    **given: str | None,
) -> int:
    """Review both versions of all PAIRS (a JSONL file, or a folder of pairs), and report.

    The same command again goes on where it was stopped; nothing is asked twice.

    Exit codes: 0 all was reviewed; 2 not all.
    """
    from kibitz.cli.evaluating import Wish, evaluate  # noqa: PLC0415 - half a second that --help need not wait

    if local:
        if given.get("provider") not in {None, "local"}:
            raise click.UsageError("--local and --provider contradict each other; leave one out")
        given["provider"] = "local"
    loaded = load_settings(given)
    wish = Wish(pairs, out, only, jobs, whole, run_tests, estimate, answers_of)
    return asyncio.run(evaluate(wish, loaded))


@command.command(name="report")
@click.argument("folder", type=_FOLDER, metavar="DIR")
def report_command(*, folder: Path) -> int:
    """Write the reports of a run anew, from what it has kept."""
    from kibitz.cli.evaluating import opened, reported  # noqa: PLC0415 - as above

    reported(opened(folder))
    return CLEAN


@command.command(name="replay")
@click.argument("folder", type=_FOLDER, metavar="DIR")
@click.option("--out", type=_FOLDER, metavar="NEW", help="Keep the result as a run of its own.")
def replay_command(*, folder: Path, out: Path | None) -> int:
    """Review again with the answers of a run: nobody is asked, nothing is sent.

    Exit codes: 0 all reviews are as they were; 1 some are not; 2 an answer is missing.
    """
    from kibitz.cli.evaluating import replayed  # noqa: PLC0415 - as above

    changed, unanswered = replayed(folder, out)
    for name in changed:
        click.echo(f"{name}: another review than before")
    if unanswered:
        asks = "1 version asks" if unanswered == 1 else f"{unanswered} versions ask"
        say(f"{asks} what was not recorded; run it anew in another folder")
        return FAILED
    return FINDINGS if changed else CLEAN


@command.command(name="compare")
@click.argument("first", type=_FOLDER, metavar="FIRST")
@click.argument("second", type=_FOLDER, metavar="SECOND")
@click.option("--markdown", "as_markdown", type=_FILE, metavar="FILE", help="Write the comparison to FILE.")
@click.option("--html", "as_html", type=_FILE, metavar="FILE", help="The same as a page.")
def compare_command(*, first: Path, second: Path, as_markdown: Path | None, as_html: Path | None) -> int:
    """Compare two runs pair by pair: prompts, models, with and without verification."""
    from kibitz.cli.evaluating import compared  # noqa: PLC0415 - as above

    compared(first, second, as_markdown, as_html)
    return CLEAN


@command.command(name="pairs")
@click.argument("source", type=_FILE, metavar="PAIRS")
def pairs_command(*, source: Path) -> int:
    """Check PAIRS, and print them as JSONL."""
    from kibitz.cli.evaluating import read_pairs  # noqa: PLC0415 - as above
    from kibitz.evaluation.pairs import encode  # noqa: PLC0415 - as above

    click.echo(encode(read_pairs(source)).decode("utf-8", "replace"), nl=False)
    return CLEAN


@command.command(name="mutate")
@click.argument("code", type=_FILE, metavar="CODE")
@click.option("--tests", required=True, type=_FILE, metavar="FILE", help="Python that imports it as subject.")
@click.option("--most", type=click.IntRange(1, 1000), default=20, show_default=True, help="Pairs at most.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which of the changes are tried first.")
@click.option("--run-tests", is_flag=True, help="Agree that the tests are run. This runs code.")
def mutate_command(*, code: Path, tests: Path, most: int, seed: int, run_tests: bool) -> int:
    """Make pairs of Python code that has tests, and print them: small changes that the tests notice."""
    if not run_tests:
        raise click.UsageError(_NO_TESTS)
    from kibitz.cli.evaluating import mutants  # noqa: PLC0415 - as above

    found = mutants(code, tests, most, seed)
    click.echo(found, nl=False)
    if not found:
        say(escape(f"the tests notice no change of {code}"))
    return CLEAN if found else FAILED
