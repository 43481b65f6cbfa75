"""What a fake provider says: it reads the prompt, finds planted bugs, and answers in the schema asked for.

A bug is planted in the source in one of two ways:

- a comment at a line's end, ``return a - b  # BUG: - => +``: the finding quotes the line, and its
  replacement is the line without the comment, the last ``-`` replaced by ``+``. A bare ``# BUG`` has no fix.
  Any of ``#``, ``//``, ``--`` starts the comment;
- ``Bug("len(value)", "len(values)")`` given to ``reviewer``: every line that holds the first text has it.

In rewrite mode (no schema is sent) the same bugs are corrected in the last fenced block of the prompt.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from tests.support.fake_http import Exchange

_NUMBERED = re.compile(r"^(\d+)\t(.*)$")
_MARK = re.compile(r"\s*(?:#|//|--)\s*BUG\b(?::\s*(?P<old>.*?)\s*=>\s*(?P<new>.*?))?\s*$")
_CLAIM = re.compile(r"^\?\| (\d+) (.*)$", re.MULTILINE)
_FENCED = re.compile(r"^(`{3,})[^\n`]*\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Bug:
    """A planted bug: lines that hold ``text`` are reported, with ``text`` replaced by ``instead``."""

    text: str
    instead: str | None = None
    """None: a finding without a fix."""
    rule: str | None = None
    """None: the first of the schema's rules."""
    title: str = "Planted bug"
    trigger: str = "any call gives the wrong result"
    severity: str = "warning"
    confidence: str = "certain"


@dataclass(frozen=True, slots=True)
class Reply:
    """A well-formed answer of the model."""

    content: str
    finish: str = "stop"
    """``stop``, ``length``, ``content_filter``, ``tool_calls``, or ``failed`` (Responses only)."""
    tool: str = ""
    """The tool that is called with the content, instead of saying it (Chat Completions in one piece only)."""
    refusal: str | None = None
    input_tokens: int | None = None
    """None: estimated from the body."""
    output_tokens: int | None = None
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    usage: bool = True
    """Whether the answer says what it used."""
    weighed: tuple[tuple[Any, ...], ...] = ()
    """The content as tokens, where that was asked for (not in Responses): each its text, its probability, and
    pairs of the same for what could stand there instead."""
    latency: float | None = None
    """Seconds before the answer; None: the server's own."""
    headers: dict[str, str] = field(default_factory=dict)
    model: str | None = None
    error: dict[str, Any] | None = None
    """The ``error`` of a failed response, or of one that breaks with an error."""
    breaks: str = ""
    """How a stream goes wrong, see ``fake_wire``; it has no effect on answers in one piece."""
    breaks_after: int = 0
    """So many characters of the content come before."""
    holds: asyncio.Event | None = None
    """A stream waits for this there, before it goes wrong or on."""
    portion: int | None = None
    """Bytes of a stream that are written at a time; None: an event."""

    def but(self, **changes: Any) -> Reply:
        """The same reply with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """A request as the model sees it, whichever API brought it."""

    exchange: Exchange
    body: dict[str, Any]

    @property
    def api(self) -> str:
        """``chat``, ``responses`` or ``completions``."""
        path = self.exchange.path.split("?")[0]
        if path.endswith("/responses"):
            return "responses"
        return "chat" if path.endswith("/chat/completions") else "completions"

    @property
    def instructions(self) -> str:
        """The system's part."""
        if self.api == "completions":
            return ""
        if self.api == "responses":
            return str(self.body.get("instructions") or "")
        return "\n".join(_text(m) for m in self.body["messages"] if m["role"] in ("system", "developer"))

    @property
    def text(self) -> str:
        """The user's part."""
        if self.api == "chat":
            return "\n".join(_text(m) for m in self.body["messages"] if m["role"] == "user")
        if self.api == "completions":
            return str(self.body["prompt"])
        given = self.body.get("input", "")
        return given if isinstance(given, str) else "\n".join(_text(item) for item in given)

    @property
    def schema(self) -> dict[str, Any] | None:
        """The JSON schema that the answer has to follow, if one was sent, or told in words."""
        if self.api == "responses":
            form = self.body.get("text", {}).get("format") or {}
            found = form.get("schema")
        else:
            found = (self.body.get("response_format") or {}).get("json_schema", {}).get("schema")
        told = self.instructions.partition("fits this schema:\n")[2]
        if found is None and told:
            found = json.loads(told)
        return found if isinstance(found, dict) else None

    @property
    def lines(self) -> list[tuple[int, str]]:
        """The lines behind a number and a tab: their numbers and their text."""
        return [(int(m[1]), m[2]) for m in map(_NUMBERED.match, self.text.split("\n")) if m]


def _text(message: dict[str, Any]) -> str:
    content = message.get("content", "")
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def found_in(line: str, bugs: tuple[Bug, ...]) -> tuple[Bug, str | None] | None:
    """The bug of a line and the line's replacement."""
    if mark := _MARK.search(line):
        code, old = line[: mark.start()], mark["old"]
        if old is None:
            return Bug(line), None
        return Bug(line), (mark["new"] or "").join(code.rsplit(old, 1))
    for bug in bugs:
        if bug.text in line:
            return bug, None if bug.instead is None else line.replace(bug.text, bug.instead)
    return None


def reviewer(*bugs: Bug, refuted: tuple[str, ...] = ()) -> Callable[[Prompt], Reply]:
    """An answerer that finds planted bugs, and otherwise says the least that the schema allows.

    Asked to verify claims, it refutes those that hold one of the texts ``refuted``, and confirms the others.
    """

    def answer(prompt: Prompt) -> Reply:
        schema = prompt.schema
        if schema is None:
            return Reply(_rewritten(prompt.text, bugs))
        if "verdicts" in schema.get("properties", {}):
            return Reply(json.dumps({"verdicts": _verdicts(prompt.text, refuted)}))
        if "findings" not in schema.get("properties", {}):
            return Reply(json.dumps(example(schema, schema)))
        return Reply(json.dumps({"findings": _findings(prompt, schema, bugs)}))

    return answer


def _findings(prompt: Prompt, schema: dict[str, Any], bugs: tuple[Bug, ...]) -> list[dict[str, Any]]:
    item = _resolved(schema["properties"]["findings"], schema)["items"]
    sample = example(item, schema)
    known = _resolved(item, schema)["properties"]
    findings = []
    for number, line in prompt.lines:
        if (hit := found_in(line, bugs)) is None:
            continue
        bug, instead = hit
        claim = {
            "rule": bug.rule or sample.get("rule"),
            "start_line": number,
            "quote": line,
            "title": bug.title,
            "trigger": bug.trigger,
            "severity": bug.severity,
            "confidence": bug.confidence,
            "replacement": instead,
        }
        findings.append({**sample, **{name: value for name, value in claim.items() if name in known}})
    return findings


def _verdicts(text: str, refuted: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {
            "claim": int(claim[1]),
            "trace": "it was traced",
            "verdict": "refuted" if any(each in claim[2] for each in refuted) else "confirmed",
        }
        for claim in _CLAIM.finditer(text)
    ]


def _rewritten(text: str, bugs: tuple[Bug, ...]) -> str:
    blocks = _FENCED.findall(text)
    code = blocks[-1][1] if blocks else text
    lines = []
    for line in code.split("\n"):
        hit = found_in(line, bugs)
        lines.append(line if hit is None or hit[1] is None else hit[1])
    return "```\n" + "\n".join(lines).rstrip("\n") + "\n```"


def example(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """The smallest value that a schema allows."""
    schema = _resolved(schema, root)
    for choice in (schema.get("enum"), schema.get("anyOf"), schema.get("oneOf")):
        if choice:
            return example(choice[0], root) if isinstance(choice[0], dict) else choice[0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: example(sub, root) for name, sub in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema["items"], root) for _ in range(schema.get("minItems", 0))]
    plain = {"string": "x" * schema.get("minLength", 4), "integer": 1, "number": 1, "boolean": True}
    return schema.get("const", schema.get("minimum", plain.get(kind)))


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema
