"""``kibitz model``: the embedded model's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kibitz.cli.output.streams import say
from kibitz.cli.output.terminal import console
from kibitz.local import runtime
from kibitz.local.weights import DEFAULT_MODEL, Model, Phase, WeightsError, find, listing, pull, remove

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.local.weights import Progress

_MEGABYTE = 1_000_000


class _ModelName(click.ParamType[Model]):
    """A name of the table."""

    name = "model"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Model:
        try:
            return find(str(value))
        except WeightsError as error:
            self.fail(str(error), param, ctx)


@click.group(name="model")
def command() -> None:
    """Get, list or remove the model that runs on this machine, without any key."""


@command.command(name="pull")
@click.argument("model", type=_ModelName(), default=DEFAULT_MODEL)
def pull_command(model: Model) -> None:
    """Get MODEL (default: the reviewing one). An interrupted pull goes on where it stopped."""
    try:
        path = _pull(model)
        if library := runtime.provide():
            say(f"this machine has no OpenMP runtime, which the engine needs: fetched {library}")
    except WeightsError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{model.name} is ready: {path}")


@command.command(name="list")
def list_command() -> None:
    """List the models and what of them is on this machine."""
    for stored in listing():
        model = stored.model
        if stored.installed:
            state = f"installed: {stored.path}"
        elif stored.partial:
            state = (
                f"{stored.partial * 100 // model.size} % fetched; go on with: kibitz model pull {model.name}"
            )
        else:
            state = f"not installed; get it with: kibitz model pull {model.name}"
        use = "" if model.reviews else ", for tests only: its findings are worth nothing"
        click.echo(f"{model.name} ({model.title}, {_size(model.size)}, {model.licence}{use})\n  {state}")


@command.command(name="remove")
@click.argument("model", type=_ModelName())
def remove_command(model: Model) -> None:
    """Remove MODEL from this machine."""
    try:
        freed = remove(model)
    except WeightsError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{model.name} removed, {_size(freed)} freed" if freed else f"{model.name} was not installed")


def _pull(model: Model) -> object:
    screen = console(stderr=True)
    if not screen.is_terminal:
        return pull(model, _lines(model))
    from rich import progress as rich_progress  # noqa: PLC0415 - only a terminal needs it

    with rich_progress.Progress(
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.DownloadColumn(),
        rich_progress.TransferSpeedColumn(),
        rich_progress.TimeRemainingColumn(),
        console=screen,
        transient=True,
    ) as bar:
        task = bar.add_task(model.name, total=model.size)

        def show(step: Progress) -> None:
            if step.phase is Phase.FALLBACK:
                bar.console.print(_words(step, model))
            bar.update(task, completed=step.done, total=step.total, description=_words(step, model))

        return pull(model, show)


def _lines(model: Model) -> Callable[[Progress], None]:
    """Without a terminal: one line when something new begins, and none for each megabyte."""
    said: set[str] = set()

    def show(step: Progress) -> None:
        words = _words(step, model)
        if step.phase is not Phase.DONE and words not in said:
            said.add(words)
            say(words)

    return show


def _words(step: Progress, model: Model) -> str:
    match step.phase:
        case Phase.WAIT:
            return f"waiting for another kibitz that is fetching {model.name}"
        case Phase.VERIFY:
            return f"checking {model.name}"
        case Phase.FALLBACK:
            return step.detail
        case _:
            return f"getting {model.name} ({_size(model.size)})" + (f" {step.detail}" if step.detail else "")


def _size(count: int) -> str:
    return f"{count / _MEGABYTE:,.0f} MB"
