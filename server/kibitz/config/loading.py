"""Merges the sources into ``Settings``. One bad value never loses the rest."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kibitz.config import sources
from kibitz.config.environ import environment
from kibitz.config.owners import Source, Tighten
from kibitz.config.places import FILE_VARIABLE, default_user_file
from kibitz.config.problems import Problem, looks_secret, nearest, show
from kibitz.config.settings import Settings, choices, is_secret, owned, setting_names, variants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from kibitz.config.sources import Entry

_MAX_PROBLEMS_PER_SOURCE = 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, where each came from, and what was not used."""

    settings: Settings
    problems: tuple[Problem, ...] = ()
    origins: Mapping[str, Source] = field(default_factory=dict)
    """The source of every setting's value; ``Source.DEFAULT`` where nothing set it."""
    places: Mapping[str, str] = field(default_factory=dict)

    def where(self, name: str) -> str:
        """Where the value of the setting ``name`` stands, such as ``environment variable OPENAI_API_KEY``."""
        return self.places.get(name, Source.DEFAULT.value)

    def is_set(self, name: str) -> bool:
        """Whether any source but the defaults gave the setting ``name`` its value."""
        return self.origins.get(name, Source.DEFAULT) is not Source.DEFAULT


def load(
    *,
    cli: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    user_file: Path | None = None,
    lsp: object = None,
) -> Loaded:
    """Reads all sources, weakest first: defaults, user file, environment, command line, editor.

    Args:
        cli: values by setting name; None counts as not given.
        environ: the environment; if None, that of the process.
        user_file: instead of the user's own file. It need not exist.
        lsp: the editor's section ``kibitz``, as it came.

    Never raises for what a source holds: that is in ``problems``.
    """
    environ = environment() if environ is None else environ
    path = user_file or default_user_file(environ)
    must_exist = user_file is None and bool(environ.get(FILE_VARIABLE))
    merge = _Merge()
    for reading in (
        sources.from_file(path, must_exist=must_exist),
        sources.from_environment(environ),
        sources.from_command_line(cli or {}),
        sources.from_editor(lsp),
    ):
        merge.problems.extend(reading.problems)
        for entry in reading.entries:
            merge.apply(entry)
    return merge.result()


class _Merge:
    """The values so far. Each entry is checked on its own against the stack below it."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._origins: dict[str, Source] = dict.fromkeys(setting_names(), Source.DEFAULT)
        self._places: dict[str, str] = {}
        self.problems: list[Problem] = []

    def apply(self, entry: Entry) -> None:
        name = entry.name
        if name not in Settings.model_fields:
            # A hostile workspace may send thousands: no search for what will not be shown.
            if sum(p.source is entry.source for p in self.problems) <= _MAX_PROBLEMS_PER_SOURCE:
                self._refuse(entry, "there is no such setting", _did_you_mean(name, setting_names()))
            return
        if entry.source not in owned(name).by:
            self._refuse(entry, f"the {entry.source} may not set it", f"It may be set in {_owners(name)}")
            return
        value = _parse(entry)
        try:
            value = _validated(name, value)
            if entry.source is Source.LSP:
                value = _validated(name, self._tightened(entry, value))
        except ValidationError as error:
            self._refuse(entry, _reason(error), _did_you_mean(value, choices(name)))
        except _NotTighterError as error:
            self._refuse(entry, str(error))
        else:
            self._values[name] = value
            self._origins[name] = entry.source
            self._places[name] = entry.where

    def _tightened(self, entry: Entry, value: Any) -> Any:
        standing = self._values.get(entry.name, Settings.model_fields[entry.name].default)
        match owned(entry.name).lsp:
            case Tighten.ADD:
                return tuple(dict.fromkeys((*standing, *value)))
            case Tighten.LOWER if value > standing:
                raise _NotTighterError(f"the editor may only lower it, and it is {standing}")
            case Tighten.STRICTER if choices(entry.name).index(value) < choices(entry.name).index(standing):
                raise _NotTighterError(f"the editor may only make it stricter, and it is {standing}")
            case Tighten.ONLY if standing:
                return self._narrowed(standing, value)
            case _:
                return value

    @staticmethod
    def _narrowed(standing: tuple[str, ...], value: tuple[str, ...]) -> tuple[str, ...]:
        # Empty would mean all.
        common = tuple(each for each in value if each in standing)
        if value and not common:
            raise _NotTighterError(f"the editor may only choose among what you allow: {', '.join(standing)}")
        return common or standing

    def _refuse(self, entry: Entry, reason: str, advice: str = "") -> None:
        known = entry.name in Settings.model_fields
        shown = show(entry.value, secret=is_secret(entry.name) if known else looks_secret(entry.name))
        name = entry.name if known else repr(entry.name)[1:-1][:64]
        self.problems.append(Problem(name, entry.source, entry.where, shown, reason, advice))

    def result(self) -> Loaded:
        return Loaded(
            settings=Settings(**self._values),
            problems=tuple(_bounded(dict.fromkeys(self.problems))),
            origins=MappingProxyType(self._origins),
            places=MappingProxyType(self._places),
        )


class _NotTighterError(ValueError):
    """The editor asked for more than the user allows."""


def _parse(entry: Entry) -> object:
    """Words of the environment and the command line, made into what the setting holds."""
    if entry.source in {Source.ENVIRONMENT, Source.CLI} and _is_list(entry.name):
        if isinstance(entry.value, str):
            return _words(entry.value)
        if isinstance(entry.value, tuple | list):
            return [word for item in entry.value for word in _words(str(item))]
    return entry.value


def _is_list(name: str) -> bool:
    return any(variant.get("type") == "array" for variant in variants(name))


def _words(text: str) -> list[str]:
    """``a, b`` or ``["a", "b"]``. A glob such as ``[ab]*.py`` is no JSON, and so is taken as it is."""
    if text.startswith("["):
        try:
            words = json.loads(text)
        except (ValueError, RecursionError):
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return words
    return [word for part in text.split(",") if (word := part.strip())]


def _validated(name: str, value: object) -> Any:
    if isinstance(value, bool) and Settings.model_fields[name].annotation is not bool:
        # pydantic would read true as the number 1.
        value = "true" if value else "false"
    return getattr(Settings.model_validate({name: value}), name)


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    text = first["msg"].removeprefix("Value error, ").replace("Input should be", "it should be")
    item = next((part for part in first["loc"] if isinstance(part, int)), None)
    return f"item {item + 1}: {text}" if item is not None else text[:1].lower() + text[1:]


def _did_you_mean(word: object, words: Iterable[str]) -> str:
    match = nearest(word, words) if isinstance(word, str) else None
    return f"Did you mean {match}?" if match else ""


def _owners(name: str) -> str:
    places = {
        Source.FILE: "the user file",
        Source.ENVIRONMENT: f"the environment ({sources.PREFIX}{name.upper()})",
        Source.CLI: f"the command line (--{name.replace('_', '-')})",
    }
    *rest, last = (text for source, text in places.items() if source in owned(name).by)
    return f"{', '.join(rest)} or {last}" if rest else last


def _bounded(problems: Iterable[Problem]) -> Iterable[Problem]:
    counts: Counter[Source] = Counter()
    for problem in problems:
        counts[problem.source] += 1
        if counts[problem.source] <= _MAX_PROBLEMS_PER_SOURCE:
            yield problem
        elif counts[problem.source] == _MAX_PROBLEMS_PER_SOURCE + 1:
            yield Problem(
                "", problem.source, f"what else the {problem.source} sets", "", "it has too many problems"
            )
