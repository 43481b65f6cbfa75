"""``kibitz serve``: the language server, for its help and its mistakes; see ``kibitz.cli.main``."""

from __future__ import annotations

import click

from kibitz.cli.options import load_settings, settings_options


@click.command(name="serve")
@click.option("--stdio", is_flag=True, help="Talk over standard input and output (always the case).")
@settings_options()
def command(*, stdio: bool, **settings: str | None) -> int:  # noqa: ARG001 - there is no other way to talk
    """Run the language server for an editor, over standard input and output."""
    given = {name: value for name, value in settings.items() if value is not None}
    load_settings(given)
    from kibitz.lsp.start import main  # noqa: PLC0415 - after the options are known good

    return main(given)
