"""The command ``kibitz`` and its subcommands, each imported when it is asked for."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import click

from kibitz import __version__
from kibitz.cli import CLEAN, FAILED, INTERRUPTED
from kibitz.cli.output.streams import forgiving, pipe_closed, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.cli.again import Invocation

_COMMANDS = {
    "check": "Review files and print what is found.",
    "warm": "Review files ahead of time, so that editors find them answered.",
    "serve": "Run the language server for an editor (stdio).",
    "model": "Get, list or remove the embedded model.",
    "key": "Say where API keys come from, and where they may go.",
    "cache": "Say what the cache holds and saved; clear, verify, export, import it.",
    "usage": "Say what was asked, what it cost, and how it went.",
    "doctor": "Say whether everything is in order, and what to do if not.",
    "bugreport": "Put what helps to find a fault into an archive, without code or keys.",
    "eval": "Measure how good the findings are, on pairs of code.",
    "rules": "List the rules, or explain one.",
    "dismissals": "List what is not shown any more, bring it back, or share it.",
    "trust": "Let a project add its own rules and notes to reviews.",
}


class _PipeClosedError(Exception):
    """Whoever read our output went away."""


class _Lazy(click.Group):
    """Finds the command ``x`` as ``command`` in ``kibitz.cli.x``."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(f"kibitz.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - a mistake of ours, not of the user
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # click would make it exit code 1, which here means findings.
            raise _PipeClosedError from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", "-V", message="kibitz %(version)s")
def kibitz() -> None:
    """A quiet AI code reviewer: few findings, verified fixes, visible cost.

    Exit codes: 0 clean, 1 findings, 2 could not run (or not in full), 130 interrupted.
    """


def run(arguments: Sequence[str], invocation: Invocation | None = None) -> int:
    """Run the command line ``arguments``; returns the exit code.

    ``invocation`` is what ``check_again`` made of them, if it did not do all that is to be done.
    """
    forgiving()
    try:
        code = kibitz.main(list(arguments), prog_name="kibitz", standalone_mode=False, obj=invocation)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return FAILED
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted.")
        return INTERRUPTED
    except (BrokenPipeError, _PipeClosedError):
        return pipe_closed()
    return code if isinstance(code, int) else CLEAN
