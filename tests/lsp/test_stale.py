from __future__ import annotations

import pytest

from kibitz.lsp.stale import reason
from kibitz.provider.errors import APIError, ConfigError, InvalidResponse, RateLimitExceeded, Timeout


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Timeout("…", after_ms=1), "no answer in time"),
        (RateLimitExceeded("…", retryable=True), "rate limit reached"),
        (RateLimitExceeded("…", code="insufficient_quota"), "no credit left"),
        (InvalidResponse("…"), "answer was unusable"),
        (InvalidResponse("…", code="refusal"), "model refused it"),
        (ConfigError("…"), "settings need you"),
        (ConfigError("…", status=401, code="odd"), "key not accepted"),
        (ConfigError("…", status=404, code="model_not_found"), "model not found"),
        (ConfigError("…", code="consent"), "key not allowed"),
        (APIError("…", status=503), "provider is failing"),
        (APIError("…", code="unreachable"), "provider not reachable"),
        (APIError("the provider says: sk-secret"), "request was refused"),
        (KeyError("secret = 1"), "kibitz itself failed"),
    ],
)
def test_every_failure_has_a_few_words_of_our_own(error: Exception, words: str) -> None:
    assert reason(error) == words
    assert len(words.split()) <= 4
