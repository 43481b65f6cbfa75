"""What would be sent, made as it is for sending and not sent. Pure CPU: for a thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kibitz.findings.prompt import list_review
from kibitz.findings.rewrite import rewrite_request
from kibitz.guard.redact import Refused
from kibitz.provider import pricing, wire
from kibitz.provider.landing import Job, common_language
from kibitz.provider.listing import packs
from kibitz.provider.models import Usage
from kibitz.provider.questions import question_of, turn_of
from kibitz.provider.shield import shield, shielded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from kibitz.guard.redact import Secret
    from kibitz.provider.config import OpenAIConfig
    from kibitz.provider.models import Piece
    from kibitz.provider.wire import Question

ANSWER_TOKENS = 400
"""What an answer takes, for the estimate: mostly thoughts, and an empty list."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request."""

    body: dict[str, Any]
    """All of its JSON."""
    tokens: int
    """Of the input, by estimate."""
    cost_usd: Decimal | None
    """About, with an answer of ``ANSWER_TOKENS``; None where no price is known."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be sent about some pieces."""

    requests: tuple[Outgoing, ...] = ()
    replaced: tuple[tuple[int, Secret], ...] = ()
    """The piece, by its number, and where in it a secret was replaced."""
    beside: int = 0
    """So many more were replaced in what is sent along."""
    refused: tuple[tuple[int, str], ...] = ()
    """Which piece would not be sent, and why."""


def preview(
    pieces: Sequence[Piece], config: OpenAIConfig, secrets: Iterable[str], *, stream: bool = False
) -> Preview:
    """The requests of a first attempt about ``pieces``; ``secrets`` are replaced wherever they stand.

    ``stream``: whether the answer is asked for as it is written.
    """
    jobs: list[Job] = []
    refused: list[tuple[int, str]] = []
    known = tuple(secrets)
    for index, piece in enumerate(pieces):
        try:
            code = shield(piece.text, piece.context, keys=known)
            jobs.append(Job(index, code, piece.language, piece.eol, guidance=shielded(piece.guidance, known)))
        except Refused as why:
            refused.append((index, str(why)))
    pricing.load()
    dialect = wire.Dialect.of(config)
    return Preview(
        tuple(
            _outgoing(question, config, wire.body_of(question, config, dialect, stream=stream))
            for question in _questions(jobs, config)
        ),
        tuple((job.index, hit) for job in jobs for hit in job.shielded.hits),
        sum(job.shielded.secrets - len(job.shielded.hits) for job in jobs),
        tuple(refused),
    )


def _questions(jobs: Sequence[Job], config: OpenAIConfig) -> list[Question]:
    if config.review == "rewrite":
        return [turn_of(rewrite_request(job.text, job.language, job.context), job.language) for job in jobs]
    return [
        question_of(list_review(pack, pack[0].guidance).request, common_language(pack))
        for pack in packs(jobs, config.max_request_tokens)
    ]


def _outgoing(question: Question, config: OpenAIConfig, body: dict[str, Any]) -> Outgoing:
    tokens = question.input_tokens
    usage = Usage(1, tokens, output_tokens=ANSWER_TOKENS)
    return Outgoing(body, tokens, pricing.cost(config.model, usage, config.endpoint))
