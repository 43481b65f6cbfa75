"""How ai-lsp is driven, with a stand-in for it: a server of whole files in a checkout of that shape."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, cast

import pytest
from benchmarks.ai_lsp import LAUNCH, RECORD, Checkout, Record, Started, issues
from benchmarks.economy import edited_beside
from benchmarks.measures import Spread
from benchmarks.tokens import Asked, Session
from tests.benchmarks.test_tokens import TOKENS
from tests.support.fake_http import Exchange
from tests.support.fake_provider import Prompt
from tests.support.git_repository import GitRepository, needs_git

if TYPE_CHECKING:
    from pathlib import Path

TOOL = {"type": "function", "function": {"name": "final_result", "parameters": {"type": "object"}}}
STAND_IN = f"""
import json, os, sys, urllib.request

print("this is no message of the protocol")


def send(**message):
    body = json.dumps({{"jsonrpc": "2.0", **message}}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    sys.stdout.buffer.flush()


def look(uri, text):
    messages = [{{"role": "system", "content": "Look."}}, {{"role": "user", "content": text}}]
    body = {{"model": os.environ["AI_LSP_MODEL"], "messages": messages, "tools": [{TOOL!r}]}}
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    request = urllib.request.Request(url, json.dumps(body).encode(), {{"Content-Type": "application/json"}})
    (choice,) = json.load(urllib.request.urlopen(request))["choices"]
    (call,) = choice["message"]["tool_calls"]
    found = json.loads(call["function"]["arguments"])["issues"]
    shown = [{{"message": each["message"]}} for each in found]
    send(method="textDocument/publishDiagnostics", params={{"uri": uri, "diagnostics": shown}})


class Server:
    def start_io(self):
        text, read = "", sys.stdin.buffer
        while header := read.readline():
            read.readline()
            message = json.loads(read.read(int(header.split(b":")[1])))
            params = message.get("params")
            match message["method"]:
                case "textDocument/didOpen":
                    text = params["textDocument"]["text"]
                    look(params["textDocument"]["uri"], text)
                case "textDocument/didChange":
                    (change,) = params["contentChanges"]
                    lines = text.split("\\n")
                    lines[change["range"]["start"]["line"]] = change["text"]
                    text = "\\n".join(lines)
                    look(params["textDocument"]["uri"], text)
                case "exit":
                    return
                case _ if "id" in message:
                    send(id=message["id"], result=None if message["method"] == "shutdown" else {{}})


server = Server()
"""
TEXT = "def a(x):\n    if x == 1:\n        return 2\n"
CHANGED = [(1, "    if x != 1:  # BUG: != => ==")]


async def test_a_session_is_driven_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.economy.PAUSE_MS", 0)
    monkeypatch.setattr("benchmarks.economy.LATENCY_MS", 0)
    (tmp_path / "ai_lsp").mkdir()
    (tmp_path / "ai_lsp" / "main.py").write_text(STAND_IN)
    started = Started([sys.executable, "-c", LAUNCH], str(tmp_path))
    found = await edited_beside(TOKENS, started, TEXT, CHANGED)
    wrong = TEXT.replace("    if x == 1:", CHANGED[0][1])
    schema, none = len(json.dumps([TOOL], separators=(",", ":"))), len('{"issues": []}')
    assert found.opening == Asked(1, instructions=5, schema=schema, code=len(TEXT), answers=none)
    asked = found.asked
    assert (asked.requests, asked.instructions, asked.schema) == (2, 10, 2 * schema)
    assert asked.code == len(wrong) + len(TEXT)
    assert asked.answers > 2 * none, "one of them holds the finding"
    assert found.shown_ms.median > 0


def test_the_planted_bug_is_told_as_ai_lsp_wants_it() -> None:
    text = f"Look:\n{CHANGED[0][1]}\n    x += 1  # BUG\n"
    body = {"messages": [{"role": "user", "content": text}], "tools": [TOOL]}
    reply = issues(Prompt(Exchange("POST", "/v1/chat/completions", {}, b"", cast("Any", None)), body))
    assert (reply.tool, reply.finish) == ("final_result", "tool_calls")
    one, other = json.loads(reply.content)["issues"]
    assert one["issue_snippet"] == CHANGED[0][1]
    (fix,) = one["suggested_fixes"]
    assert (fix["target_snippet"], fix["replacement_snippet"]) == (CHANGED[0][1], "    if x == 1:")
    assert other["suggested_fixes"] == []


@needs_git
def test_the_commit_of_a_checkout_is_gits_or_in_the_name_of_an_archive(tmp_path: Path) -> None:
    commit = "dd61145d1e507c0a09be83debd070c892d69f380"
    assert Checkout(tmp_path / f"ai-lsp-{commit}").commit == commit
    with pytest.raises(SystemExit, match="its commit is not known"):
        assert Checkout(tmp_path).commit
    repository = GitRepository(tmp_path / "ai-lsp")
    repository.git("commit", "-q", "--allow-empty", "-m", "Begin")
    assert Checkout(repository.top).commit == repository.git("rev-parse", "HEAD").strip()


def test_a_record_is_read_as_it_was_written_and_is_of_one_session(tmp_path: Path) -> None:
    session = Session(Asked(1, code=3), Asked(2, instructions=4, answers=5), Spread(1, 0.5, 1.5, 2))
    record = Record.of("c0ffee", TEXT, 1, session, Spread(3, 2, 4, 5))
    record.write(tmp_path / "record.json")
    assert Record.read(tmp_path / "record.json") == record
    assert record.is_of(TEXT, 1)
    assert not record.is_of(TEXT, 2)
    assert not record.is_of(TEXT + "\n", 1)


def test_the_record_that_is_kept_is_of_a_commit_and_of_whole_files() -> None:
    kept = Record.read(RECORD)
    asked, opening = kept.session.asked, kept.session.opening
    assert len(kept.commit) == 40
    assert (opening.requests, asked.requests) == (1, 2 * kept.edits)
    assert asked.code > 2 * kept.edits * opening.code * 0.99
