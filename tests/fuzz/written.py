"""Files and variables that say what is wanted: well-formed ones, damaged, through all that reads them.

The user's settings with the environment, the command line and the editor's section beside them; a project's
rules and notes; ignore files; the list of trusted folders. None of them raises; what is wrong with them is
said in a bounded number of short lines that show no secret; and nothing that an editor says sets what only
the user may set.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.fuzz.mutation import NASTY, damaged, nasty, twisted
from tests.fuzz.stream import Broken

from kibitz.config import Source, load, setting_names
from kibitz.config.settings import owned
from kibitz.findings.project import Unusable, context_of, rule_of
from kibitz.guard import ignore_file
from kibitz.guard.trust import Trust

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from kibitz.config import Loaded

_NAMES = setting_names()
_KEY = "sk-proj-written-0123456789abcdef"
_VALUES = (
    "5",
    "-1",
    "true",
    '"off"',
    '"machine"',
    '"https://api.example/v1"',
    '["a", "b"]',
    "1e999",
    "[" * 40,
    '"\\u0000"',
    "{ a = 1 }",
    "1979-05-27",
)
_MAX_PROBLEMS, _MAX_MESSAGE = 120, 1000
_RULE = "---\nseverity: warning\nlanguages: python, go\nglobs: src/**, *.pyi\n---\n# No print\n\nReport it.\n"
_IGNORE = "# comment\n*.log\n!keep.log\n/build/\n**/secret?/[a-z]*\n\\#x\ntrailing \\ \n"


def case(chance: random.Random, folder: Path) -> None:
    """One of them; ``folder`` is for its files."""
    chance.choice(_CASES)(chance, folder)


def _user_file(chance: random.Random, folder: Path) -> None:
    path = folder / "config.toml"
    path.write_bytes(_toml(chance))
    path.chmod(0o600)
    environ = {_variable(chance): _value(chance) for _ in range(chance.randrange(3))}
    section: Any = {chance.choice(_NAMES): nasty(chance) for _ in range(chance.randrange(4))}
    section.update({"base_url": "https://evil.example/v1", "apiKey": _KEY, "maxFindings": 3})
    if chance.randrange(2):
        section = twisted(section, chance)
    folders = {"/a": twisted({"enabled": False, "exclude": ["x"]}, chance), "/a/b": section}
    command = {chance.choice(_NAMES): _value(chance)} if chance.randrange(2) else {}
    _check(load(user_file=path, environ=environ, cli=command, lsp=section, folders=folders))


def _toml(chance: random.Random) -> bytes:
    lines = [f"{chance.choice(_NAMES)} = {chance.choice(_VALUES)}" for _ in range(chance.randrange(8))]
    lines.append(f'api_key = "{_KEY}"')
    written = "\n".join(dict.fromkeys(lines)).encode()
    return damaged(written, chance) if chance.randrange(2) else written


def _variable(chance: random.Random) -> str:
    return chance.choice((f"KIBITZ_{chance.choice(_NAMES).upper()}", "OPENAI_API_KEY", "KIBITZ_" + NASTY[1]))


def _value(chance: random.Random) -> str:
    return chance.choice((*NASTY, *_VALUES, _KEY))


def _check(loaded: Loaded) -> None:
    messages = [problem.message for problem in loaded.problems]
    if len(messages) > _MAX_PROBLEMS or any(len(each) > _MAX_MESSAGE for each in messages):
        raise Broken(f"{len(messages)} complaints of up to {max(map(len, messages))} characters")
    for each in messages:
        if _KEY in each or not each.isprintable():
            raise Broken(f"a complaint that must not be shown: {ascii(each)[:200]}")
    for name in _NAMES:
        if loaded.origins.get(name) is Source.LSP and Source.LSP not in owned(name).by:
            raise Broken(f"the editor set {name}")


def _rule(chance: random.Random, _folder: Path) -> None:
    text = damaged(_RULE.encode(), chance).decode("utf-8", "replace")
    try:
        rule = rule_of("no-print", text)
        context_of(text)
    except Unusable as error:
        if len(str(error)) > _MAX_MESSAGE or not str(error).isprintable():
            raise Broken(f"a complaint that must not be shown: {ascii(str(error))[:200]}") from error
        return
    if len(rule.body) > len(text):
        raise Broken("a rule that is longer than its file")


def _ignored(chance: random.Random, _folder: Path) -> None:
    text = damaged(_IGNORE.encode(), chance).decode("utf-8", "replace")
    parsed = ignore_file.parse(".gitignore", text)
    for path in ("a.log", "keep.log", "build/x.py", "a/secret1/b", *NASTY[:6]):
        parsed.verdict(path)


def _trusted(chance: random.Random, folder: Path) -> None:
    path = folder / "trust.json"
    entry = {"path": str(folder), "inode": 7, "decision": "trusted"}
    path.write_bytes(damaged(json.dumps({"version": 1, "folders": [entry]}).encode(), chance))
    path.chmod(0o600)
    trust = Trust(path)
    trust.decision(folder)
    trust.all()


_CASES: tuple[Callable[[random.Random, Path], None], ...] = (
    *[_user_file] * 5,
    _rule,
    _ignored,
    _trusted,
)
