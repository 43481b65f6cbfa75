"""The client is safe by itself: what stays here, and what is not shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.provider.clients import BUG, CANARY, CODE, KEY_IN_CODE, client, mended, planted
from tests.support.fake_provider import Bug, FakeProvider, Prompt, reviewer

from kibitz.provider.errors import APIError

SECRET_CODE = (
    f'KEY = "{KEY_IN_CODE}"\n\n\ndef mean(values):\n    return sum(values) / len(value), "{KEY_IN_CODE}"\n'
)


async def test_secrets_stay_here_and_fixes_around_them_still_work() -> None:
    async with planted() as fake, client(fake) as tested:
        analysis = await tested.process_code(SECRET_CODE, context=f"# {KEY_IN_CODE} {CANARY}")
        sent = json.dumps(fake.requests[0].body)
    assert KEY_IN_CODE not in sent
    assert CANARY not in sent
    assert analysis.redactions == 4
    (finding,) = analysis.findings
    assert finding.quote == finding.span.of(SECRET_CODE)
    assert mended(SECRET_CODE, finding) == SECRET_CODE.replace("len(value)", "len(values)")


async def test_a_fix_that_would_move_a_secret_is_dropped() -> None:
    def answer(prompt: Prompt) -> Any:
        tag = prompt.lines[0][1].split('"')[1]
        claim = json.loads(reviewer(BUG)(prompt).content)["findings"][0]
        return {"findings": [{**claim, "quote": "def mean(values):", "replacement": f'def mean(x="{tag}"):'}]}

    code = f'KEY = "{KEY_IN_CODE}"\n\n\ndef mean(values):\n    return len(value)\n'
    async with FakeProvider(answer) as fake, client(fake) as tested:
        analysis = await tested.process_code(code)
    assert analysis.findings[0].fix is None
    assert analysis.dropped == {"fix-touches-secret": 1}


async def test_a_file_of_secrets_is_not_sent_at_all() -> None:
    code = "\n".join(f'KEY_{i} = "AKIAQ3EGRIXJ5ZQ7WX{i}A"' for i in range(22, 52))
    async with planted() as fake, client(fake) as tested:
        with pytest.raises(APIError, match="secret"):
            await tested.process_code(code)
        assert fake.requests == []


async def test_hostile_text_is_made_plain() -> None:
    evil = Bug(
        "len(value)",
        "len(values)",
        title="<b>Look</b> [here](https://evil.example/x)\u202e",
        trigger="![x](http://evil.example/?q=1) command:run",
    )
    async with FakeProvider(reviewer(evil)) as fake, client(fake) as tested:
        (finding,) = (await tested.process_code(CODE)).findings
    for text in (finding.title, finding.trigger):
        assert not [bad for bad in ("](", "<", "http", "command:r", "\u202e") if bad in text]
