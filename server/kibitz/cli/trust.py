"""``kibitz trust``: whose rules and notes may become part of what the model is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kibitz.app.project_files import load
from kibitz.app.projects import root_of, trust_of_user
from kibitz.cli import CLEAN
from kibitz.cli.output.visible import escape
from kibitz.guard.trust import Decision

if TYPE_CHECKING:
    from kibitz.findings.project import Project

_SAID = {
    Decision.TRUSTED: "trusted",
    Decision.REFUSED: "not trusted",
    Decision.ASKED: "not trusted (asked, without an answer)",
}


@click.command(name="trust")
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=".")
@click.option("--revoke", is_flag=True, help="Do not use them any more, and do not ask again.")
@click.option("--list", "listing", is_flag=True, help="List the folders that you decided about.")
def command(path: Path, *, revoke: bool, listing: bool) -> int:
    """Let the project around PATH add its rules (.kibitz/rules) and notes (AGENTS.md) to reviews.

    They become part of what the model is asked, so trust only folders whose authors you trust. Trust is for
    this one folder, and ends when another takes its place.
    """
    if listing and revoke:
        raise click.UsageError("--list and --revoke do different things; leave one out")
    if listing:
        return _list()
    root = root_of(path if path.is_dir() else path.parent)
    if root is None:
        raise click.ClickException(
            f"{escape(str(path))} is in no project: neither a repository nor a folder with a folder .kibitz"
        )
    trust = trust_of_user()
    try:
        trust.decide(root, Decision.REFUSED if revoke else Decision.TRUSTED)
    except OSError as error:
        raise click.ClickException(
            f"{escape(str(trust.path))} cannot be written: {error.strerror}"
        ) from error
    if revoke:
        click.echo(escape(f"{root} is not trusted: what it says to reviewers is not used"))
    else:
        _print_project(root, load(root))
    return CLEAN


def _print_project(root: Path, project: Project) -> None:
    click.echo(escape(f"{root} is trusted"))
    for rule in project.rules:
        click.echo(escape(f"rule      {rule.code}: {rule.name}"))
    if project.context:
        click.echo(escape(f"context   {project.context_file}, {len(project.context):,} characters"))
    for problem in project.problems:
        click.echo(escape(f"problem   {problem}"))
    if not project:
        click.echo("It says nothing to reviewers yet: add .kibitz/rules/NAME.md, or AGENTS.md.")


def _list() -> int:
    folders = trust_of_user().all()
    for folder in folders:
        click.echo(escape(f"{folder.path}: {_SAID[folder.decision]}"))
    if not folders:
        click.echo("no folder is trusted")
    return CLEAN
