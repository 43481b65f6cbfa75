"""The embedded models' files: where they are, whether they are there, and how to get rid of them.

A file has its final name only once its whole content matched the pinned checksum, so a name that is there
can be loaded. Light to import: ``pull`` brings in the network when it is called.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.local.errors import WeightsError
from kibitz.local.models import DEFAULT_MODEL, MODELS, Model, find
from kibitz.local.progress import OnProgress, Phase, Progress, ignore

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DEFAULT_MODEL",
    "MODELS",
    "Model",
    "OnProgress",
    "Phase",
    "Progress",
    "Stored",
    "WeightsError",
    "find",
    "installed",
    "listing",
    "model_dir",
    "path_of",
    "pull",
    "remove",
]


@dataclass(frozen=True, slots=True)
class Stored:
    """What the disk holds of one model."""

    model: Model
    path: Path
    installed: bool
    partial: int
    """Bytes of an unfinished download, which the next pull goes on with."""


def model_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of all models: ``KIBITZ_MODEL_DIR``, else ``models`` in the user's cache folder."""
    named = environ.get("KIBITZ_MODEL_DIR")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_cache_path  # noqa: PLC0415 - not needed where the folder is named

    return user_cache_path("kibitz") / "models"


def path_of(model: Model, folder: Path | None = None) -> Path:
    """Where the file of ``model`` is, or would be."""
    return (folder or model_dir()) / model.filename


def partial_of(model: Model, folder: Path | None = None) -> Path:
    """The folder that holds an unfinished download of ``model``."""
    return (folder or model_dir()) / f"{model.filename}.partial"


def lock_of(model: Model, folder: Path | None = None) -> Path:
    """The file that whoever writes ``model`` holds a lock on."""
    return (folder or model_dir()) / f"{model.filename}.lock"


def installed(model: Model, folder: Path | None = None) -> bool:
    """Whether the whole file is there. Asks the disk for its size only: a few microseconds."""
    try:
        return path_of(model, folder).stat().st_size == model.size
    except OSError:
        return False


def listing(folder: Path | None = None) -> tuple[Stored, ...]:
    """Every model of the table and what the disk holds of it."""
    return tuple(
        Stored(model, path_of(model, folder), installed(model, folder), _size(partial_of(model, folder)))
        for model in MODELS.values()
    )


def pull(model: Model, on_progress: OnProgress = ignore, folder: Path | None = None) -> Path:
    """Fetch ``model`` unless it is there, and return its path. Blocks; an interrupted pull is taken up again.

    Raises ``WeightsError`` where no source can be reached, the content is not what it must be, or the disk
    has no room.
    """
    from kibitz.local.download import download  # noqa: PLC0415 - brings in the HTTP library: 0.2 s

    folder = folder or model_dir()
    if not installed(model, folder):
        download(model, folder, on_progress)
    on_progress(Progress(Phase.DONE, model.size, model.size))
    return path_of(model, folder)


def remove(model: Model, folder: Path | None = None) -> int:
    """Delete the file of ``model`` and what an unfinished download left; the bytes that this freed.

    Raises ``WeightsError`` while the model is being fetched, or where the disk refuses.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - only where files are written

    path, partial = path_of(model, folder), partial_of(model, folder)
    if not path.parent.is_dir():
        return 0
    freed = _size(path) + _size(partial)
    try:
        with FileLock(lock_of(model, folder), timeout=0):
            path.unlink(missing_ok=True)
            if partial.exists():
                shutil.rmtree(partial)
    except Timeout as error:
        raise WeightsError(
            f"{model.name} is being fetched by another kibitz. Stop that one first, then remove the model."
        ) from error
    except OSError as error:
        raise WeightsError(
            f"{path} cannot be removed: {error.strerror}. Check who owns it, or remove it by hand."
        ) from error
    return freed


def _size(path: Path) -> int:
    """Bytes of a file, or of the files in a folder; 0 for what is not there."""
    try:
        if path.is_dir():
            return sum(entry.stat().st_size for entry in path.iterdir())
        return path.stat().st_size
    except OSError:
        return 0
