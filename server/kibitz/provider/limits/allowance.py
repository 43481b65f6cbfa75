"""What one key may ask of one provider: requests and tokens, as configured and as the provider counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kibitz.provider.limits.mirror import MINUTE, Mirror, bucket_of
from kibitz.provider.limits.quota import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.provider.limits.headers import Observed
    from kibitz.provider.limits.mirror import Mark


class Taken(NamedTuple):
    """One request that was let go, as both of the provider's limits saw it leave."""

    at_most: float
    request: Mark
    tokens: Mark


class Allowance:
    """Four buckets of which a request takes at once, or not at all. ``clock`` is the event loop's."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._requests = bucket_of(limits.requests_per_minute)
        self._tokens = bucket_of(limits.tokens_per_minute)
        self._provider_requests = Mirror(limits.requests_per_minute, clock)
        self._provider_tokens = Mirror(limits.tokens_per_minute, clock)

    @property
    def limits(self) -> Limits:
        """The configured ones, or the provider's where they are lower."""
        return Limits(
            min(self._limits.requests_per_minute, self._provider_requests.per_minute),
            min(self._limits.tokens_per_minute, self._provider_tokens.per_minute),
        )

    @property
    def told(self) -> bool:
        """Whether the provider tells, or still may tell, how many tokens are left."""
        return not self._provider_tokens.silent

    def wait_for(self, tokens: float, at_most: float) -> float:
        """Seconds until a request may go: of ``tokens`` by our count, ``at_most`` by the provider's."""
        return max(
            self._requests.wait_for(1),
            self._tokens.wait_for(tokens),
            self._provider_requests.wait_for(1),
            self._provider_tokens.wait_for(at_most),
        )

    def take(self, tokens: float, at_most: float) -> Taken:
        """Let a request go; what is not there becomes a debt."""
        self._requests.charge(1)
        self._tokens.charge(tokens)
        return Taken(at_most, self._provider_requests.sent(1), self._provider_tokens.sent(at_most))

    def settle(self, difference: float) -> None:
        """Charge that many more tokens, or give them back if negative."""
        if difference > 0:
            self._tokens.charge(difference)
        else:
            self._tokens.give_back(-difference)

    def unsent(self, taken: Taken) -> None:
        """Give back all but the tokens, which ``settle`` does, of a request that never left."""
        self._requests.give_back(1)
        self._provider_requests.unsent(1)
        self._provider_tokens.unsent(taken.at_most)

    def learn(self, taken: Taken, seen: Observed) -> None:
        """Take in what the answer to that request says."""
        self._provider_requests.told(
            taken.request, seen.limit_requests, seen.remaining_requests, seen.reset_requests
        )
        self._provider_tokens.told(taken.tokens, seen.limit_tokens, seen.remaining_tokens, seen.reset_tokens)

    def used(self, taken: Taken, seen: Observed) -> float:
        """How many tokens everyone with this key has in use at the least, by the answer to that request."""
        if seen.limit_tokens is None or seen.remaining_tokens is None:
            return 0.0
        come_back = (self._clock() - taken.tokens.at) * seen.limit_tokens / MINUTE
        return max(0.0, self.limits.tokens_per_minute - seen.remaining_tokens - come_back)

    def answered(self) -> None:
        """Note that the provider answered, whatever it told."""
        self._provider_requests.answered()
        self._provider_tokens.answered()
