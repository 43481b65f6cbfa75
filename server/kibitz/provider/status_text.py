"""What the engine is doing and what it cost, in sentences: for the editor, the doctor and the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.provider.breaker import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kibitz.provider.breaker import BreakerStatus
    from kibitz.provider.fallback import Step
    from kibitz.provider.limits.gate import GateStatus
    from kibitz.provider.status import EngineStatus, LaneStatus, TargetStatus
    from kibitz.telemetry.counts import Counts

STEPS_SHOWN = 5


def engine_lines(status: EngineStatus, *, with_keys: bool = True) -> tuple[str, ...]:
    """Who is asked and why, what holds requests back, the keys by fingerprint, and the last steps.

    Each line is a sentence without its full stop. No key, no source code.
    """
    lines: list[str] = []
    for place, target in enumerate(status.targets):
        lines.extend(_target(target, is_first=place == 0, used=target.name == status.using))
    if with_keys:
        lines.extend(key_lines(status))
    lines.extend(f"lately: {_step(step)}" for step in status.steps[-STEPS_SHOWN:])
    return tuple(lines)


def key_lines(status: EngineStatus) -> tuple[str, ...]:
    """The keys by fingerprint and place, each once, and what is wrong at their places."""
    lines = [line for target in status.targets for line in _keys(target)]
    return tuple(dict.fromkeys(lines))


def counts_line(name: str, counts: Counts) -> str:
    """Such as ``today: 12 requests (1 failed), 3400 tokens in (1200 cached), 560 out, $0.0123``."""
    failed = f" ({counts.failed} failed)" if counts.failed else ""
    cached = f" ({counts.cached_tokens} cached)" if counts.cached_tokens else ""
    reasoning = f" ({counts.reasoning_tokens} of them thoughts)" if counts.reasoning_tokens else ""
    cost = f", ${counts.cost_usd:.4f}" if counts.cost_usd else ""
    unpriced = f"; {_many(counts.unpriced, 'request')} without a known price" if counts.unpriced else ""
    return (
        f"{name}: {_many(counts.requests, 'request')}{failed}, {counts.input_tokens} tokens in{cached}, "
        f"{counts.output_tokens} out{reasoning}{cost}{unpriced}"
    )


def _target(target: TargetStatus, *, is_first: bool, used: bool) -> Iterator[str]:
    role = "asks" if is_first else "falls back to"
    state = "; not asked now: " + target.down if target.down else "; in use" if used and not is_first else ""
    yield f"{role} {target.name}{state}"
    for lane in target.lanes:
        yield from _lane(lane, several=len(target.lanes) > 1)


def _keys(target: TargetStatus) -> Iterator[str]:
    for key in target.keys:
        why = f" ({key.why})" if key.why else ""
        yield f"key {key.id} from {key.place}: {key.state.value}{why}"
    if target.problem:
        yield f"trouble with keys: {target.problem}"


def _lane(lane: LaneStatus, *, several: bool) -> Iterator[str]:
    whose = f"with key {lane.key_id}: " if several else ""
    yield whose + _gate(lane.gate)
    if lane.breaker.state is not State.CLOSED:
        yield whose + _breaker(lane.breaker)


def _gate(gate: GateStatus) -> str:
    paused = f"; paused for {gate.paused_for:.0f} s" if gate.paused_for > 0 else ""
    return (
        f"limits: {gate.requests_per_minute:.0f} requests and {gate.tokens_per_minute:.0f} tokens a minute, "
        f"{gate.concurrency} at a time; {gate.in_flight} under way, {gate.queued} waiting{paused}"
    )


def _breaker(breaker: BreakerStatus) -> str:
    when = f"in {breaker.probe_in:.0f} s" if breaker.state is State.OPEN else "now"
    return (
        f"left alone: {breaker.failures} of the last {breaker.outcomes} requests failed; "
        f"one request tries again {when}"
    )


def _step(step: Step) -> str:
    where = step.after if step.before == step.after else f"{step.before} to {step.after}"
    return f"{step.kind.value}, {where} ({step.why})"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
