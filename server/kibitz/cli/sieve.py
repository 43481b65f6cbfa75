"""What of the findings of a check is shown: what changed (``--since``), or is new (``--baseline``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kibitz.cli.baseline import BaselineError
from kibitz.cli.output.streams import say
from kibitz.cli.output.summary import counted
from kibitz.cli.output.visible import escape
from kibitz.review.assemble import worst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.cli.changed import Changed
    from kibitz.cli.knowing import Baseline, Recording
    from kibitz.cli.report import FileReport
    from kibitz.cli.selecting import Target
    from kibitz.cli.totals import Totals
    from kibitz.findings.finding import Finding
    from kibitz.review.result import ReviewSettings, Source

_UNLIMITED = 1 << 30


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options, as they were given; empty where they were not."""

    since: str | None = None
    baseline: str | None = None
    write_baseline: str | None = None


@dataclass(frozen=True, slots=True)
class Sieve:
    """Lets through what is to be shown. It takes files in their order, so that each run shows the same."""

    most: int
    """Findings of a file that are shown."""
    changed: Changed | None = None
    baseline: Baseline | None = None
    recording: Recording | None = None

    def has(self, path: str) -> bool:
        """Whether a file is to be looked at."""
        return self.changed is None or self.changed.has(path)

    def source(self, target: Target, source: Source) -> Source:
        """What is to be reviewed of a file."""
        if self.changed is None:
            return source
        return replace(source, parts=self.changed.spans(target.path, source.text))

    def settings(self, settings: ReviewSettings) -> ReviewSettings:
        """The same without a limit: what is left out must not take the places of what is shown."""
        return replace(settings, max_findings=_UNLIMITED)

    def sift(self, target: Target, report: FileReport) -> FileReport:
        """The report with those of its findings that are to be shown."""
        new = report.findings if self.baseline is None else self.baseline.new(target.path, report.findings)
        here = self._changed(target, report.text, new)
        shown = worst(here, self.most)
        return replace(
            report,
            findings=shown,
            hidden=report.hidden + len(here) - len(shown),
            known=len(report.findings) - len(new),
            unchanged=len(new) - len(here),
        )

    def note(self, target: Target, whole: FileReport, shown: FileReport) -> None:
        """A file is done: ``whole`` is all that was found in it, ``shown`` what was told and fixed."""
        if shown.errors or not shown.reviewed:
            return
        if self.baseline is not None:
            self.baseline.looked_at(target.path)
        if self.recording is not None:
            left = [finding for finding in whole.findings if finding not in shown.fixed]
            self.recording.note(target.path, left)

    def note_clean(self, paths: Sequence[str]) -> None:
        """There is nothing in these files."""
        for path in paths:
            if self.baseline is not None:
                self.baseline.looked_at(path)
            if self.recording is not None:
                self.recording.note(path)

    def totals(self, totals: Totals) -> Totals:
        """The same with what the baseline knows and nobody found."""
        # What was only looked at in part may well be there.
        if self.baseline is None or self.changed is not None:
            return totals
        return replace(totals, gone=self.baseline.gone())

    def record(self, totals: Totals) -> bool:
        """Write the new baseline, and say so; False if there is none, since not all was reviewed.

        Raises ``click.ClickException``: it cannot be written.
        """
        assert self.recording is not None  # noqa: S101 - for the type checker
        name = escape(self.recording.name)
        if totals.failed:
            say(f"{name} was left as it was: a baseline is written when everything could be reviewed")
            return False
        try:
            written = self.recording.write()
        except BaselineError as error:
            raise click.ClickException(f"{name}: {escape(str(error))}") from error
        say(f"{counted(written, 'finding')} in {name}")
        return True

    def _changed(self, target: Target, text: str, findings: Sequence[Finding]) -> Sequence[Finding]:
        if self.changed is None:
            return findings
        spans = self.changed.spans(target.path, text)
        return [each for each in findings if any(map(each.span.overlaps, spans))]


def sieve_of(wanted: Wanted, paths: Sequence[str], *, most: int, batch: bool) -> Sieve | None:
    """The sieve that the options ask for; None if they ask for none. Blocks: it reads files, and runs git.

    Raises ``click.UsageError``: all that can be wrong is told before anybody is asked anything.
    """
    if wanted == Wanted():
        return None
    if wanted.since is not None and batch:
        raise click.UsageError("--batch takes hours, and --since leaves little to ask; leave one of them out")
    if wanted.since is not None and wanted.write_baseline is not None:
        raise click.UsageError("--write-baseline needs all that is in a file; leave out --since")
    return Sieve(
        most,
        None if wanted.since is None else _changed(wanted.since, paths),
        None if wanted.baseline is None else _baseline(wanted.baseline),
        None if wanted.write_baseline is None else _recording(wanted.write_baseline, paths),
    )


def _changed(ref: str, paths: Sequence[str]) -> Changed:
    from kibitz.cli.changed import DiffError, changed_since  # noqa: PLC0415 - few need it

    try:
        return changed_since(ref, paths)
    except DiffError as error:
        raise click.UsageError(f"--since {escape(ref)}: {escape(str(error))}") from error


def _baseline(name: str) -> Baseline:
    from kibitz.cli.knowing import Baseline  # noqa: PLC0415 - few need it

    try:
        return Baseline(Path(name).absolute())
    except BaselineError as error:
        raise click.UsageError(f"--baseline {escape(name)}: {escape(str(error))}") from error


def _recording(name: str, paths: Sequence[str]) -> Recording:
    from kibitz.cli.knowing import Recording  # noqa: PLC0415 - few need it

    try:
        return Recording(Path(name).absolute(), paths)
    except BaselineError as error:
        raise click.UsageError(f"--write-baseline {escape(name)}: {escape(str(error))}") from error
