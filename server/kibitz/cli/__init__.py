"""The command line. Importing this costs nothing, for an editor that waits for ``kibitz serve``.

Exit codes: 0 all well; 1 findings (or a failing check of ``doctor``); 2 could not run, or not in full;
130 interrupted; 141 whoever read our output went away.
"""

from __future__ import annotations

import sys

CLEAN = 0
FINDINGS = 1
FAILED = 2
INTERRUPTED = 130
PIPE_CLOSED = 141


def main(arguments: list[str] | None = None) -> None:
    """Run ``kibitz`` with these arguments (``sys.argv`` if None) and exit."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["serve"]:
        from kibitz.cli.serve_arguments import parse  # noqa: PLC0415 - the only import on the server's way

        if (settings := parse(arguments[1:])) is not None:
            from kibitz.lsp.start import main as serve  # noqa: PLC0415 - not before the arguments are good

            sys.exit(serve(settings))
    from kibitz.guard.process import protect  # noqa: PLC0415 - the server does it after `initialize`
    from kibitz.telemetry.last_words import install  # noqa: PLC0415 - the server does it by itself

    protect()
    install()
    invocation = None
    if arguments[:1] == ["check"]:
        from kibitz.cli.again import check_again  # noqa: PLC0415 - light: mostly there is nothing else to do

        invocation = check_again(arguments)
        if invocation.code is not None:
            sys.exit(invocation.code)
    from kibitz.cli.entry import run  # noqa: PLC0415 - click, which `serve` does not need

    sys.exit(run(arguments, invocation))
