"""``kibitz key``: where keys come from, and where they may go."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from kibitz.app import keys
from kibitz.cli import CLEAN, FINDINGS
from kibitz.cli.options import load_settings, settings_options
from kibitz.cli.output.visible import escape
from kibitz.config import setting_names
from kibitz.config.checks import check_base_url
from kibitz.provider.errors import OpenAIError
from kibitz.provider.keys.consent import needs_consent, origin_of

if TYPE_CHECKING:
    from kibitz.app.keys import Purpose

_options = settings_options(
    without=frozenset(setting_names()) - {"api_key_file", "api_key_keyring", "base_url", "fallback_base_url"}
)


class _Origin(click.ParamType[str]):
    """An address of an API, of which only scheme, host and port count."""

    name = "origin"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        url = str(value)
        try:
            return origin_of(check_base_url(url if "://" in url else f"https://{url}"))
        except ValueError as error:
            self.fail(f"{escape(url)}: {error}", param, ctx)


@click.group(name="key")
def command() -> None:
    """Say where API keys come from, and where they may go. Never shows a key, only its fingerprint.

    A key goes to OpenAI's own API and to this machine. Anywhere else, it goes only after you allowed it.
    """


@command.command(name="status")
@_options
def status(**given: str | None) -> int:
    """Say which keys are found, and where they go.

    Exit codes: 0 all is well, 1 something needs you.
    """
    found, allowed, well = _purposes(given), keys.consents(), True
    if not found:
        click.echo("no API key is set (OPENAI_API_KEY, KIBITZ_API_KEY, or api_key_file and others)")
    for purpose in found:
        refused = purpose.refused(allowed)
        well = well and not refused and not purpose.problem
        _print_purpose(purpose, refused)
    for consent in allowed.all():
        click.echo(escape(f"allowed   {consent.origin} for keys from: {consent.place}"))
    return CLEAN if well else FINDINGS


@command.command(name="allow")
@click.argument("origin", type=_Origin())
@_options
def allow(origin: str, **given: str | None) -> int:
    """Let the key that is set now go to ORIGIN, such as https://models.example.com:8443, from now on."""
    if not needs_consent(origin):
        click.echo(f"keys may go to {origin} anyway")
        return CLEAN
    found = _purposes(given)
    if not found:
        raise click.ClickException("no API key is set, so there is none to allow anything; set one first")
    # The key that is for this address; else the usual one, whose address may be set later.
    purpose = next((purpose for purpose in found if purpose.origin == origin), found[0])
    allowed = keys.consents()
    for place in purpose.places:
        try:
            allowed.allow(origin, place)
        except OSError as error:
            raise click.ClickException(f"{allowed.path} cannot be written: {error.strerror}") from error
        click.echo(escape(f"keys from {place} may go to {origin}"))
    return CLEAN


@command.command(name="forget")
@click.argument("origin", type=_Origin())
def forget(origin: str) -> int:
    """Let no key go to ORIGIN any more."""
    allowed = keys.consents()
    try:
        count = allowed.forget(origin)
    except OSError as error:
        raise click.ClickException(f"{allowed.path} cannot be written: {error.strerror}") from error
    click.echo(
        f"keys do not go to {origin} any more" if count else f"keys were not allowed to go to {origin}"
    )
    return CLEAN


def _purposes(given: dict[str, str | None]) -> tuple[Purpose, ...]:
    loaded = load_settings({name: value for name, value in given.items() if value is not None})
    try:
        return asyncio.run(keys.purposes(loaded))
    except OpenAIError as error:
        raise click.ClickException(error.message) from error


def _print_purpose(purpose: Purpose, refused: tuple[str, ...]) -> None:
    lines = [f"{purpose.name} from {purpose.place}", f"goes to   {purpose.origin}"]
    lines += [f"key       {key.id}, {key.state}" for key in purpose.keys]
    lines += [f"problem   {purpose.problem}"] if purpose.problem else []
    lines += [
        f"problem   keys from {place} do not go to {purpose.origin} without your word; if that address is "
        f"right, run: kibitz key allow {purpose.origin}"
        for place in refused
    ]
    for line in lines:
        click.echo(escape(line))
