from __future__ import annotations

import asyncio
import http.client
import json
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from kibitz.local import engine as engines
from kibitz.local.engine import Endpoint, Engine, available
from kibitz.local.errors import EngineError
from kibitz.local.weights import find, installed, path_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TINY = find("smollm2-135m")
PREFIX = "You are a careful reader of source code. " * 8


@pytest.fixture(scope="module")
def weights_path() -> Path:
    if not available():
        pytest.skip('the engine is not installed: pip install "kibitz[local]"')
    if not installed(TINY):
        pytest.skip(f"the weights are not here: kibitz model pull {TINY.name}")
    return path_of(TINY)


@pytest.fixture
async def engine(weights_path: Path) -> AsyncIterator[Engine]:
    engine = Engine(weights_path, TINY.name, context=2048, threads=2, warm=PREFIX)
    yield engine
    await engine.stop()


def connection(endpoint: Endpoint) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(endpoint.base_url).netloc, timeout=100)


def post(to: http.client.HTTPConnection, endpoint: Endpoint, key: str | None = None, **body: Any) -> None:
    headers = {"Authorization": f"Bearer {key or endpoint.api_key}", "Content-Type": "application/json"}
    to.request("POST", "/v1/chat/completions", json.dumps({"model": endpoint.model, **body}), headers)


async def chat(endpoint: Endpoint, key: str | None = None, **body: Any) -> tuple[int, dict[str, Any]]:
    def exchange() -> tuple[int, dict[str, Any]]:
        to = connection(endpoint)
        try:
            post(to, endpoint, key, **body)
            answer = to.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            to.close()

    return await asyncio.to_thread(exchange)


async def status_of(endpoint: Endpoint, path: str) -> int:
    def exchange() -> int:
        to = connection(endpoint)
        try:
            to.request("GET", path, headers={"Authorization": f"Bearer {endpoint.api_key}"})
            return to.getresponse().status
        finally:
            to.close()

    return await asyncio.to_thread(exchange)


def asking(text: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": PREFIX}, {"role": "user", "content": text}]


@pytest.mark.model
async def test_it_answers_who_has_the_key_and_keeps_the_prefix_that_it_has_read(engine: Engine) -> None:
    endpoint = await engine.start()
    assert engine.running
    assert endpoint.base_url.startswith("http://127.0.0.1:")
    assert (await chat(endpoint, key="wrong", messages=asking("Hi")))[0] == 401
    status, answer = await chat(endpoint, messages=asking("Hi"), max_tokens=4)
    assert status == 200
    assert answer["model"] == TINY.name
    assert answer["usage"]["completion_tokens"] <= 4
    # Not yet of the first: it may overtake the engine's own reading ahead, which goes on beside it.
    _, answer = await chat(endpoint, messages=asking("Hello"), max_tokens=4)
    assert answer["usage"]["prompt_tokens_details"]["cached_tokens"] > 50
    assert await engine.start() is endpoint


@pytest.mark.model
async def test_nothing_but_the_api_is_served(engine: Engine) -> None:
    endpoint = await engine.start()
    assert [await status_of(endpoint, path) for path in ("/", "/index.html")] == [404, 404]
    assert await status_of(endpoint, "/slots") == 501
    assert await status_of(endpoint, "/metrics") == 501


@pytest.mark.model
async def test_an_answer_keeps_to_its_schema(engine: Engine) -> None:
    endpoint = await engine.start()
    properties = {"rule": {"enum": ["left", "right"]}}
    schema = {"type": "object", "properties": properties, "required": ["rule"], "additionalProperties": False}
    form: dict[str, Any] = {
        "type": "json_schema",
        "json_schema": {"name": "x", "strict": True, "schema": schema},
    }
    _, answer = await chat(endpoint, messages=asking("Say anything."), max_tokens=50, response_format=form)
    assert json.loads(answer["choices"][0]["message"]["content"])["rule"] in {"left", "right"}


@pytest.mark.model
async def test_a_request_that_is_given_up_stops_computing(engine: Engine) -> None:
    endpoint = await engine.start()
    forever: dict[str, Any] = {"messages": asking("Count."), "max_tokens": 160, "ignore_eos": True}
    started = time.monotonic()
    to = connection(endpoint)
    await asyncio.to_thread(post, to, endpoint, stream=True, **forever)
    assert (await asyncio.to_thread(to.getresponse)).read(1)
    to.close()
    await chat(endpoint, messages=asking("Hi"), max_tokens=1)
    given_up = time.monotonic() - started
    started = time.monotonic()
    await chat(endpoint, **forever)
    assert given_up < (time.monotonic() - started) / 2


@pytest.mark.model
async def test_stopping_ends_it_at_once_and_starting_again_is_another_key(engine: Engine) -> None:
    first = await engine.start()
    to = connection(first)
    await asyncio.to_thread(post, to, first, messages=asking("Count."), max_tokens=1500, stream=True)
    answer = await asyncio.to_thread(to.getresponse)
    await engine.stop()
    assert not engine.running
    with pytest.raises((OSError, http.client.HTTPException)):
        await asyncio.to_thread(answer.read)
    to.close()
    with pytest.raises(OSError, match="refused"):
        await status_of(first, "/health")
    second = await engine.start()
    assert second.api_key != first.api_key
    await engine.stop()
    await engine.stop()


@pytest.mark.model
async def test_a_damaged_file_is_named_with_what_to_do(weights_path: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    with weights_path.open("rb") as whole:
        damaged.write_bytes(whole.read(300_000))
    engine = Engine(damaged, TINY.name)
    with pytest.raises(EngineError, match=r"could not be loaded.*kibitz model remove smollm2-135m"):
        await engine.start()
    assert not engine.running


async def test_a_missing_file_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "available", lambda: True)
    with pytest.raises(EngineError, match="kibitz model pull some-model"):
        await Engine(tmp_path / "no.gguf", "some-model").start()


async def test_a_missing_engine_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_MODULE", "no_such_module_as_this")
    with pytest.raises(EngineError, match=r'pip install "kibitz\[local\]"'):
        await Engine(tmp_path, "x").start()


async def test_a_process_that_dies_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.gguf"
    file.write_bytes(b"x")
    monkeypatch.setattr(engines, "available", lambda: True)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(EngineError, match="ended with status 1 while it loaded x"):
        await Engine(file, "x").start()


async def test_a_process_that_says_nothing_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec cat >/dev/null\n")
    silent.chmod(0o755)
    file = tmp_path / "x.gguf"
    file.write_bytes(b"x")
    monkeypatch.setattr(engines, "available", lambda: True)
    monkeypatch.setattr(engines, "LOAD_SECONDS", 0.2)
    monkeypatch.setattr(sys, "executable", str(silent))
    engine = Engine(file, "x")
    with pytest.raises(EngineError, match="not loaded within 0 seconds"):
        await engine.start()
    assert not engine.running


async def test_stopping_what_never_started_is_fine(tmp_path: Path) -> None:
    await Engine(tmp_path, "x").stop()


def test_the_key_is_not_shown() -> None:
    assert "secret" not in repr(Endpoint("http://127.0.0.1:1/v1", "secret", "m"))
