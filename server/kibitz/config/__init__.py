"""The settings: what they are, where they come from, and who may set which of them.

    loaded = load(cli={"model": "gpt-6-luna"})
    loaded.settings.timeout_ms
    loaded.problems              # what was ignored, and why
    loaded.where("api_key")      # "environment variable OPENAI_API_KEY"

Names are imported when they are first used: the settings cost pydantic (0.15 s of CPU), which the server pays
after ``initialized``, and a check that finds all its answers in the cache never.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibitz.config.environ import environment
    from kibitz.config.loading import Loaded, load
    from kibitz.config.owners import Source
    from kibitz.config.places import default_user_file, fingerprint
    from kibitz.config.problems import Problem, Reported
    from kibitz.config.settings import Settings, setting_names

_HOMES = {
    "Loaded": "loading",
    "Problem": "problems",
    "Reported": "problems",
    "Settings": "settings",
    "Source": "owners",
    "default_user_file": "places",
    "environment": "environ",
    "fingerprint": "places",
    "load": "loading",
    "setting_names": "settings",
}

__all__ = [
    "Loaded",
    "Problem",
    "Reported",
    "Settings",
    "Source",
    "default_user_file",
    "environment",
    "fingerprint",
    "load",
    "setting_names",
]


def __getattr__(name: str) -> object:
    """Import a name's module when the name is first asked for (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"kibitz.config.{home}"), name)
