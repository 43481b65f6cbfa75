"""Where the user's settings stand. Light to import."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_VARIABLE = "KIBITZ_CONFIG"


def default_user_file(environ: Mapping[str, str] | None = None) -> Path:
    """The user's file: what ``KIBITZ_CONFIG`` names, else ``config.toml`` in the platform's config folder."""
    named = (os.environ if environ is None else environ).get(FILE_VARIABLE)
    if named:
        return Path(named)
    import platformdirs  # noqa: PLC0415 - 20 ms that most callers of this module do not need

    return platformdirs.user_config_path("kibitz", appauthor=False) / "config.toml"


def fingerprint(secret: str) -> str:
    """Eight hexadecimal digits that tell two keys apart and reveal neither."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:8]
