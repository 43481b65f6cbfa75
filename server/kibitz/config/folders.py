"""Settings of the folders that are open, each with its own.

A folder may have its own of what decides about its own files. What all folders share is the same for all: its
limits are as strict as the strictest folder wants them, and nothing else of it is a folder's to set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.config.owners import Source, Tighten
from kibitz.config.settings import Settings, owned, setting_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kibitz.config.merging import Merge
    from kibitz.config.sources import Entry, Reading


def settings_of_folders(
    user: Merge, merged: Merge, editor: Reading, folders: Mapping[str, Reading]
) -> dict[str, Settings]:
    """The settings of each folder. Limits that are shared, and all problems, go into ``merged``.

    Args:
        user: what the user set, whatever the editor says.
        merged: the same with what the editor says for all folders.
        editor: that.
        folders: what it says for each folder, by its path.
    """
    common = {entry.name: entry for entry in editor.entries}
    own: dict[str, list[Entry]] = {}
    for path, reading in folders.items():
        merged.problems.extend(reading.problems)
        # Editors repeat what holds everywhere; whatever is wrong with it was said.
        news = [each for each in reading.entries if not _repeats(each, common)]
        own[path] = [each for each in news if is_per_folder(each.name)]
        for entry in news:
            if not is_per_folder(entry.name):
                _share(entry, user, merged)
    settings = merged.settings()
    return {
        path: _own(settings, user, {**common, **{each.name: each for each in entries}}, merged)
        if entries
        else settings
        for path, entries in own.items()
    }


def is_per_folder(name: str) -> bool:
    """Whether each folder may have its own of the setting ``name``."""
    return name in Settings.model_fields and owned(name).folder


def _repeats(entry: Entry, common: Mapping[str, Entry]) -> bool:
    return entry.name in common and common[entry.name].value == entry.value


def _share(entry: Entry, user: Merge, merged: Merge) -> None:
    """What a folder says about something that all share."""
    if entry.name not in Settings.model_fields or Source.LSP not in owned(entry.name).by:
        merged.apply(entry)  # Which refuses it, and says why.
        return
    if owned(entry.name).lsp is not Tighten.LOWER:
        merged.refuse(entry, "it is the same for all folders", "Set it for the whole editor")
        return
    wanted = user.fork()
    wanted.apply(entry)
    merged.problems.extend(wanted.problems)
    if not wanted.problems and wanted.number(entry.name) < merged.number(entry.name):
        merged.apply(entry)


def _own(settings: Settings, user: Merge, entries: Mapping[str, Entry], merged: Merge) -> Settings:
    """``settings`` with what is a folder's own."""
    fork = user.fork()
    for name, entry in entries.items():
        if is_per_folder(name):
            fork.apply(entry)
    merged.problems.extend(fork.problems)
    values = fork.settings()
    return settings.model_copy(update={name: getattr(values, name) for name in _per_folder()})


def _per_folder() -> Sequence[str]:
    return [name for name in setting_names() if owned(name).folder]
