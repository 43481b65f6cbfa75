"""What a provider's books say of the requests that came: how many, and of how many tokens.

Tokens are those of o200k, the tokenizer of OpenAI's models, from the package rs_bpe in an environment of its
own. A schema, or the tools that a model may call, count as the JSON that is sent. Cached is what a provider
can take from its cache: what a request begins with as one before it did, in steps of 128 tokens, from 1,024
of them on.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from benchmarks.peers import Peer
from tests.support.fake_provider import Prompt, Reply, reviewer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.measures import Spread

Json = dict[str, Any]
COUNT = """
import json, sys
from rs_bpe.bpe import openai
encode = openai.o200k_base().encode
for line in sys.stdin:
    print(len(encode(json.loads(line))), flush=True)
"""
PACKAGE = Peer("rs_bpe==0.1.0", ("python", "-c", COUNT))
CACHE_FROM, CACHE_STEP = 1024, 128
"""Tokens; https://platform.openai.com/docs/guides/prompt-caching."""


class Tokens:
    """Counts tokens, in a process that has the tokenizer."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            PACKAGE.fetched(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.communicate()

    def of(self, text: str) -> int:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(text) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@dataclass
class Asked:
    """What was sent and what came back, in tokens."""

    requests: int = 0
    instructions: int = 0
    schema: int = 0
    code: int = 0
    """The code, its context, and the words around them."""
    cached: int = 0
    answers: int = 0
    units: int = 0

    @property
    def sent(self) -> int:
        return self.instructions + self.schema + self.code

    @property
    def all(self) -> int:
        return self.sent + self.answers


@dataclass(frozen=True, slots=True)
class Session:
    """What a server asked for, and how long its findings took to show."""

    opening: Asked
    asked: Asked
    """While the file was edited."""
    shown_ms: Spread
    """From an edit to its finding, less the pause and the provider's latency."""


def told(asked: Asked) -> Json:
    return {**asdict(asked), "sent": asked.sent, "all": asked.all}


class Ledger:
    """Answers as a reviewer does, and keeps the books as a provider would."""

    def __init__(self, tokens: Tokens, answer: Callable[[Prompt], Reply] | None = None) -> None:
        self.tokens = tokens
        self.asked = Asked()
        self._before: list[str] = []
        self._answer = answer or reviewer()
        self._waiting: list[tuple[Prompt, Reply]] = []
        """Counted when somebody wants to know: that takes longer than an answer may."""

    def __call__(self, prompt: Prompt) -> Reply:
        reply = self._answer(prompt)
        self._waiting.append((prompt, reply))
        return reply

    def enter(self, instructions: str, schema: str, code: str, answer: str) -> None:
        asked, count = self.asked, self.tokens.of
        asked.requests += 1
        asked.instructions += count(instructions) if instructions else 0
        asked.schema += count(schema) if schema else 0
        asked.code += count(code)
        asked.answers += count(answer)
        asked.units += code.count("### Piece ")
        whole = schema + instructions + code
        known = max((_alike(whole, each) for each in self._before), default=0)
        again = count(whole[:known]) if known else 0
        asked.cached += again // CACHE_STEP * CACHE_STEP if again >= CACHE_FROM else 0
        self._before.append(whole)

    def turn(self) -> Asked:
        """What was asked since the last time."""
        for prompt, reply in self._waiting:
            # As the SDK sends it.
            schema = json.dumps(prompt.schema or prompt.body.get("tools"), separators=(",", ":"))
            self.enter(prompt.instructions, schema, prompt.text, reply.content)
        self._waiting.clear()
        asked, self.asked = self.asked, Asked()
        return asked


def _alike(one: str, other: str) -> int:
    """How long their common beginning is."""
    most = min(len(one), len(other))
    return next((at for at in range(most) if one[at] != other[at]), most)
