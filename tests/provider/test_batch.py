from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from pydantic import SecretStr
from tests.provider.clients import CANARY, CODE, KEY_IN_CODE, client, config, planted
from tests.support import fake_faults

from kibitz.findings.guidance import Guidance
from kibitz.provider.batch import NO_BATCH
from kibitz.provider.batch_wire import Status, line_of
from kibitz.provider.client import OpenAIClient
from kibitz.provider.config import OpenAIConfig, RetryConfig
from kibitz.provider.errors import APIError, ConfigError, InvalidResponse, OpenAIError
from kibitz.provider.keys.fixed import FixedKeys
from kibitz.provider.keys.key import Key
from kibitz.provider.keys.pool import KeyPool
from kibitz.provider.models import Piece, Usage
from kibitz.provider.transport import HardenedTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.fake_batches import FakeBatches
    from tests.support.fake_provider import FakeProvider

    from kibitz.provider.batch import BatchClient
    from kibitz.provider.batch_requests import Answered
    from kibitz.provider.batch_wire import Batch, Result

PIECE = Piece(CODE, "python")
CLEAN = Piece("def twice(number):\n    return number * 2\n", "python")


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with planted() as provider:
        yield provider


def made(fake: FakeProvider) -> FakeBatches:
    assert fake.batches is not None
    return fake.batches


def retrying(fake: FakeProvider, **changes: Any) -> OpenAIClient:
    return client(fake, retry_config=RetryConfig(max_retries=2, initial_backoff_ms=0), **changes)


async def submitted(batches: BatchClient, *packs: list[Piece]) -> Batch:
    lines = []
    for number, pack in enumerate(packs):
        prepared = batches.requests().prepare(pack)
        assert prepared is not None
        lines.append(line_of(f"r{number}", batches.api, prepared.body))
    return await batches.create("tag1", await batches.upload("tag1", b"".join(lines)))


async def over(batches: BatchClient, batch: Batch) -> Batch:
    while not batch.status.is_over:
        found = await batches.get(batch.id)
        assert found is not None
        batch = found
    return batch


async def results(batches: BatchClient, batch: Batch) -> dict[str, Result]:
    files = [file for file in (batch.output_file, batch.error_file) if file]
    return {result.custom_id: result for file in files async for result in batches.results(file)}


async def answered(batches: BatchClient, *packs: list[Piece]) -> list[Answered]:
    batch = await over(batches, await submitted(batches, *packs))
    found = await results(batches, batch)
    return [batches.requests().read(found[f"r{number}"], pack) for number, pack in enumerate(packs)]


@pytest.mark.parametrize("api", ["responses", "chat"])
async def test_a_batch_from_the_file_to_the_findings(fake: FakeProvider, api: str) -> None:
    async with client(fake, api=api) as one:
        batches = await one.batches()
        first, second = await answered(batches, [PIECE, CLEAN], [CLEAN])
    (found,) = (first.analyses[0] or pytest.fail("nothing")).findings
    assert found.quote == "return sum(values) / len(value)"
    assert found.fix is not None
    assert [analysis and analysis.findings for analysis in (*first.analyses[1:], *second.analyses)] == [
        (),
        (),
    ]
    assert first.usage.requests == 1
    assert first.usage.input_tokens > 0
    assert first.problem == ""
    assert made(fake).calls == ["upload", "create", "get", "get", "content"]
    (batch,) = made(fake).made.values()
    assert batch.body["completion_window"] == "24h"
    assert batch.body["metadata"] == {"kibitz": "tag1"}
    assert batch.body["endpoint"] == {"responses": "/v1/responses", "chat": "/v1/chat/completions"}[api]
    for number, request in enumerate(made(fake).requests(batch)):
        assert request["custom_id"] == f"r{number}"
        assert request["url"] == batch.body["endpoint"]
        assert request["body"]["store"] is False


async def test_what_goes_out_is_what_a_question_sends(fake: FakeProvider) -> None:
    async with client(fake) as one:
        await submitted(await one.batches(), [PIECE])
        await one.process_pieces([PIECE])
    (batch,) = made(fake).made.values()
    assert made(fake).requests(batch)[0]["body"] == fake.requests[-1].body


async def test_secrets_stay_here_and_come_back_into_fixes(fake: FakeProvider) -> None:
    text = f'def mean(values):\n    return total("{KEY_IN_CODE}", values) / len(value)\n'
    async with client(fake) as one:
        (read,) = await answered(await one.batches(), [Piece(text, "python")])
    sent = b"".join(file.content for file in made(fake).files.values())
    assert KEY_IN_CODE.encode() not in sent
    assert CANARY.encode() not in sent
    (found,) = (read.analyses[0] or pytest.fail("nothing")).findings
    assert found.fix is not None
    assert KEY_IN_CODE in found.fix.new_text


async def test_the_key_itself_is_not_sent_though_the_code_holds_it(fake: FakeProvider) -> None:
    async with client(fake) as one:
        await submitted(await one.batches(), [Piece(f'KEY = "{CANARY}"\nuse(KEY)\n', "python")])
    (file,) = made(fake).files.values()
    assert b"use(KEY)" in file.content
    assert CANARY.encode() not in file.content


async def test_what_must_not_be_sent_is_left_out(fake: FakeProvider) -> None:
    secrets = "\n".join(f'key{n} = "AKIA{n:02d}3EGRIXJ5ZQ7WXY{chr(65 + n)}"' for n in range(25))
    async with client(fake) as one:
        prepared = (await one.batches()).requests().prepare([Piece(secrets, "python"), PIECE])
        assert prepared is not None
        assert prepared.pieces == (1,)
        assert (await one.batches()).requests().prepare([Piece(secrets, "python")]) is None


async def test_pieces_that_changed_meanwhile_leave_holes(fake: FakeProvider) -> None:
    other = Piece(CODE.replace("mean", "average"), "python")
    async with client(fake) as one:
        batches = await one.batches()
        batch = await over(batches, await submitted(batches, [PIECE, CLEAN, other]))
        found = (await results(batches, batch))["r0"]
        read = batches.requests().read(found, [2, CLEAN, other])
        assert read.analyses[0] is None
        assert [len(a.findings) for a in read.analyses[1:] if a] == [0, 1], "the same line stands in the hole"
        assert batches.requests().read(found, [2, CLEAN, 2]).analyses[2] is None


async def test_what_was_paid_is_shared_out_and_holes_have_their_share(fake: FakeProvider) -> None:
    async with client(fake) as one:
        batches = await one.batches()
        batch = await over(batches, await submitted(batches, [PIECE, CLEAN, PIECE]))
        (found,) = (await results(batches, batch)).values()
        whole = batches.requests().read(found, [PIECE, CLEAN, PIECE])
        rest = batches.requests().read(found, [2, CLEAN, PIECE])

    def paid(answered: Answered) -> Usage:
        return sum((each.paid for each in answered.analyses if each), start=Usage())

    assert paid(whole) == whole.usage
    assert 0 < paid(rest).input_tokens < rest.usage.input_tokens


async def test_what_is_not_answered_says_why(fake: FakeProvider) -> None:
    made(fake).unanswered = 1
    made(fake).ends = "expired"
    async with client(fake) as one:
        first, second = await answered(await one.batches(), [PIECE], [CLEAN])
        assert first.analyses
        assert (second.analyses, second.problem) == ((), "batch_expired")
        made(fake).ends = "completed"
        _, second = await answered(await one.batches(), [PIECE], [CLEAN])
        assert second.problem == "server_error"


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("no JSON", "malformed"),
        ('{"findings": 1}', "malformed"),
        ('{"findings": [], "findings": []}', "malformed"),
        ("", "empty"),
    ],
)
async def test_answers_that_cannot_be_used_are_problems(fake: FakeProvider, reply: str, problem: str) -> None:
    fake.answer = lambda _: reply
    async with client(fake) as one:
        (read,) = await answered(await one.batches(), [PIECE])
    assert (read.analyses, read.problem) == ((), problem)
    assert read.usage.requests == 1, "it was paid all the same"


async def test_lines_that_are_none_are_left_out(fake: FakeProvider) -> None:
    junk = [b"{", b"\xff\xfe", b'{"custom_id": 3}', b'{"custom_id": "../x"}', b"[" * 5000, b"x" * 5_000_000]
    made(fake).change = lambda lines: [*(line + b"\n" for line in junk), *lines, b"\n\n"]
    async with client(fake) as one:
        batches = await one.batches()
        batch = await over(batches, await submitted(batches, [PIECE]))
        found = [result.custom_id async for result in batches.results(batch.output_file)]
    assert found == ["r0"]


async def test_a_file_of_results_may_be_larger_than_an_answer(fake: FakeProvider) -> None:
    made(fake).change = lambda lines: [*lines, *([b'{"custom_id": "pad"}\n'] * 5000)]
    async with client(fake, max_response_bytes=4096) as one:
        batches = await one.batches()
        batch = await over(batches, await submitted(batches, [PIECE]))
        assert len(await results(batches, batch)) == 2


async def test_but_not_without_end(fake: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kibitz.provider.batch_sdk.MAX_RESULT_BYTES", 1000)
    made(fake).change = lambda lines: [*lines, b" " * 1_000_000]
    async with client(fake) as one:
        batches = await one.batches()
        batch = await over(batches, await submitted(batches, [PIECE]))
        with pytest.raises(InvalidResponse, match="larger than any should be"):
            await results(batches, batch)


async def test_results_that_are_cut_off_are_an_error_that_passes(fake: FakeProvider) -> None:
    made(fake).failing("content", fake_faults.truncated('{"custom_id": "r0"}\n{"cust'))
    async with client(fake) as one:
        batches = await one.batches()
        batch = await over(batches, await submitted(batches, [PIECE]))
        with pytest.raises(APIError, match="broke before the answer was complete") as caught:
            await results(batches, batch)
        assert caught.value.retryable
        assert len(await results(batches, batch)) == 1


async def test_an_endpoint_without_batches_says_so(fake: FakeProvider) -> None:
    fake.batches = None
    async with client(fake) as one:
        with pytest.raises(ConfigError, match="has no Batch API; leave out --batch") as caught:
            await (await one.batches()).upload("tag", b"{}\n")
    assert caught.value.code == NO_BATCH


async def test_rewriting_cannot_be_asked_for_in_batches(fake: FakeProvider) -> None:
    async with client(fake, review="rewrite") as one:
        with pytest.raises(ConfigError, match="set review to list"):
            (await one.batches()).check()


@pytest.mark.parametrize("call", ["upload", "create"])
async def test_a_refusal_does_not_repeat_the_file(fake: FakeProvider, call: str) -> None:
    made(fake).failing(call, fake_faults.status(400, "invalid_jsonl", message=f"line 1: {CODE}"))
    async with client(fake) as one:
        with pytest.raises(APIError, match=r"did not accept a batch \(status 400, invalid_jsonl\)") as caught:
            await submitted(await one.batches(), [PIECE])
    assert "mean" not in str(caught.value)


async def test_failures_that_pass_are_tried_again(fake: FakeProvider) -> None:
    for call in ("upload", "create", "get", "content"):
        made(fake).failing(call, fake_faults.status(503))
    async with retrying(fake) as one:
        batches = await one.batches()
        batch = await over(batches, await submitted(batches, [PIECE]))
        with pytest.raises(APIError):
            await results(batches, batch)
        assert len(await results(batches, batch)) == 1
    assert len(made(fake).made) == 1


async def test_an_answer_that_got_lost_makes_no_second_batch(fake: FakeProvider) -> None:
    made(fake).failing("create", fake_faults.reset(), after=True)
    async with retrying(fake) as one:
        batch = await submitted(await one.batches(), [PIECE])
    assert [*made(fake).made] == [batch.id]
    assert made(fake).calls == ["upload", "create", "list"]


async def test_a_batch_is_found_by_its_tag_on_any_page(fake: FakeProvider) -> None:
    made(fake).page = 2
    async with client(fake) as one:
        batches = await one.batches()
        file = await batches.upload("x", b"{}\n")
        for number in range(5):
            await batches.create(f"tag{number}", file)
        found = await batches.find("tag1")
        assert found is not None
        assert (found.id, found.tag) == ("batch_2", "tag1")
        assert await batches.find("tag9") is None
        assert await batches.find_file("x") == file
        assert await batches.find_file("y") == ""


async def test_files_are_deleted_and_gone_is_as_good(fake: FakeProvider) -> None:
    async with client(fake) as one:
        batches = await one.batches()
        batch = await over(batches, await submitted(batches, [PIECE]))
        assert len(batch.files) == 2
        assert await batches.discard([*batch.files, "file-unknown"])
        assert made(fake).files == {}
        assert [result async for result in batches.results(batch.output_file)] == []
        made(fake).failing("delete", fake_faults.status(500))
        assert not await batches.discard(["file-1"])


async def test_a_batch_can_be_stopped(fake: FakeProvider) -> None:
    async with client(fake) as one:
        batches = await one.batches()
        batch = await submitted(batches, [PIECE])
        assert (await batches.cancel(batch.id)).status is Status.CANCELLING
        batch = await over(batches, batch)
        assert batch.status is Status.CANCELLED


async def test_a_batch_that_nobody_knows_is_none(fake: FakeProvider) -> None:
    async with client(fake) as one:
        assert await (await one.batches()).get("batch_unknown") is None


async def test_the_provider_says_when_to_look_again(fake: FakeProvider) -> None:
    made(fake).headers = {"retry-after": "77"}
    async with client(fake) as one:
        batches = await one.batches()
        batch = await batches.get((await submitted(batches, [PIECE])).id)
    assert batch is not None
    assert batch.retry_after == 77


async def test_a_failed_batch_tells_codes_only(fake: FakeProvider) -> None:
    made(fake).ends = "failed"
    made(fake).errors = ["token_limit_exceeded", "<script>"]
    async with client(fake) as one:
        batch = await over(await one.batches(), await submitted(await one.batches(), [PIECE]))
    assert batch.status is Status.FAILED
    assert batch.errors == ("token_limit_exceeded",)


async def test_every_call_is_signed_and_nothing_else_is_sent_along(fake: FakeProvider) -> None:
    fake.key = CANARY
    async with client(fake) as one:
        batches = await one.batches()
        await over(batches, await submitted(batches, [PIECE]))
    fake.key = "another"
    async with client(fake) as one:
        with pytest.raises(ConfigError, match="does not accept the API key"):
            await (await one.batches()).get("batch_1")


async def test_the_next_key_is_tried_when_one_is_refused(fake: FakeProvider) -> None:
    fake.key = CANARY
    keys = FixedKeys((Key("sk-refused-0123456789", "here"), Key(CANARY, "there")))
    async with OpenAIClient(config(fake, api_key=None), keys=KeyPool(keys)) as one:
        batches = await one.batches()
        batch = await over(batches, await submitted(batches, [PIECE]))
        assert len(await results(batches, batch)) == 1
        assert await batches.discard(batch.files)
    assert made(fake).files == {}


async def test_a_redirect_is_refused(fake: FakeProvider) -> None:
    made(fake).failing("content", fake_faults.redirect("http://127.0.0.1:9/"))
    async with client(fake) as one:
        batches = await one.batches()
        batch = await over(batches, await submitted(batches, [PIECE]))
        with pytest.raises(OpenAIError, match="redirects to another address"):
            await results(batches, batch)


async def test_openai_deletes_what_nobody_comes_back_for() -> None:
    bodies: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        bodies.append(request.read())
        return httpx2.Response(200, json={"id": "file-1", "status": "validating"})

    async with OpenAIClient(OpenAIConfig(api_key=SecretStr(CANARY))) as one:
        sdk = await one._connection.targets[0].link.sdk()
        transport = sdk._http._transport
        assert isinstance(transport, HardenedTransport)
        transport._inner = httpx2.MockTransport(answer)
        batches = await one.batches()
        await batches.create("tag", await batches.upload("tag", b"{}"))
    upload, create = bodies
    assert b'name="expires_after[seconds]"\r\n\r\n259200' in upload
    assert b'name="expires_after[anchor]"\r\n\r\ncreated_at' in upload
    assert json.loads(create)["output_expires_after"] == {"anchor": "created_at", "seconds": 2_592_000}
    assert json.loads(create)["endpoint"] == "/v1/responses"


async def test_the_price_is_half() -> None:
    async with OpenAIClient(OpenAIConfig(api_key=SecretStr(CANARY), model="gpt-6-luna")) as one:
        usage = Usage(requests=1, input_tokens=100_000, output_tokens=10_000)
        assert (await one.batches()).cost(usage).cost_usd == Decimal("0.0075")


async def test_a_batch_asks_by_what_the_project_adds(fake: FakeProvider) -> None:
    guidance = Guidance("### Project\n=| about it", (("project/a", None),))
    async with client(fake) as tested:
        requests = (await tested.batches()).requests()
    asked = requests.prepare([replace(PIECE, guidance=guidance), replace(CLEAN, guidance=guidance)])
    assert asked is not None
    sent = json.dumps(asked.body)
    assert sent.count("=| about it") == 1
    assert "project/a" in sent
