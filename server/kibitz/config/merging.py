"""Puts values of several sources over each other. One bad value never loses the rest."""

from __future__ import annotations

import json
import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kibitz.config import sources
from kibitz.config.owners import Source, Tighten
from kibitz.config.problems import MAX_PER_SOURCE, Problem, looks_secret, nearest, show
from kibitz.config.settings import Settings, choices, is_secret, owned, setting_names, variants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kibitz.config.sources import Entry, Reading


class Merge:
    """The values so far. Each entry is checked on its own against the stack below it."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._origins: dict[str, Source] = dict.fromkeys(setting_names(), Source.DEFAULT)
        self._places: dict[str, str] = {}
        self.problems: list[Problem] = []

    def fork(self) -> Merge:
        """Another that begins with the values so far, and with no problems."""
        other = Merge()
        other._values, other._origins = self._values.copy(), self._origins.copy()
        other._places = self._places.copy()
        return other

    def value(self, name: str) -> object:
        """What the setting ``name`` is so far."""
        return self._values.get(name, Settings.model_fields[name].default)

    def number(self, name: str) -> float:
        """The same for a setting that is a number; none is a limit without an end."""
        value = self.value(name)
        return math.inf if value is None else float(str(value))

    def take(self, reading: Reading) -> None:
        """All that a source gave."""
        self.problems.extend(reading.problems)
        for entry in reading.entries:
            self.apply(entry)

    def apply(self, entry: Entry) -> None:
        """One value; if it cannot be used, that is among the problems."""
        name = entry.name
        if name not in Settings.model_fields:
            # A hostile workspace may send thousands: no search for what will not be shown.
            if sum(p.source is entry.source for p in self.problems) <= MAX_PER_SOURCE:
                self.refuse(entry, "there is no such setting", _did_you_mean(name, setting_names()))
            return
        if entry.source not in owned(name).by:
            self.refuse(entry, f"the {entry.source} may not set it", f"It may be set in {_owners(name)}")
            return
        value = _parse(entry)
        try:
            value = _validated(name, value)
            if entry.source is Source.LSP:
                value = _validated(name, self._tightened(entry, value))
        except ValidationError as error:
            self.refuse(entry, _reason(error), _did_you_mean(value, choices(name)))
        except _NotTighterError as error:
            self.refuse(entry, str(error))
        else:
            self._values[name] = value
            self._origins[name] = entry.source
            self._places[name] = entry.where

    def _tightened(self, entry: Entry, value: Any) -> Any:
        standing: Any = self.value(entry.name)
        match owned(entry.name).lsp:
            case Tighten.ADD:
                return tuple(dict.fromkeys((*standing, *value)))
            case Tighten.OFF if value and not standing:
                raise _NotTighterError("the editor may only switch it off, and it is off")
            case Tighten.LOWER if value is None or (standing is not None and value > standing):
                # None is no limit at all.
                if standing is None:
                    return value
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

    def refuse(self, entry: Entry, reason: str, advice: str = "") -> None:
        """Note that a value is not used, and why."""
        known = entry.name in Settings.model_fields
        shown = show(entry.value, secret=is_secret(entry.name) if known else looks_secret(entry.name))
        name = entry.name if known else repr(entry.name)[1:-1][:64]
        self.problems.append(Problem(name, entry.source, entry.where, shown, reason, advice))

    def settings(self) -> Settings:
        """All values."""
        return Settings(**self._values)

    @property
    def origins(self) -> Mapping[str, Source]:
        """The source of every setting's value."""
        return MappingProxyType(self._origins)

    @property
    def places(self) -> Mapping[str, str]:
        """Where each value stands that is no default."""
        return MappingProxyType(self._places)


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
