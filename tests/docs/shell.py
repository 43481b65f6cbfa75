"""Commands as the pages have them, and whether what they name is there. Runs nothing; see ``test_run``."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from tests.docs.pages import ROOT

from kibitz.cli.entry import kibitz
from kibitz.config import load
from kibitz.config.owners import Source
from kibitz.config.settings import owned, setting_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ENVIRONMENT = frozenset(
    {
        *("OPENAI_API_KEY", "OPENAI_BASE_URL", "KIBITZ_CONFIG", "KIBITZ_MODEL_DIR", "KIBITZ_STATE_DIR"),
        *(f"KIBITZ_{name.upper()}" for name in setting_names() if Source.ENVIRONMENT in owned(name).by),
    }
)
"""All variables that kibitz goes by."""
OTHERS = re.compile(r"OTEL_\w+|SKIP|LD_\*|DYLD_\*")
"""Of other programs."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = frozenset(PROJECT["optional-dependencies"])
TARGETS = frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
NOT_RUN = {
    "make": "is what runs these tests, or downloads a model of 1.1 GB; the target is looked up",
    "pip install": "needs a package index; the extras are looked up",
    "pip wheel": "the same",
    "pipx install": "the same",
    "uv tool install": "the same",
    "npm ci": "the same; the extension is built by `make editors-setup`",
    "npm run": "the same",
    "git clone": "needs the repository's host",
    "kibitz model pull": "downloads 1.1 GB; `tests/local/test_real_path.py` does it with a smaller model",
    "kibitz check --local": "takes minutes; `tests/local/test_real_path.py` runs the embedded model",
    "opentelemetry-instrument": "is not among what the tests install",
    "pre-commit run": "`tests/docs/test_hook.py` runs a hook by the real pre-commit",
    "python benchmarks/fuzz.py": "half an hour of CPU; `tests/fuzz` plays fewer cases",
    "kibitz eval": "reviews pairs of this repository; `tests/cli/test_eval.py` runs each of its commands",
    "code": "needs VS Code on a desktop",
    "keyring set": "needs a desktop's keyring",
    "docker run": "needs a container engine",
    "ollama pull": "needs Ollama, and a download",
    "llama-server": "needs llama.cpp",
    "vllm serve": "needs vLLM, and a GPU",
}
"""What no test runs as it stands on a page, by the words that it begins with, and why."""


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command."""

    words: tuple[str, ...]
    variables: tuple[str, ...] = ()
    """Those that are set for it, or by it."""

    def __str__(self) -> str:
        return shlex.join(self.words)

    @property
    def why_not_run(self) -> str | None:
        """The entry of ``NOT_RUN`` that it is, if any."""
        begins = [each for each in NOT_RUN if tuple(each.split()) == self.words[: len(each.split())]]
        return begins[0] if begins else None


def lines(text: str) -> Iterator[str]:
    """What is entered at once; a backslash at the end goes on."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line


def commands(text: str) -> Iterator[Command]:
    """All simple commands of a block; what they read and write is left out."""
    for line in lines(text):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|<>")
        lexer.whitespace_split = True
        words: list[str] = []
        skip = False
        for word in [*lexer, ";"]:
            if skip or word in {">", ">>", "<"}:
                skip = not skip
            elif set(word) <= set(";&|"):
                if words:
                    yield _command(words)
                words = []
            else:
                words.append(word)


def _command(words: list[str]) -> Command:
    variables = []
    if words[0] == "export":
        return Command(("export",), tuple(word.partition("=")[0] for word in words[1:]))
    while words and re.match(r"\w+=", words[0]):
        variables.append(words.pop(0).partition("=")[0])
    return Command(tuple(words), tuple(variables))


def problems(command: Command) -> Iterator[str]:
    """What is wrong with a command, as far as that can be seen."""
    for name in command.variables:
        if name not in ENVIRONMENT and not OTHERS.fullmatch(name):
            yield f"kibitz knows no variable {name}"
    if not command.words:
        return
    program, rest = command.words[0], command.words[1:]
    check = CHECKS.get(program)
    if check is None and command.why_not_run is None:
        yield f"nobody checks what {program} is told"
    elif check is not None:
        yield from check(rest)


def kibitz_problems(arguments: Sequence[str]) -> Iterator[str]:
    """Subcommands, options and values: those of the real command line."""
    found: click.Command = kibitz
    context = click.Context(kibitz, info_name="kibitz")
    rest = list(arguments)
    while rest and isinstance(found, click.Group) and not rest[0].startswith("-"):
        name = rest.pop(0)
        inner = found.get_command(context, name)
        if inner is None:
            yield f"there is no command {name}"
            return
        found = inner
    yield from _options(found, rest)


def _options(command: click.Command, rest: list[str]) -> Iterator[str]:
    every = {
        flag: option for option in command.params if isinstance(option, click.Option) for flag in option.opts
    } | {"--help": click.Option(["--help"], is_flag=True)}
    if command is kibitz:
        every["--version"] = click.Option(["--version"], is_flag=True)
    wanted = sum(isinstance(each, click.Argument) and each.required for each in command.params)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            wanted -= 1
            continue
        option = every.get(word)
        if option is None:
            yield f"{command.name} has no option {word}"
            continue
        if not option.is_flag:
            yield from _value(option, rest.pop(0) if rest else "")
    if wanted > 0:
        yield f"{command.name} is told too little"


def _value(option: click.Option, value: str) -> Iterator[str]:
    if isinstance(option.type, click.Choice) and value not in option.type.choices:
        yield f"{option.opts[0]} takes no {value}"
    if option.name in setting_names():
        given = load(cli={option.name: value}, environ={}, user_file=ROOT / "no-such-file")
        yield from (problem.message for problem in given.problems)


def _make(arguments: Sequence[str]) -> Iterator[str]:
    for word in arguments:
        if "=" not in word and word not in TARGETS:
            yield f"the Makefile has no target {word}"


def _extras(arguments: Sequence[str]) -> Iterator[str]:
    for word in arguments:
        if match := re.search(r"(?:^\.|^kibitz)\[([\w,]+)\]", word):
            yield from (f"there is no extra {each}" for each in set(match[1].split(",")) - EXTRAS)
        if (version := re.search(r"kibitz-dev/kibitz@v(.+)$", word)) and not _is_version(version[1]):
            yield f"{version[1]} is not the version of this repository"


def _is_version(text: str) -> bool:
    return f'"{text}"' in (ROOT / "server/kibitz/_version.py").read_text(encoding="utf-8")


def _npm(arguments: Sequence[str]) -> Iterator[str]:
    scripts = json.loads((ROOT / "editors/vscode/package.json").read_text(encoding="utf-8"))["scripts"]
    if arguments[0] == "run" and arguments[1] not in scripts:
        yield f"the extension has no script {arguments[1]}"


def _folder(arguments: Sequence[str]) -> Iterator[str]:
    if arguments[0] != "kibitz" and not (ROOT / arguments[0]).is_dir():
        yield f"there is no folder {arguments[0]}"


def _code(arguments: Sequence[str]) -> Iterator[str]:
    version = re.fullmatch(r"kibitz-(.+)\.vsix", arguments[-1])
    if version is None or not _is_version(version[1]):
        yield f"{arguments[-1]} is not what is built"


def _python(arguments: Sequence[str]) -> Iterator[str]:
    script = ROOT / arguments[0]
    if not script.is_file():
        yield f"there is no {arguments[0]}"
        return
    text = script.read_text(encoding="utf-8")
    yield from (
        f"{arguments[0]} knows no {word}" for word in arguments if word.startswith("--") and word not in text
    )


def _fine(_arguments: Sequence[str]) -> Iterator[str]:
    yield from ()


CHECKS: dict[str, Callable[[Sequence[str]], Iterator[str]]] = {
    "kibitz": kibitz_problems,
    "make": _make,
    "pip": _extras,
    "pipx": _extras,
    "uv": _extras,
    "npm": _npm,
    "cd": _folder,
    "code": _code,
    "python": _python,
    # What needs no more than to be run.
    **dict.fromkeys(("export", "git", "mkdir", "ln", "umask", "cat"), _fine),
}
