from __future__ import annotations

from kibitz.lsp.notices import Notices
from kibitz.provider.errors import APIError, Timeout


def test_one_message_for_each_kind_of_failure_until_things_work() -> None:
    shown: list[str] = []
    notices = Notices(shown.append)
    notices.failure(APIError("the provider is down"))
    notices.failure(APIError("the provider is down again"))
    notices.failure(Timeout("no answer", after_ms=5))
    notices.once("setup", "no key")
    notices.settle()
    notices.failure(APIError("down once more"))
    notices.once("setup", "no key")
    assert shown == [
        "kibitz: API error: the provider is down",
        "kibitz: request timeout: no answer",
        "kibitz: no key",
        "kibitz: API error: down once more",
    ]
