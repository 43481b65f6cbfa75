"""Reads all sources, and makes ``Settings`` of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kibitz.config import sources
from kibitz.config.environ import environment
from kibitz.config.folders import settings_of_folders
from kibitz.config.merging import Merge
from kibitz.config.owners import Source
from kibitz.config.places import FILE_VARIABLE, default_user_file
from kibitz.config.problems import Problem, bounded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kibitz.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, where each came from, and what was not used."""

    settings: Settings
    problems: tuple[Problem, ...] = ()
    origins: Mapping[str, Source] = field(default_factory=dict)
    """The source of every setting's value; ``Source.DEFAULT`` where nothing set it."""
    places: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, Settings] = field(default_factory=dict)
    """The settings of each folder that was asked about, by its path."""

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
    folders: Mapping[str, object] | None = None,
) -> Loaded:
    """Reads all sources, weakest first: defaults, user file, environment, command line, editor.

    Args:
        cli: values by setting name; None counts as not given.
        environ: the environment; if None, that of the process.
        user_file: instead of the user's own file. It need not exist.
        lsp: the editor's section ``kibitz``, as it came.
        folders: what the editor's section has else for each of the folders that are open, by their paths.

    Never raises for what a source holds: that is in ``problems``.
    """
    environ = environment() if environ is None else environ
    path = user_file or default_user_file(environ)
    must_exist = user_file is None and bool(environ.get(FILE_VARIABLE))
    merge = Merge()
    merge.take(sources.from_file(path, must_exist=must_exist))
    merge.take(sources.from_environment(environ))
    merge.take(sources.from_command_line(cli or {}))
    user, editor = merge.fork(), sources.from_editor(lsp)
    merge.take(editor)
    places = {path: sources.from_editor(section, path) for path, section in (folders or {}).items()}
    own = settings_of_folders(user, merge, editor, places)
    return Loaded(
        merge.settings(),
        tuple(bounded(dict.fromkeys(merge.problems))),
        merge.origins,
        merge.places,
        own,
    )
