"""What each captured client is to get: a table, so that nothing of the server's own reasoning is in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Expected:
    """What one client gets."""

    encoding: str
    versioned: bool = True
    """Edits that name the version that they are for."""
    fixes: str = "resolve"
    """How a fix comes that a model has to be asked for: the client resolves it, a `command` makes it, or not
    at all ("")."""
    generated: bool = False
    """Actions that are a model's are marked."""
    annotated: bool = False
    """Edits say what they are, and which need a look."""
    markdown: bool = False
    progress: bool = True
    configuration: bool = True
    registers: frozenset[str] = frozenset()
    """What it is asked to watch."""
    links: bool = False
    """A diagnostic's code leads to a page."""
    related: bool = False
    fades: bool = True
    pulls: bool = False
    """It can be had to ask for diagnostics, without missing any."""
    notebooks: bool = False
    opens: bool = False
    """It opens a page in the user's browser."""


CONFIGURATION = "workspace/didChangeConfiguration"
WATCHED_FILES = "workspace/didChangeWatchedFiles"
EXPECTED = {
    "ale-3.3": Expected(
        "utf-16", versioned=False, fixes="", progress=False, configuration=False, related=True, fades=False
    ),
    "eglot-1.9": Expected("utf-16", fixes="command", progress=False, registers=frozenset({WATCHED_FILES})),
    "eglot-1.17": Expected("utf-32", registers=frozenset({WATCHED_FILES}), opens=True),
    "helix-25.01": Expected("utf-8", markdown=True, registers=frozenset({WATCHED_FILES})),
    # It takes Markdown, and shows the backslashes that keep text from becoming markup.
    "neovim-0.11": Expected("utf-8", markdown=False, related=True, opens=True),
    "vscode-11": Expected(
        "utf-16",
        generated=True,
        annotated=True,
        markdown=True,
        registers=frozenset({CONFIGURATION, WATCHED_FILES}),
        links=True,
        related=True,
        pulls=True,
        notebooks=True,
        opens=True,
    ),
}
