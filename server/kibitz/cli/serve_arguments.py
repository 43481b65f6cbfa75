"""Reads the arguments of ``kibitz serve`` without click: half of the time until an editor gets its answer."""

from __future__ import annotations

_PREFIX = "--"


def parse(arguments: list[str]) -> dict[str, str] | None:
    """The settings that the arguments hold, by name; None where click must have a look (help, mistakes).

    Understands ``--setting value`` and ``--setting=value``. Whether there is such a setting is for
    ``kibitz.config`` to say, later: a server that starts and complains helps more than one that dies.
    """
    settings: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        if argument == "--stdio":
            continue
        name, equals, value = argument.removeprefix(_PREFIX).partition("=")
        if not argument.startswith(_PREFIX) or not name or name == "help":
            return None
        if not equals:
            value = next(rest, "")
            if not value or value.startswith(_PREFIX):
                return None
        settings[name.replace("-", "_")] = value
    return settings
