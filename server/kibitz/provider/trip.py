"""One question, asked until it is answered.

Its way, from the outside in:

1. ``Trip.answer`` goes down the ladder of targets (the model, the fallback model, the fallback endpoint)
   while another one can help;
2. the retrier repeats what may pass by itself;
3. ``Trip._with_any_key`` takes the next key at once where that can help;
4. ``Trip._sent`` waits for the key's limits and its breaker, sends, and settles what it took.

The call's deadline holds over all of it. Waiting for our own limits does not count.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from kibitz.provider import fallback, wire
from kibitz.provider.errors import APIError, InvalidResponse, OpenAIError, RateLimitExceeded, Timeout
from kibitz.provider.fallback import Kind, Step
from kibitz.provider.keys.consent import ConsentNeeded
from kibitz.provider.lanes import NO_KEY
from kibitz.provider.limits.headers import observed
from kibitz.provider.limits.priority import Priority
from kibitz.provider.meter import metered
from kibitz.provider.models import Usage
from kibitz.provider.retry import Budget
from kibitz.provider.sending import (
    Sending,
    estimated,
    expected_of,
    outcome_of,
    planned,
    priced,
    unanswered,
)
from kibitz.provider.tokens import counted
from kibitz.telemetry import access, security
from kibitz.telemetry.security import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kibitz.provider.call import Call, Listener
    from kibitz.provider.connection import Connection
    from kibitz.provider.keys.key import Key
    from kibitz.provider.limits.permit import Permit
    from kibitz.provider.purse import Hold
    from kibitz.provider.sdk import Reply
    from kibitz.provider.target import Target
    from kibitz.telemetry.access import Attempt

T = TypeVar("T")
_DEFAULT_PAUSE = 1.0
"""Seconds that everyone waits when a provider wants fewer requests and does not say for how long."""
_SHARE_OF_TIME = 2 / 3
"""Of the time that is left, for a target that is not the last one."""
_NOT_SENT = frozenset({"unreachable", "certificate", "tls"})
"""Codes of failures before anything was written."""
_BROKEN_ANSWERS = frozenset({"malformed", "empty"})


class _KeyReplacedError(Exception):
    """The key was replaced or refused while the request waited for its turn. Nothing was sent."""


@dataclass(slots=True)
class Trip(Generic[T]):
    """One question on its way; see the module."""

    connection: Connection
    question: wire.Question
    parse: Callable[[wire.Answer], T]
    call: Call
    listener: Listener | None
    since: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    """The loop's time at which it set out: whatever it has to wait for again, it keeps its place."""
    sent: int = 0
    """How many requests went out for it."""
    whole: Attempt | None = None
    """The request that brought the last answer, until that is read."""

    async def answer(self) -> T:
        """Ask down the ladder. The first target's error is raised: that is the one to mend."""
        connection = self.connection
        budget = Budget(connection.config.timeout_ms / 1000, connection.clock)
        failures: list[OpenAIError] = []
        for place, target in enumerate(connection.targets):
            if failures and not self._helps(target, failures[-1]):
                continue
            is_last = place == len(connection.targets) - 1
            try:
                result = await self._asked(target, budget if is_last else budget.part(_SHARE_OF_TIME))
            except OpenAIError as error:
                failures.append(error)
                self._learn(target, error)
                if self._shown:
                    break
                continue
            self._switch(target, failures)
            return result
        raise failures[0]

    @property
    def _heard(self) -> int:
        """Tokens of the answer so far, by estimate."""
        return self.listener.heard if self.listener is not None else 0

    @property
    def _shown(self) -> bool:
        return self.listener is not None and self.listener.shown

    def _helps(self, target: Target, error: OpenAIError) -> bool:
        remedies = fallback.remedies(error)
        first = self.connection.targets[0]
        if target.config.endpoint.origin == first.config.endpoint.origin:
            return remedies.model
        return remedies.endpoint

    def _learn(self, target: Target, error: OpenAIError) -> None:
        if error.code != fallback.MODEL_MISSING or target.missing:
            return
        target.is_missing()
        others = self.connection.targets[self.connection.targets.index(target) + 1 :]
        instead = others[0].name if others else "nobody"
        message = error.message
        if others:
            message += f"; until then {instead} is asked"
        self.connection.note(Step(Kind.MODEL_MISSING, fallback.why(error), target.name, instead, message))

    def _switch(self, target: Target, failures: list[OpenAIError]) -> None:
        """Note who answers now, if that is somebody else than before."""
        before, self.connection.using = self.connection.using, target
        if before is target:
            return
        first = self.connection.targets[0]
        if target is first:
            kind, why = Kind.RECOVERED, "it answers again"
        else:
            away = target.config.endpoint.origin != first.config.endpoint.origin
            kind = Kind.FALLBACK_ENDPOINT if away else Kind.FALLBACK_MODEL
            why = fallback.why(failures[-1]) if failures else "it answered"
        self.connection.note(Step(kind, why, before.name, target.name))

    async def _asked(self, target: Target, budget: Budget) -> T:
        """Ask one target, with retries."""
        target.check()
        question = self.question

        async def attempt() -> T:
            nonlocal question
            try:
                answer = await self._with_any_key(target, question, budget)
            except InvalidResponse as error:
                longer = _with_more_room(question, error)
                if longer is None or self._shown:
                    raise
                question = longer
                answer = await self._with_any_key(target, question, budget)
            first = target is self.connection.targets[0]
            try:
                result = self.parse(answer if first else replace(answer, instead=target.name))
            except OpenAIError as error:
                self._note_answered(error)
                raise
            self._note_answered()
            return result

        def on_retry(error: OpenAIError, wait: float) -> None:
            if self.connection.observer is not None:
                self.connection.observer.retrying(error, wait=wait)

        return await self.connection.retrier(attempt, budget, on_retry, final=lambda: self._shown)

    async def _with_any_key(self, target: Target, question: wire.Question, budget: Budget) -> wire.Answer:
        """One attempt; where a key is the trouble, the next one has its turn at once."""
        tried: set[str] = set()
        while True:
            key = await self._key(target, tried)
            try:
                return await self._in_any_dialect(target, key, question, budget)
            except _KeyReplacedError:
                continue
            except OpenAIError as error:
                if key is None or self._shown or not await self._next_key(target, key, error, tried):
                    raise

    async def _key(self, target: Target, tried: set[str]) -> Key | None:
        try:
            return await target.key(tried)
        except ConsentNeeded as error:
            # Another target may answer in its place; its owner is to be asked all the same.
            security.note(Event.KEY_WITHHELD, origin=error.origin)
            if self.connection.observer is not None:
                self.connection.observer.unconsented(error)
            raise

    async def _next_key(self, target: Target, key: Key, error: OpenAIError, tried: set[str]) -> bool:
        """Note what is wrong with a key; whether another one is worth an attempt now."""
        if not fallback.remedies(error).key or key.id in tried:
            return False
        tried.add(key.id)
        if error.status == 401:  # noqa: PLR2004 - HTTP's number for a key that is not accepted
            security.note(Event.KEY_REFUSED, origin=target.config.endpoint.address, key=key.id)
            found = await target.keys.rejected(key)
        else:
            if (
                isinstance(error, RateLimitExceeded)
                and not error.retryable
                and error.code != fallback.TOO_LARGE
            ):
                security.note(Event.KEY_EXHAUSTED, origin=target.config.endpoint.address, key=key.id)
                target.keys.exhausted(key)
            found = target.others(tried)
        if found:
            why = fallback.why(error)
            self.connection.note(Step(Kind.NEXT_KEY, why, f"key {key.id} for {target.name}", "another key"))
        return found

    async def _in_any_dialect(
        self, target: Target, key: Key | None, question: wire.Question, budget: Budget
    ) -> wire.Answer:
        """The same, simpler, if the endpoint does not know a field of the request."""
        await target.link.sdk()
        from kibitz.provider.translate import FieldRefused  # noqa: PLC0415 - loaded with the SDK by now

        while True:
            dialect = target.dialect
            try:
                return await self._sent(target, key, question, dialect, budget)
            except FieldRefused as refused:
                if refused.field in self.connection.config.model_fields_set:
                    raise
                # Others may have learned the same meanwhile: then their dialect is the next to try.
                if target.dialect == dialect:
                    simpler = dialect.after_refusal(refused.field)
                    if simpler is None:
                        raise
                    target.dialect = simpler

    async def _sent(
        self,
        target: Target,
        key: Key | None,
        question: wire.Question,
        dialect: wire.Dialect,
        budget: Budget,
    ) -> wire.Answer:
        """Wait for the limits, send, and settle."""
        lane = target.lane(key.id if key is not None else NO_KEY)
        if not lane.breaker.admits:
            raise target.breaker_open(lane)
        await self.connection.turns.turn()
        body = wire.body_of(question, target.config, dialect, stream=self.listener is not None)
        expected = expected_of(self.connection.calibration, target, question, body)
        most = max(expected.input, counted(body))
        observer, queued = self.connection.observer, self.connection.clock()
        async with lane.gate.admit(
            expected.tokens,
            urgency=self.call.urgency,
            longest_pause=budget.left,
            at_most=most + expected.bound,
            since=self.since,
        ) as permit:
            if key is not None and not await target.keys.still_works(key):
                permit.unused()
                raise _KeyReplacedError
            hold = await self._held(target, key, question, permit, estimated(target, most, expected.bound))
            leave = lane.breaker.enter()
            if leave is None:
                permit.unused()
                if hold is not None:
                    hold.unused()
                raise target.breaker_open(lane)
            self.sent += 1
            with metered(self.connection.clock) as meter:
                sending = Sending(
                    *(target, key, lane, permit, expected, self.connection.clock(), meter),
                    purpose=question.purpose,
                    hold=hold,
                )
                if observer is not None:
                    observer.admitted(model=target.config.model, waited=sending.started - queued)
                try:
                    answer = await self._answered(sending, question, dialect, body, budget)
                except OpenAIError as error:
                    leave.failed() if _speaks_against(error) else leave.succeeded()
                    self._failed(error, sending)
                    raise
                except BaseException:
                    leave.given_up()
                    sending.settle(estimated(target, expected.input, self._heard))
                    self._note(self._over(sending, "cancelled"))
                    raise
            leave.succeeded()
            sending.settle(sending.used)
            self.whole = self._over(sending, "answered")
            return answer

    async def _held(
        self, target: Target, key: Key | None, question: wire.Question, permit: Permit, most: Usage
    ) -> Hold | None:
        """Hold what the request may take of the budget."""
        purse = self.connection.purse
        if purse is None:
            return None
        is_asked = self.call.urgency.priority is Priority.EXPLICIT
        try:
            return await purse.hold(
                planned(target, key, question, most, is_retry=self.sent > 0, is_asked=is_asked)
            )
        except BaseException:
            permit.unused()
            raise

    async def _answered(
        self,
        sending: Sending,
        question: wire.Question,
        dialect: wire.Dialect,
        body: dict[str, object],
        budget: Budget,
    ) -> wire.Answer:
        """Send, read what comes, and account for it."""
        try:
            reply = await self._posted(sending, question, dialect, body, budget)
        except BaseException as error:
            # It was read, perhaps, but not answered to the end. An editor cancels often, too; what was not
            # written yet must not block what comes next.
            heard = self._heard
            if isinstance(error, OpenAIError) and error.code in _NOT_SENT:
                sending.permit.unused()
            else:
                sending.permit.settle(sending.expected.input + heard)
            if isinstance(error, OpenAIError):
                # What was written is paid for, and nobody says how much that is.
                sending.lost = Usage(requests=1) if heard else unanswered(sending.target)
                self.call.tally.usage += sending.lost
            raise
        if sending.key is not None:
            sending.target.keys.worked(sending.key)
        sending.lane.gate.succeeded()
        answer = wire.read(dialect, reply.data, raw=question.raw)
        self._account(answer, reply, question, sending)
        if answer.problem is not None:
            answer.problem.request_id = reply.request_id
            raise answer.problem
        return answer

    async def _posted(
        self,
        sending: Sending,
        question: wire.Question,
        dialect: wire.Dialect,
        body: dict[str, object],
        budget: Budget,
    ) -> Reply:
        from kibitz.provider.translate import timed_out  # noqa: PLC0415 - loaded with the SDK by now

        def on_headers(headers: Mapping[str, str]) -> None:
            sending.permit.learn(observed(headers))

        target = sending.target
        sdk = await target.link.sdk()
        sent = "\n".join(message.content for message in question.messages)
        listener, key = self.listener, sending.key
        if listener is None or "stream" not in body:
            api = "completions" if question.raw else dialect.api
            asking = sdk.post(api, body, sent, key=key, on_headers=on_headers)
        else:
            listener.begin()
            sending.meter.streams = True
            asking = sdk.stream(dialect.api, body, sent, key=key, on_headers=on_headers, listener=listener)
        try:
            with budget.spending() as seconds:
                async with asyncio.timeout(seconds):
                    return await asking
        except TimeoutError as error:
            raise timed_out(target.config, seconds) from error

    def _account(self, answer: wire.Answer, reply: Reply, question: wire.Question, sending: Sending) -> None:
        """Settle what the answer took, learn from it, and tell."""
        used = priced(sending.target, answer)
        tally, model = self.call.tally, sending.target.config.model
        if answer.usage is not None:
            sending.permit.settle(used.input_tokens + used.output_tokens)
            calibration = self.connection.calibration
            raw = sending.expected.raw
            calibration.learn_input(model, question.language, raw, used.input_tokens)
            calibration.learn_output(model, question.schema_name, used.output_tokens)
        tally.usage += used
        tally.answer = used
        tally.model = answer.model or model
        tally.request_id = reply.request_id
        sending.used, sending.request_id = used, reply.request_id
        if self.connection.observer is not None:
            self.connection.observer.answered(
                model=tally.model,
                seconds=self.connection.clock() - sending.started,
                usage=used,
                request_id=reply.request_id,
            )

    def _over(self, sending: Sending, outcome: str) -> Attempt:
        seconds = self.connection.clock() - sending.started
        return sending.attempt(outcome, self.sent, seconds, self.call.redactions)

    def _note(self, attempt: Attempt, error: OpenAIError | None = None) -> None:
        access.note(attempt)
        if self.connection.observer is not None:
            self.connection.observer.over(attempt, error)

    def _note_answered(self, error: OpenAIError | None = None) -> None:
        """The answer was read, or cannot be."""
        whole, self.whole = self.whole, None
        if whole is not None:
            outcome = whole.outcome if error is None else outcome_of(error)
            self._note(replace(whole, outcome=outcome, dropped=self.call.dropped), error)

    def _failed(self, error: OpenAIError, sending: Sending) -> None:
        sending.request_id = sending.request_id or error.request_id
        sending.settle(sending.used or sending.lost, error)
        self._note(self._over(sending, outcome_of(error)), error)
        if isinstance(error, RateLimitExceeded) and error.retryable:
            sending.lane.gate.throttled()
            sending.lane.gate.pause(error.retry_after or _DEFAULT_PAUSE)
        if self.connection.observer is not None:
            self.connection.observer.failed(
                error,
                model=sending.target.config.model,
                seconds=self.connection.clock() - sending.started,
                usage=sending.lost,
            )


def _speaks_against(error: OpenAIError) -> bool:
    """Whether an error says that the other side does not work, and not only that it disliked a request."""
    if isinstance(error, InvalidResponse):
        return error.code in _BROKEN_ANSWERS
    return isinstance(error, Timeout) or (
        isinstance(error, APIError) and (error.retryable or error.code in {"certificate", "tls"})
    )


def _with_more_room(question: wire.Question, error: InvalidResponse) -> wire.Question | None:
    """The question with all the room that the configuration gives, if it was cut off with less."""
    if error.code != "length" or question.schema is None or question.max_output_tokens is None:
        return None
    return replace(question, max_output_tokens=None)
