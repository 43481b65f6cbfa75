"""Options made from the settings' model, so that both always agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kibitz.cli.output.streams import say
from kibitz.config import Loaded, Settings, Source, load, setting_names
from kibitz.config.settings import choices, owned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EDITOR_ONLY = frozenset({"enabled", "debounce_ms", "max_delay_ms"})


def settings_options(*, without: frozenset[str] = frozenset()) -> Callable[[Any], Any]:
    """A decorator that adds an option for each setting that the command line may set."""
    names = [name for name in setting_names() if Source.CLI in owned(name).by and name not in without]

    def decorate(function: Any) -> Any:
        for name in reversed(names):
            function = _option(name)(function)
        return function

    return decorate


def _option(name: str) -> Callable[[Any], Any]:
    field, unit = Settings.model_fields[name], owned(name).unit
    words = choices(name)
    metavar = "|".join(words) if words else (unit or name.rpartition("_")[2]).upper()
    text = (field.description or "").replace("`", "")
    # The value stays a string: kibitz.config is the only judge of it, whatever source it came from.
    return click.option(f"--{name.replace('_', '-')}", name, metavar=metavar, help=text)


def load_settings(given: Mapping[str, object]) -> Loaded:
    """All sources but the editor's. A bad option ends the command; other problems are said, and pass.

    Raises ``click.UsageError`` for what the command line got wrong.
    """
    loaded = load(cli=given)
    for problem in loaded.problems:
        if problem.source is Source.CLI:
            raise click.UsageError(
                f"{problem.where} {problem.value}: {_sentence(problem.reason, problem.advice)}"
            )
    for problem in loaded.problems:
        say(problem.message)
    return loaded


def _sentence(reason: str, advice: str) -> str:
    return f"{reason}. {advice}" if advice else reason
