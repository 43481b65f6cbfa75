"""Builds a reviewer from settings; the only room that knows all the others.

Names are imported when they are first used: whoever only wants to know who reviews does not wait for what
reviews.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibitz.app.app import App
    from kibitz.app.choice import NOBODY, Choice, choose
    from kibitz.app.configs import LOCAL_TIMEOUT_MS, local_config, remote_config
    from kibitz.app.identities import identity, verifier
    from kibitz.app.views import review_settings

_HOMES = {
    "App": "kibitz.app.app",
    "Choice": "kibitz.app.choice",
    "LOCAL_TIMEOUT_MS": "kibitz.app.configs",
    "NOBODY": "kibitz.app.choice",
    "choose": "kibitz.app.choice",
    "identity": "kibitz.app.identities",
    "local_config": "kibitz.app.configs",
    "remote_config": "kibitz.app.configs",
    "review_settings": "kibitz.app.views",
    "verifier": "kibitz.app.identities",
}

__all__ = [
    "LOCAL_TIMEOUT_MS",
    "NOBODY",
    "App",
    "Choice",
    "choose",
    "identity",
    "local_config",
    "remote_config",
    "review_settings",
    "verifier",
]


def __getattr__(name: str) -> object:
    """Import a name's module when the name is first asked for (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
