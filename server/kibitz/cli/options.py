"""Options made from the settings' model, so that both always agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kibitz.cli.output.streams import say
from kibitz.config import Loaded, Settings, Source, load, setting_names
from kibitz.config.settings import choices, owned, variants
from kibitz.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EDITOR_ONLY = frozenset(
    {
        *("enabled", "trigger", "debounce_ms", "debounce_max_ms", "max_delay_ms", "languages", "diagnostics"),
        *("warm", "warm_max_tokens", "dismissals"),
    }
)


_FLAGS = frozenset({"ignore_budget"})
"""Nobody says no to these."""


def settings_options(*, without: frozenset[str] = frozenset()) -> Callable[[Any], Any]:
    """A decorator that adds an option for each setting that the command line may set."""
    names = [name for name in setting_names() if Source.CLI in owned(name).by and name not in without]

    def decorate(function: Any) -> Any:
        for name in reversed(names):
            function = _option(name)(function)
        return function

    return decorate


def _option(name: str) -> Callable[[Any], Any]:
    text = (Settings.model_fields[name].description or "").replace("`", "")
    if name in _FLAGS:
        return click.option(f"--{name.replace('_', '-')}", name, flag_value="true", help=text)
    # The value stays a string: kibitz.config is the only judge of it, whatever source it came from.
    return click.option(f"--{name.replace('_', '-')}", name, metavar=_metavar(name), help=text)


def _metavar(name: str) -> str:
    if words := choices(name):
        return "|".join(words)
    if unit := owned(name).unit:
        return unit.upper()
    kinds = {variant.get("type") for variant in variants(name)}
    return {"array": "A,B,…", "integer": "N", "number": "X", "boolean": "yes|no"}.get(
        next((kind for kind in kinds if kind not in {None, "null"}), ""), "TEXT"
    )


def load_settings(given: Mapping[str, object]) -> Loaded:
    """Load all sources but the editor's, and send logs where they say.

    A bad option ends the command; other problems are said, and pass.
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
    if trouble := logs.configure(loaded.settings.log_level, loaded.settings.log_file):
        say(trouble)
    return loaded


def _sentence(reason: str, advice: str) -> str:
    return f"{reason}. {advice}" if advice else reason
