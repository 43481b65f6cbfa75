"""Writes the reference of all settings: ``python -m kibitz.config.document > docs/settings.md``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kibitz.config.owners import Source, Tighten
from kibitz.config.settings import Settings, choices, owned, setting_names, variants

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# Settings

<!-- Made from the model by `python -m kibitz.config.document`: edit server/kibitz/config/settings.py. -->

Every source may leave out what it likes. A later one wins over an earlier one:

1. the defaults;
2. the user file, TOML: `config.toml` in the platform's configuration folder (`~/.config/kibitz/` on Linux,
   `~/Library/Application Support/kibitz/` on macOS), or the file that `KIBITZ_CONFIG` names;
3. the environment: `KIBITZ_` and the setting's name in upper case; lists are separated by commas;
4. the command line: `--` and the setting's name with hyphens, such as `--max-findings 5`;
5. the editor: the section `kibitz`, names as here or in camelCase (`debounceMs`). Where several folders are
   open, each may have its own of some settings (*for each folder*), and the innermost folder around a file
   counts. Of a limit that all folders share, the strictest counts for all.

What comes from the editor may come from the repository that is open. So it can never set a key, an address, a
log file or a larger budget: those settings are ignored there, and kibitz says so once. A value that is not
understood is reported with its place, and loses nothing but itself. `kibitz doctor` shows what was found.

In the editor, changes count at once, without a restart: those of its own settings, of the user file, and of
the files that say what is ignored and what a project wants. Where the editor watches no files for a server
(Neovim on Linux, for one), kibitz looks whether such a file changed when a document is opened or saved.

Two folders are named by the environment alone: `KIBITZ_MODEL_DIR` for the embedded models, `KIBITZ_STATE_DIR`
for what is remembered between runs (kept answers, day counts, shared limits), in place of the platform's own.

"""


def markdown() -> str:
    """The whole page."""
    return _HEAD + "\n".join(_section(name) for name in setting_names())


def _section(name: str) -> str:
    facts = "\n".join(f"- {fact}" for fact in _facts(name))
    return f"## `{name}`\n\n{Settings.model_fields[name].description}\n\n{facts}\n"


def _facts(name: str) -> Iterator[str]:
    owner = owned(name)
    yield f"Default: {_default(Settings.model_fields[name].default, owner.unit)}"
    if words := choices(name):
        yield f"Values: {', '.join(f'`{word}`' for word in words)}"
    if bounds := _bounds(name):
        yield f"From {bounds[0]:,} to {bounds[1]:,}" + (f" {owner.unit}" if owner.unit else "")
    yield f"Set by: {', '.join(_places(name))}"


def _default(value: object, unit: str) -> str:
    if value is None or value in ((), {}):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" + (f" {unit}" if unit else "")


def _bounds(name: str) -> tuple[float, float] | None:
    for variant in variants(name):
        if "minimum" in variant and "maximum" in variant:
            return variant["minimum"], variant["maximum"]
    return None


def _places(name: str) -> Iterator[str]:
    owner = owned(name)
    if Source.FILE in owner.by:
        yield "user file"
    if Source.ENVIRONMENT in owner.by:
        yield f"`KIBITZ_{name.upper()}`"
    if Source.CLI in owner.by:
        yield f"`--{name.replace('_', '-')}`"
    if Source.LSP in owner.by:
        notes = ["for each folder"] if owner.folder else []
        if owner.lsp is not Tighten.REPLACE:
            notes.append(str(owner.lsp))
        yield f"editor ({'; '.join(notes)})" if notes else "editor"


if __name__ == "__main__":
    sys.stdout.write(markdown())
