"""``kibitz rules``: the catalogue, or one rule in full."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING

import click

from kibitz.cli.output.terminal import console
from kibitz.findings.rules import RULES

if TYPE_CHECKING:
    from kibitz.findings.rules import Rule


@click.command(name="rules")
@click.argument("code", required=False)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(code: str | None, form: str) -> None:
    """List the rules, or explain the rule CODE."""
    rules = [_find(code)] if code else list(RULES.values())
    if form == "json":
        shown = [_as_json(rule) for rule in rules]
        click.echo(json.dumps(shown[0] if code else shown, indent=2))
    elif code:
        _print_rule(rules[0])
    else:
        _print_table(rules)


def _find(code: str) -> Rule:
    if code in RULES:
        return RULES[code]
    close = difflib.get_close_matches(code, RULES, n=1)
    hint = f" Did you mean {close[0]}?" if close else " See all with: kibitz rules"
    raise click.UsageError(f"there is no rule {code!r}.{hint}")


def _as_json(rule: Rule) -> dict[str, str]:
    return {
        "code": rule.code,
        "family": rule.family,
        "name": rule.name,
        "definition": rule.definition,
        "example": rule.example,
        "severity": rule.severity.value,
    }


def _print_rule(rule: Rule) -> None:
    click.echo(
        f"{rule.code} ({rule.family}, {rule.severity})\n{rule.name}\n\n"
        f"Reported: {rule.definition}.\nFor example: {rule.example}\n\n"
        f'Switch it off: rules_off = ["{rule.code}"] in the user file, or --rules-off {rule.code}'
    )


def _print_table(rules: list[Rule]) -> None:
    from rich import box  # noqa: PLC0415 - only the table needs it
    from rich.table import Table  # noqa: PLC0415 - as above

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Rule", "Family", "Severity", "Reports"):
        table.add_column(heading, no_wrap=heading != "Reports")
    for rule in rules:
        table.add_row(rule.code, rule.family, rule.severity.value, rule.definition)
    console().print(table)
