"""Clients as they really introduce themselves; see `clients/README.md`."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "clients"
CLIENTS = tuple(sorted(file.stem for file in _FOLDER.glob("*.json")))


@cache
def _text(name: str) -> str:
    return (_FOLDER / f"{name}.json").read_text("utf-8")


def introduction(name: str) -> dict[str, Any]:
    """The parameters of the `initialize` of that client; the caller's own to change."""
    params: dict[str, Any] = json.loads(_text(name))
    return params
