"""``OpenAIClient``: code in, findings, suggestions and explanations out.

Safe by itself, without the language server around it: secrets are replaced before anything is sent, and what
comes back is decoded strictly, found in the code by its quotes, and gated. Importing this module is cheap;
the SDK behind it is loaded in a thread by the first question, or by ``warm``.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Self

from kibitz.config import environment
from kibitz.guard.redact import Refused, environment_secrets, home_folder
from kibitz.provider import assisting
from kibitz.provider.call import Call, Tally
from kibitz.provider.connection import Connection
from kibitz.provider.errors import APIError
from kibitz.provider.landing import Job, Landing
from kibitz.provider.limits.priority import Priority, Urgency
from kibitz.provider.listing import ask_list, packs
from kibitz.provider.models import BatchAnalysis, CodeAnalysis, Piece, Probe
from kibitz.provider.questions import decoded, question_of
from kibitz.provider.rewriting import ask_rewrite
from kibitz.provider.shield import shield, shielded
from kibitz.provider.together import side_by_side
from kibitz.provider.verifying import verify_held
from kibitz.telemetry import security
from kibitz.telemetry.security import Event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    from kibitz.findings.finding import Finding
    from kibitz.provider.batch import BatchClient
    from kibitz.provider.config import OpenAIConfig
    from kibitz.provider.connection import Observer
    from kibitz.provider.errors import OpenAIError
    from kibitz.provider.keys.consent import Consents
    from kibitz.provider.keys.pool import KeyPool
    from kibitz.provider.limits.quota import SharedQuota
    from kibitz.provider.models import Context, ContextAnalysis, PieceAnalysis, Suggestion
    from kibitz.provider.purse import Purse
    from kibitz.provider.status import EngineStatus
    from kibitz.provider.taping import Tape


class OpenAIClient:
    """A client of one OpenAI-compatible API. Belongs to one event loop; close it, or use ``async with``.

    Every method raises one of the five errors of ``errors``, and nothing else; a cancellation passes through
    and ends what is under way, on the wire too.
    """

    def __init__(
        self,
        config: OpenAIConfig,
        *,
        keys: KeyPool | None = None,
        fallback_keys: KeyPool | None = None,
        consents: Consents | None = None,
        quota: SharedQuota | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        observer: Observer | None = None,
        purse: Purse | None = None,
    ) -> None:
        """Does no I/O.

        Args:
            config: whom to ask, and how.
            keys: where keys come from; None: ``config.api_key`` alone. Closed with the client.
            fallback_keys: the same for ``config.fallback_base_url``.
            consents: which key may go where. None: wherever ``config`` says, which is right where the same
                person wrote both.
            quota: limits that are shared with other processes; None: this client keeps to its own. Stays
                open.
            sleep: waits between attempts.
            clock: seconds that only go forward.
            observer: is told about every request.
            purse: holds what a request may take, and books what it took.

        Raises:
            ConfigError: there is no key, and the endpoint is not on this machine.
        """
        self.config = config
        self._connection = Connection(
            config,
            keys=keys,
            fallback_keys=fallback_keys,
            consents=consents,
            quota=quota,
            sleep=sleep,
            clock=clock,
            observer=observer,
            purse=purse,
        )
        environ = environment()
        self._environment = (*environment_secrets(environ), *home_folder(environ))

    def __repr__(self) -> str:
        return f"OpenAIClient(model={self.config.model!r}, endpoint={self.config.endpoint.name!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def warm(self) -> None:
        """Load the SDK now, off the event loop, so that the first question does not wait for it."""
        await self._connection.warm()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._connection.aclose()

    def use(self, tape: Tape) -> None:
        """From now on, keep all answers on a tape, and ask for nothing that is on it."""
        self._connection.tape = self._connection.verifying.tape = tape

    async def reload_keys(self) -> None:
        """Look for the keys now, and give each another chance. Requests under way keep theirs.

        Raises:
            ConfigError: there should be a key, and there is none.
        """
        for pool in self._connection.pools:
            await pool.reload()

    def status(self) -> EngineStatus:
        """Whom it asks, what holds it back, and what it did about failures lately."""
        return self._connection.status()

    async def process_code(self, code: str, *, language: str = "python", context: str = "") -> CodeAnalysis:
        """Review one piece of code; its findings are checked unless ``config.verify`` is ``off``.

        Args:
            code: What to review. Spans of the findings are code points of it.
            language: An LSP language id.
            context: Code that helps to judge it; nothing is reported on it.
        """
        batch = await self.process_pieces([Piece(code, language, context)], verify=True)
        (piece,) = batch.pieces
        return CodeAnalysis(
            findings=piece.findings,
            dropped=piece.dropped,
            usage=batch.usage,
            model=batch.model,
            request_id=batch.request_id,
            redactions=batch.redactions,
            verification=batch.verification,
        )

    async def process_pieces(
        self,
        pieces: Sequence[Piece],
        *,
        on_piece: Callable[[int, PieceAnalysis], None] | None = None,
        on_finding: Callable[[int, Finding], None] | None = None,
        on_failure: Callable[[int, OpenAIError], None] | None = None,
        urgency: Urgency | None = None,
        verify: bool = False,
        known: Mapping[int, PieceAnalysis] | None = None,
    ) -> BatchAnalysis:
        """Review several pieces in as few requests as ``max_request_tokens`` allows, side by side.

        Args:
            pieces: what to review.
            on_piece: is called with a piece's place in ``pieces`` as soon as its analysis is there, on the
                event loop.
            on_finding: the same for each finding as soon as it is complete, while the answer is still being
                written: it is streamed then. All findings are in the piece's analysis again, unless the
                stream breaks; then the piece fails, and is not asked about again. Not called where findings
                are verified, nor where ``config.review`` is ``rewrite``.
            on_failure: is called with the place of each piece that gets no answer, and why. ``lasting`` tells
                whether it would get none again.
            urgency: who goes first when limits hold requests back.
            verify: have findings checked by a second question where ``config.verify`` is ``on-demand``.
                Then a piece with findings comes to ``on_piece`` when these are checked.
            known: what was found in some of the pieces before, by place; only the checking is missing.

        Raises:
            OpenAIError: a piece failed; the first failure. All others were asked to the end, and what came of
                them went to ``on_piece``; the error's ``usage`` is that of the whole call.
        """
        checks = self.config.verify == "on" or (verify and self.config.verify == "on-demand")
        call = Call(Tally(model=self.config.model), urgency or Urgency(), verify=checks)
        tally, landing = call.tally, Landing(on_piece, on_finding, on_failure, holds=checks)
        await self._look_for_keys()
        jobs, refused = await self._connection.turns.in_thread(self._jobs, pieces)
        for index, why in refused.items():
            landing.fail([index], _not_sent(why))
        for index, analysis in (known or {}).items():
            landing.land(index, analysis)
        missing = [job for job in jobs if not landing.has(job.index)]
        await side_by_side(await self._asked(missing, call, landing))
        verification = await verify_held(self._connection.verifying, jobs, landing, call)
        if landing.errors:
            error = landing.errors[0]
            error.usage, error.verification = tally.usage, verification
            raise error
        return BatchAnalysis(
            pieces=tuple(landing.analyses[index] for index in range(len(pieces))),
            usage=tally.usage,
            model=tally.model,
            request_id=tally.request_id,
            redactions=sum(job.shielded.secrets for job in jobs),
            verification=verification,
        )

    async def generate_suggestions(self, context: Context) -> list[Suggestion]:
        """Other ways to write ``context.span``, best first; only those whose edits all passed the gate."""
        try:
            await self._look_for_keys()
            return await assisting.suggest(self._connection, context, self._secrets, _explicit())
        except Refused as error:
            raise _not_sent(error) from error

    async def analyze_context(self, context: Context) -> ContextAnalysis:
        """What ``context.span`` does, relies on, and what would break it; plain text."""
        try:
            await self._look_for_keys()
            return await assisting.analyse(self._connection, context, self._secrets, _explicit())
        except Refused as error:
            raise _not_sent(error) from error

    async def batches(self) -> BatchClient:
        """Reviews at half the price, answered within a day; see ``BatchClient``. Sends nothing."""
        from kibitz.provider.batch import BatchClient  # noqa: PLC0415 - few need it

        await self._look_for_keys()
        connection = self._connection
        return BatchClient(
            connection.targets[0],
            connection.retrier,
            secrets=lambda: self._secrets,
            clock=connection.clock,
            purse=connection.purse,
        )

    async def probe(self) -> Probe:
        """Ask the smallest question, to see whether the endpoint answers, and in the schema."""
        # Here, because only this method needs it.
        from kibitz.findings.assist import parse_probe, probe  # noqa: PLC0415

        await self.warm()
        call, started = _explicit(), time.monotonic()
        understood = await self._connection.ask(question_of(probe()), decoded(parse_probe), call)
        tally = call.tally
        return Probe(
            model=tally.model,
            api=self._connection.dialect.api,
            format=self._connection.dialect.format,
            understood=understood,
            seconds=time.monotonic() - started,
            usage=tally.usage,
            request_id=tally.request_id,
        )

    async def _look_for_keys(self) -> None:
        """Know the keys before anything is sent, because the code may hold them."""
        for pool in self._connection.pools:
            await pool.look()

    @property
    def _secrets(self) -> tuple[str, ...]:
        """What is replaced in all that is sent, wherever it stands: keys first of all."""
        return (*self._environment, *(key for pool in self._connection.pools for key in pool.secrets()))

    def _jobs(self, pieces: Sequence[Piece]) -> tuple[list[Job], dict[int, Refused]]:
        """What may be sent of each piece, and which may not, by place. Takes CPU: for a thread."""
        jobs: list[Job] = []
        refused: dict[int, Refused] = {}
        secrets = self._secrets
        for index, piece in enumerate(pieces):
            try:
                text = shield(piece.text, piece.context, keys=secrets)
                guidance = shielded(piece.guidance, secrets)
            except Refused as error:
                security.note(Event.SEND_REFUSED, reason=error.reason)
                refused[index] = error
            else:
                if text.secrets:
                    security.note(Event.SECRET_REDACTED, places=text.secrets)
                jobs.append(Job(index, text, piece.language, piece.eol, guidance=guidance))
        return jobs, refused

    async def _asked(
        self, jobs: list[Job], call: Call, landing: Landing
    ) -> list[Coroutine[object, object, None]]:
        if self.config.review == "rewrite":
            return [ask_rewrite(self._connection, job, call, landing) for job in jobs]
        packed = await self._connection.turns.in_thread(packs, jobs, self.config.max_request_tokens)
        return [ask_list(self._connection, pack, call, landing) for pack in packed]


def _explicit() -> Call:
    """A call that somebody asked for, and waits for."""
    return Call(urgency=Urgency(Priority.EXPLICIT))


def _not_sent(why: Refused) -> APIError:
    return APIError(str(why), code=why.reason)
