"""``kibitz rules``: the catalogue and the rules of the project here, or one rule in full."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kibitz.app.project_files import load
from kibitz.app.projects import root_of, trust_of_user
from kibitz.cli.output.terminal import console
from kibitz.cli.output.visible import escape
from kibitz.findings.guidance import ProjectRule
from kibitz.findings.rule_pages import PAGES
from kibitz.findings.rules import RULES
from kibitz.guard.trust import Decision

if TYPE_CHECKING:
    from kibitz.findings.rules import Rule


@dataclass(frozen=True, slots=True)
class _Here:
    """The project of the working directory."""

    root: Path | None = None
    trusted: bool = False
    rules: tuple[ProjectRule, ...] = ()
    problems: tuple[str, ...] = ()

    @classmethod
    def find(cls) -> _Here:
        root = root_of(Path.cwd())
        if root is None:
            return cls()
        project = load(root)
        trusted = trust_of_user().decision(root) is Decision.TRUSTED
        return cls(root, trusted, project.rules, project.problems)


@click.command(name="rules")
@click.argument("code", required=False)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(code: str | None, form: str) -> None:
    """List the rules, with those of the project here, or explain the rule CODE."""
    here = _Here.find()
    if code is not None:
        rule = _find(code, here)
        if form == "json":
            click.echo(json.dumps(_as_json(rule, here), indent=2))
        else:
            click.echo("\n".join(map(escape, _in_full(rule, here).split("\n"))))
    elif form == "json":
        rules: list[Rule | ProjectRule] = [*RULES.values(), *here.rules]
        click.echo(json.dumps([_as_json(rule, here) for rule in rules], indent=2))
    else:
        _print_table(list(RULES.values()))
        _print_project(here)


def _find(code: str, here: _Here) -> Rule | ProjectRule:
    known: dict[str, Rule | ProjectRule] = {**PAGES, **{rule.code: rule for rule in here.rules}}
    if code in known:
        return known[code]
    close = difflib.get_close_matches(code, known, n=1)
    hint = f" Did you mean {close[0]}?" if close else " See all with: kibitz rules"
    raise click.UsageError(f"there is no rule {code!r}.{hint}")


def _as_json(rule: Rule | ProjectRule, here: _Here) -> dict[str, object]:
    if isinstance(rule, ProjectRule):
        return {
            "code": rule.code,
            "family": "project",
            "name": rule.name,
            "definition": rule.body,
            "severity": rule.severity.value if rule.severity else None,
            "languages": rule.languages,
            "globs": rule.globs,
            "trusted": here.trusted,
        }
    return {
        "code": rule.code,
        "family": rule.family,
        "name": rule.name,
        "definition": rule.definition,
        "example": rule.example,
        "severity": rule.severity.value,
    }


def _in_full(rule: Rule | ProjectRule, here: _Here) -> str:
    off = f'Switch it off: rules_off = ["{rule.code}"] in the user file, or --rules-off {rule.code}'
    if isinstance(rule, ProjectRule):
        limits = (("Languages", rule.languages), ("Files", rule.globs))
        bounds = [f"{what}: {', '.join(values)}" for what, values in limits if values]
        used = "" if here.trusted else f"Not used: {here.root} is not trusted (kibitz trust {here.root})"
        severity = rule.severity or "as bad as the model says"
        head = f"{rule.code} (project, {severity})\n{rule.name}"
        return "\n\n".join(filter(None, (head, rule.body, "\n".join(bounds), used, off)))
    return (
        f"{rule.code} ({rule.family}, {rule.severity})\n{rule.name}\n\n"
        f"Reported: {rule.definition}.\nFor example: {rule.example}\n\n{off}"
    )


def _print_project(here: _Here) -> None:
    if not here.rules and not here.problems:
        return
    used = "" if here.trusted else f" are not used: it is not trusted (kibitz trust {here.root})"
    click.echo(escape(f"Rules of {here.root}{used}"))
    for rule in here.rules:
        click.echo(escape(f"  {rule.code}: {rule.name}"))
    for problem in here.problems:
        click.echo(escape(f"  problem: {problem}"))


def _print_table(rules: list[Rule]) -> None:
    from rich import box  # noqa: PLC0415 - only the table needs it
    from rich.table import Table  # noqa: PLC0415 - as above

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Rule", "Family", "Severity", "Reports"):
        table.add_column(heading, no_wrap=heading != "Reports")
    for rule in rules:
        table.add_row(rule.code, rule.family, rule.severity.value, rule.definition)
    console().print(table)
