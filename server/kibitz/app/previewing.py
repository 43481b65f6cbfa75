"""What a review of a file would send, to whom, and what of it would be replaced. Sends nothing.

Works without a key, and starts no model. Of the tiers of the cache a team's is left out: it would have to be
asked.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kibitz.app.choice import Choice, choice_of
from kibitz.app.configs import known_config
from kibitz.config import environment
from kibitz.guard.budget import check_units
from kibitz.guard.redact import Refused, environment_secrets, home_folder
from kibitz.provider.errors import ConfigError
from kibitz.provider.keys.open import source_of
from kibitz.provider.keys.pool import KeyPool
from kibitz.provider.preview import ANSWER_TOKENS, preview
from kibitz.text.lines import LineIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kibitz.config import Settings
    from kibitz.provider.config import OpenAIConfig
    from kibitz.provider.preview import Outgoing, Preview
    from kibitz.review.entries import Entry
    from kibitz.review.result import Source


@dataclass(frozen=True, slots=True)
class Showing:
    """What would leave for one file."""

    name: str
    """The file, for people."""
    to: str = ""
    """Who would get it: model and address."""
    requests: tuple[Outgoing, ...] = ()
    replaced: tuple[tuple[int, str], ...] = ()
    """The line, from 1, and what kind of secret was replaced there."""
    notes: tuple[str, ...] = ()
    """What else there is to know, in sentences without full stops."""
    refusal: str = ""
    """Why nothing would be sent; empty if something may be."""

    @property
    def tokens(self) -> int:
        """Of all requests, by estimate."""
        return sum(each.tokens for each in self.requests)

    @property
    def cost_usd(self) -> Decimal | None:
        """Of all requests, about; None where no price is known."""
        costs = [each.cost_usd for each in self.requests]
        return sum((cost for cost in costs if cost is not None), Decimal(0)) if None not in costs else None

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "file": self.name,
            "to": self.to,
            "refusal": self.refusal or None,
            "requests": [
                {"body": each.body, "inputTokens": each.tokens, "costUsd": _plain(each.cost_usd)}
                for each in self.requests
            ],
            "replaced": [{"line": line, "kind": kind} for line, kind in self.replaced],
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """For people; as the model would get it, so it may hold anything."""
        if self.refusal:
            return [f"{self.name}: nothing would be sent: {self.refusal}"]
        price = "no known price" if self.cost_usd is None else f"about {self.cost_usd:.4f} USD"
        requests = f"{counted(len(self.requests), 'request')} to {self.to}"
        lines = [
            f"{self.name}: {requests}, about {self.tokens} tokens, {price}",
            *(f"  replaced in line {line}: {kind}" for line, kind in self.replaced),
            *(f"  note: {note}" for note in self.notes),
        ]
        for number, each in enumerate(self.requests, 1):
            rest = {name: value for name, value in each.body.items() if name not in _TEXTS}
            lines += [f"--- request {number} of {len(self.requests)}", json.dumps(rest, ensure_ascii=False)]
            for role, text in _texts(each.body):
                lines += [f"--- {role}", *text.split("\n")]
        return lines


def counted(number: int, noun: str) -> str:
    """``1 request``, ``2 requests``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_UNREAD = "the key could not be read, else it would be replaced, too: {}"
_TEXTS = ("instructions", "input", "messages")


def _texts(body: dict[str, Any]) -> list[tuple[str, str]]:
    told = [("instructions", body["instructions"])] if "instructions" in body else []
    turns = body.get("messages") or body.get("input") or ()
    return [*told, *((turn["role"], turn["content"]) for turn in turns)]


def _plain(cost: Decimal | None) -> float | None:
    return None if cost is None else float(cost)


async def show(settings: Settings, source: Source, where: Callable[[str], str]) -> Showing:
    """What a review of ``source`` would send now: nothing about what is known already.

    Raises:
        ConfigError: settings that are each right do not go together.
    """
    from kibitz.app.app import App  # noqa: PLC0415 - as for a review, and only then

    alone = settings.model_copy(update={"redis_url": None})
    choice, notes = _choice(alone)
    config = known_config(alone, choice)
    app = App(alone, choice, where)
    try:
        reviewer = await app.reviewer()
        missing, units = await reviewer.missing(source)
        check_units(units)
        batches = reviewer.packed(missing)
    except Refused as why:
        return Showing(source.name, refusal=str(why))
    finally:
        await app.aclose()
    secrets, trouble = await _secrets(settings, where)
    # As the client does it: findings show early only where none is verified.
    stream = settings.early and settings.verify == "off" and choice.review == "list"
    shown = [
        await asyncio.to_thread(preview, [e.piece for e in batch], config, secrets, stream=stream)
        for batch in batches
    ]
    known = units - len(missing)
    if known:
        notes.append(f"{known} of {units} definitions are known already, and would not be sent again")
    return Showing(
        source.name,
        _whom(config, choice),
        tuple(each for one in shown for each in one.requests),
        _replaced(source.text, batches, shown),
        (*notes, *trouble, *_notes(config, shown)),
    )


def _choice(settings: Settings) -> tuple[Choice, list[str]]:
    try:
        return choice_of(settings), []
    except ConfigError:
        review = "list" if settings.review == "auto" else settings.review
        return Choice("openai", review), ["there is no key yet: this is what would be sent with one"]


def _whom(config: OpenAIConfig, choice: Choice) -> str:
    where = "this machine" if choice.provider == "local" else config.endpoint.name
    return f"{config.model} at {where}"


async def _secrets(
    settings: Settings, where: Callable[[str], str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is replaced wherever it stands, and why that is not all of it."""
    environ = environment()
    found = [*environment_secrets(environ), *home_folder(environ)]
    if settings.fallback_api_key is not None:
        found.append(settings.fallback_api_key.get_secret_value())
    try:
        source = source_of(settings, where)
    except ConfigError as error:
        return tuple(found), (_UNREAD.format(error.message),)
    if source is None:
        return tuple(found), ()
    pool = KeyPool(source)
    try:
        await pool.look()
        found += pool.secrets()
        return tuple(found), ((_UNREAD.format(pool.problem),) if pool.problem else ())
    finally:
        await pool.aclose()


def _replaced(
    text: str, batches: Sequence[Sequence[Entry]], shown: Sequence[Preview]
) -> tuple[tuple[int, str], ...]:
    lines = LineIndex(text)
    return tuple(
        sorted(
            (lines.line_of(batch[index].unit.span.start + hit.span.start) + 1, hit.rule)
            for batch, one in zip(batches, shown, strict=True)
            for index, hit in one.replaced
        )
    )


def _notes(config: OpenAIConfig, shown: Sequence[Preview]) -> list[str]:
    notes = [f"left out: {why}" for why in dict.fromkeys(why for one in shown for _, why in one.refused)]
    if beside := sum(one.beside for one in shown):
        notes.append(f"{counted(beside, 'more secret')} replaced in the context that is sent along")
    if config.verify != "off" and config.review == "list":
        verifier = config.verify_model or config.model
        notes.append(f"what is found would be put to {verifier} with the same code, to be verified")
    if config.fallback_base_url or config.fallback_model:
        instead = config.fallback_base_url or config.endpoint.name
        notes.append(
            f"where that fails, the same may go to {config.fallback_model or config.model} at {instead}"
        )
    notes.append(f"tokens and price are estimates, with an answer of {ANSWER_TOKENS} tokens for each request")
    return notes
