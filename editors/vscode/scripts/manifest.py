"""Writes into package.json what follows from kibitz itself: settings, languages, restrictions.

make manifest
"""

from __future__ import annotations

import json
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from kibitz._version import __version__
from kibitz.config.owners import Source, Tighten
from kibitz.config.settings import Settings, choices, is_secret, owned, setting_names, variants
from kibitz.text.languages import languages

MANIFEST = Path(__file__).parents[1] / "package.json"

_LIMITS = {
    Tighten.LOWER: "It can lower what your user file says, not raise it.",
    Tighten.OFF: "It can switch off what your user file leaves on, not the other way round.",
    Tighten.ADD: "It adds to what your user file says.",
    Tighten.STRICTER: "It can only be stricter than what your user file says.",
    Tighten.ONLY: "It chooses among what your user file says.",
}
_OWN: dict[str, dict[str, Any]] = {
    "kibitz.server.path": {
        "type": "string",
        "default": "",
        "scope": "machine",
        "markdownDescription": "The program `kibitz` to start, by its absolute path. Empty: a Python that "
        "has kibitz is looked for, and else the server that comes with this extension is used.",
    },
    "kibitz.server.python": {
        "type": "string",
        "default": "",
        "scope": "machine",
        "markdownDescription": "The Python (3.11 or newer) that has kibitz, or that the server of this "
        "extension is installed with, by its absolute path. Empty: the one that the Python extension names, "
        "or those on `PATH`.",
    },
    "kibitz.trace.server": {
        "type": "string",
        "enum": ["off", "messages", "verbose"],
        "default": "off",
        "scope": "window",
        "markdownDescription": "What of the talk with the server is written to the log, when that is set to "
        "*Trace*. `verbose` includes your code.",
    },
}


def current(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest as it should be."""
    project = {name: _schema(name) for name in _names() if Source.LSP in owned(name).by}
    machine = {name: _schema(name) for name in _names() if Source.LSP not in owned(name).by}
    groups = (("Reviews", project), ("Model and Machine", machine))
    configuration = [
        {"title": title, "properties": {_full(name): schema for name, schema in group.items()}}
        for title, group in groups
    ]
    configuration.append({"title": "Server", "properties": _OWN})
    settings = {name: each for group in configuration for name, each in group["properties"].items()}
    # Whoever wrote a folder that nobody trusts has no say in these.
    restricted = [name for name, each in settings.items() if each["scope"] == "machine"]
    capabilities = manifest["capabilities"]
    untrusted = capabilities["untrustedWorkspaces"] | {"restrictedConfigurations": sorted(restricted)}
    return manifest | {
        "version": __version__,
        "activationEvents": [
            "onNotebook:jupyter-notebook",
            *(f"onLanguage:{each}" for each in sorted(languages())),
        ],
        "capabilities": capabilities | {"untrustedWorkspaces": untrusted},
        "contributes": manifest["contributes"] | {"configuration": configuration},
    }


def text(manifest: dict[str, Any]) -> str:
    """As it stands in the file."""
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"


def _names() -> list[str]:
    """Those that an editor may set: no secret, and nothing that a process can be made to run by."""
    return [name for name in setting_names() if not is_secret(name) and Source.ENVIRONMENT in owned(name).by]


def _full(name: str) -> str:
    first, *others = name.split("_")
    return "kibitz." + "".join((first, *(word.capitalize() for word in others)))


def _schema(name: str) -> dict[str, Any]:
    owner, field = owned(name), Settings.model_fields[name]
    kinds = [each for each in variants(name) if "type" in each or "enum" in each]
    nullable = any(each.get("type") == "null" for each in kinds)
    kind = next(each for each in kinds if each.get("type") != "null")
    found: dict[str, Any] = {"type": kind.get("type", "string")}
    words = list(choices(name))
    if words:
        # Where nothing can be chosen, too, the word for that is `off`.
        found["enum"] = [*words, "off"] if nullable else words
    elif nullable:
        found["type"] = [found["type"], "null"]
    found["default"] = _plain(field.default)
    kept = ("minimum", "maximum", "pattern", "maxItems")
    found |= {bound: kind[bound] for bound in kept if bound in kind}
    if "items" in kind:
        found["items"] = {bound: value for bound, value in kind["items"].items() if bound != "title"}
        found["uniqueItems"] = True
    found["scope"] = _scope(name)
    found["markdownDescription"] = _description(name)
    if owner.unit:
        found["markdownDescription"] += f" In {owner.unit}."
    return found


def _plain(value: object) -> object:
    """As JSON has it."""
    if isinstance(value, Decimal):
        return float(value)
    return list(value) if isinstance(value, tuple) else value


def _scope(name: str) -> str:
    owner = owned(name)
    if Source.LSP not in owner.by:
        return "machine"
    return "resource" if owner.folder else "window"


def _description(name: str) -> str:
    known = set(_names()) - {name}
    words = re.sub(
        r"`([a-z_]+)`",
        lambda found: f"`#{_full(found[1])}#`" if found[1] in known else found[0],
        Settings.model_fields[name].description or "",
    )
    limit = _LIMITS.get(owned(name).lsp) if Source.LSP in owned(name).by else None
    return f"{words} {limit}" if limit else words


if __name__ == "__main__":
    MANIFEST.write_text(text(current(json.loads(MANIFEST.read_text(encoding="utf-8")))), encoding="utf-8")
    sys.stdout.write(f"{MANIFEST} is current\n")
