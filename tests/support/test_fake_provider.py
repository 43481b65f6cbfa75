"""The fake is what the other tests stand on, so it is tested against the real SDK."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageFunctionToolCall
from tests.support import fake_faults
from tests.support.fake_provider import Bug, FakeProvider, Reply, reviewer

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "rule": {"type": "string", "enum": ["logic.operator"]},
                    "start_line": {"type": "integer"},
                    "quote": {"type": "string"},
                    "replacement": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
            },
        },
    },
}
CODE = "1\tdef sub(a, b):\n2\t    return a + b  # BUG: + => -\n3\t    len(value)"


def sdk(fake: FakeProvider) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="sk-test", base_url=fake.base_url, max_retries=0)


def got(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - the loopback address of our own server
        return json.load(answer)


async def test_finds_planted_bugs_in_both_apis() -> None:
    async with FakeProvider(reviewer(Bug("len(value)", "len(values)"))) as fake, sdk(fake) as client:
        chat = await client.chat.completions.create(
            model="fake-1",
            messages=[{"role": "user", "content": CODE}],
            response_format={"type": "json_schema", "json_schema": {"name": "f", "schema": SCHEMA}},
        )
        response = await client.responses.create(
            model="fake-1",
            input=CODE,
            text={"format": {"type": "json_schema", "name": "f", "schema": SCHEMA}},
        )
        findings = json.loads(chat.choices[0].message.content or "")["findings"]
        assert json.loads(response.output_text)["findings"] == findings
        assert [(f["start_line"], f["replacement"]) for f in findings] == [
            (2, "    return a - b"),
            (3, "    len(values)"),
        ]
        assert chat.usage is not None
        assert chat.usage.prompt_tokens > 0
        assert [seen.prompt.api for seen in fake.requests] == ["chat", "responses"]


async def test_calls_a_tool() -> None:
    async with FakeProvider() as fake, sdk(fake) as client:
        fake.push(Reply('{"found": 1}', finish="tool_calls", tool="report"))
        answer = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
        (choice,) = answer.choices
        (call,) = choice.message.tool_calls or []
        assert isinstance(call, ChatCompletionMessageFunctionToolCall)
        assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
        assert (call.function.name, call.function.arguments) == ("report", '{"found": 1}')


async def test_streams_in_both_apis() -> None:
    async with FakeProvider() as fake, sdk(fake) as client:
        fake.push("a fairly long answer in several chunks", "another one")
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}], stream=True
        )
        parts = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        assert "".join(parts) == "a fairly long answer in several chunks"
        async with client.responses.stream(model="m", input="x") as events:
            assert (await events.get_final_response()).output_text == "another one"


async def test_rewrites_the_last_block_without_a_schema() -> None:
    async with FakeProvider() as fake, sdk(fake) as client:
        chat = await client.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": "Fix:\n```python\nx = 1  # BUG: 1 => 2\ny = 3\n```\n"}],
        )
        assert chat.choices[0].message.content == "```\nx = 2\ny = 3\n```"


async def test_notes_a_client_that_hangs_up() -> None:
    async with FakeProvider() as fake, sdk(fake) as client:
        fake.push(fake_faults.hang())
        call = asyncio.create_task(client.responses.create(model="m", input="x"))
        seen = await fake.seen()
        call.cancel()
        await fake.until(lambda: seen.disconnected)
        assert not seen.answered


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (fake_faults.status(429, retry_after=3), openai.RateLimitError),
        (fake_faults.echo_key(), openai.AuthenticationError),
        (fake_faults.reset(), openai.APIConnectionError),
        (fake_faults.garbage(), openai.APIConnectionError),
        (fake_faults.truncated(), openai.APIConnectionError),
        (fake_faults.html(502), openai.InternalServerError),
        (fake_faults.body("{nope"), json.JSONDecodeError),
    ],
)
async def test_faults_reach_the_sdk(fault: fake_faults.Fault, error: type[Exception]) -> None:
    async with FakeProvider() as fake, sdk(fake) as client:
        fake.push(fault)
        with pytest.raises(error):
            await client.responses.create(model="m", input="x")
        fake.push(Reply("fine again"))
        assert (await client.responses.create(model="m", input="x")).output_text == "fine again"


def test_serves_from_a_thread() -> None:
    with FakeProvider().in_thread() as fake:
        assert got(fake.base_url + "/models")["data"][0]["id"] == "fake-1"


def test_serves_from_a_process() -> None:
    command = [sys.executable, "-m", "tests.support.fake_provider", "--fault", "status:503"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        url = process.stdout.readline().strip()
        with openai.OpenAI(api_key="sk-test", base_url=url, max_retries=0) as client:
            with pytest.raises(openai.InternalServerError):
                client.responses.create(model="m", input="x")
            assert client.responses.create(model="m", input="x").status == "completed"
        log = got(url.removesuffix("/v1") + "/_fake/requests")
        assert [entry["body"]["input"] for entry in log] == ["x", "x"]
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.mark.parametrize("breaks", ["cut", "end", "silent", "malformed", "error", "stall"])
@pytest.mark.parametrize("path", ["chat/completions", "responses"])
async def test_streams_break_where_they_are_told_to(path: str, breaks: str) -> None:
    content = "0123456789abcdef" * 4
    async with FakeProvider() as fake, httpx2.AsyncClient(timeout=0.5) as client:
        fake.push(Reply(content, breaks=breaks, breaks_after=32))
        body = {"model": "m", "messages": [], "input": [], "stream": True}
        received = b""
        how = ""
        try:
            async with client.stream("POST", f"{fake.base_url}/{path}", json=body) as response:
                async for portion in response.aiter_bytes():
                    received += portion
        except httpx2.HTTPError as error:
            how = type(error).__name__
        assert how == {"cut": "RemoteProtocolError", "stall": "ReadTimeout"}.get(breaks, "")
        deltas = received.count(b'"0123456789abcdef"')
        assert deltas == (4 if breaks in {"silent", "malformed"} else 2)
        assert (b"[DONE]" in received or b"response.completed" in received) == (breaks == "malformed")


async def test_a_stream_may_wait_and_come_byte_by_byte() -> None:
    async with FakeProvider() as fake, httpx2.AsyncClient() as client:
        holds = asyncio.Event()
        fake.push(Reply("first second " * 3, breaks_after=16, holds=holds, portion=1))
        body = {"model": "m", "messages": [], "stream": True}
        received = b""
        async with client.stream("POST", f"{fake.base_url}/chat/completions", json=body) as response:
            async for portion in response.aiter_bytes():
                received += portion
                if received.count(b"\n\n") == 2:
                    assert b"first second" in received
                    holds.set()
        assert received.endswith(b"[DONE]\n\n")
        assert fake.connections == 1
