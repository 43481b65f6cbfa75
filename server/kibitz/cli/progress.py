"""Progress on a terminal's stderr; silence anywhere else."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from kibitz.cli.output.streams import say
from kibitz.cli.output.terminal import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress, TaskID

    from kibitz.cli.report import FileReport


class CheckProgress:
    """Files done, and what is known of those under way."""

    def __init__(self, files: int) -> None:
        self._files = files
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._under_way: dict[str, FileReport] = {}
        self._findings = 0

    def __enter__(self) -> Self:
        self._console = console(stderr=True)
        if self._console.is_terminal:
            self._start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar:
            self._bar.stop()

    def _start(self) -> None:
        from rich import progress  # noqa: PLC0415 - only a terminal needs it

        self._bar = progress.Progress(
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            console=self._console,
            transient=True,
            # Our results go to stdout by themselves; rich must not take them over.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("starting", total=self._files)
        self._bar.start()

    def saying(self, words: str) -> None:
        """Show what is going on."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, description=words)

    def partial(self, report: FileReport) -> None:
        """More is known of a file under way."""
        self._under_way[report.path] = report
        self._show()

    @contextmanager
    def printing(self, report: FileReport) -> Iterator[None]:
        """A file is done, and is printed inside the block: the bar steps aside for it."""
        self._under_way.pop(report.path, None)
        self._findings += len(report.findings)
        with self._aside():
            yield
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task)
            self._show()

    def tell(self, message: str) -> None:
        """Say something that stays: the bar steps aside for it."""
        with self._aside():
            say(message)

    @contextmanager
    def _aside(self) -> Iterator[None]:
        if self._bar is None:
            yield
            return
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()

    def _show(self) -> None:
        found = self._findings + sum(len(report.findings) for report in self._under_way.values())
        self.saying(f"reviewing · {found} finding{'' if found == 1 else 's'}")
