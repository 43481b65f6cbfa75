"""``kibitz dismissals``: what is not shown any more, since you or your team said so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kibitz.app.dismissals import known_to_user, listed
from kibitz.app.projects import root_of
from kibitz.cli import CLEAN
from kibitz.cli.output.streams import say
from kibitz.cli.output.visible import escape
from kibitz.review.dismissal_files import CannotKeepError

if TYPE_CHECKING:
    from kibitz.review.suppress import Kept

_SHORT = 12
"""So many digits of a name are listed."""
_LEAST = 4
"""So many have to be given."""


@click.group(name="dismissals", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> int:
    """Say what is not shown any more: what you dismissed anywhere, and your team in the project here.

    What comments in the code dismiss is not listed.
    """
    return CLEAN if ctx.invoked_subcommand else _list("text")


@command.command(name="list")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_(form: str) -> int:
    """List them: name, rule, where, when, by whom, and why."""
    return _list(form)


@command.command(name="remove")
@click.argument("fingerprint", metavar="FINGERPRINT")
def remove(fingerprint: str) -> int:
    """Bring back what was dismissed under FINGERPRINT, of which the first digits will do."""
    known = known_to_user()
    wanted = fingerprint.lower()
    found = [each for each in listed(known, _project()) if each.dismissal.name.startswith(wanted)]
    names = {each.dismissal.name for each in found}
    if len(wanted) < _LEAST or len(names) > 1:
        raise click.ClickException(f"{escape(fingerprint)} may mean several; give more of its digits")
    if not found:
        raise click.ClickException(
            f"nothing is dismissed under {escape(fingerprint)}; see all with: kibitz dismissals"
        )
    try:
        known.remove(tuple(found))
    except CannotKeepError as error:
        raise click.ClickException(escape(str(error))) from error
    for each in found:
        click.echo(
            escape(f"not dismissed any more: {each.dismissal.rule} in {_where(each)} (by {_whose(each)})")
        )
    return CLEAN


@command.command(name="share")
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=".")
def share(path: Path) -> int:
    """Move what you dismissed in the project around PATH to its .kibitz/dismissals.jsonl, to be committed."""
    root = root_of(path if path.is_dir() else path.parent)
    if root is None:
        raise click.ClickException(
            f"{escape(str(path))} is in no project: neither a repository nor a folder with a folder .kibitz"
        )
    known = known_to_user()
    try:
        count = known.share(root)
    except CannotKeepError as error:
        raise click.ClickException(escape(str(error))) from error
    click.echo(
        escape(f"{count} moved to {known.team(root).path}" if count else f"you dismissed nothing in {root}")
    )
    return CLEAN


def _project() -> Path | None:
    return root_of(Path.cwd())


def _list(form: str) -> int:
    known, root = known_to_user(), _project()
    found = listed(known, root)
    if form == "json":
        click.echo(json.dumps([_as_json(each) for each in found], indent=2))
    else:
        for each in found:
            click.echo(_line(each))
        if not found:
            click.echo("nothing is dismissed")
    for file in (known.user, *([known.team(root)] if root is not None else [])):
        if file.problem:
            say(escape(f"{file.path} is not used: {file.problem}"))
    return CLEAN


def _line(kept: Kept) -> str:
    said = kept.dismissal
    facts = (said.name[:_SHORT], said.at[:10] or "-" * 10, _whose(kept), said.rule, _where(kept))
    why = f": {said.reason}" if said.reason else ""
    return escape("  ".join(facts) + why)


def _where(kept: Kept) -> str:
    """The file for which, or in which, it was dismissed."""
    said = kept.dismissal
    place = str(Path(said.root, said.file)) if said.file else "no file"
    return place if said.fingerprint else f"all of {place}"


def _whose(kept: Kept) -> str:
    return "team" if kept.is_team else "you"


def _as_json(kept: Kept) -> dict[str, Any]:
    said = kept.dismissal
    return {
        "name": said.name,
        "scope": "finding" if said.fingerprint else "rule",
        "rule": said.rule,
        "root": said.root,
        "file": said.file,
        "by": "team" if kept.is_team else "user",
        "at": said.at,
        "reason": said.reason,
    }
