"""The fast way to ``server.main``: it imports nothing but what it needs to begin."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def main(cli: Mapping[str, object] | None = None) -> int:
    """See ``kibitz.lsp.server.main``."""
    # A full look for garbage while the protocol's types are made finds none of note, each time. The smaller
    # ones stay: what they free is 9 MB that would never come back. `stdio.run` switches to the usual.
    gc.set_threshold(700, 10, 1_000_000)
    from kibitz.lsp.compiled import kept  # noqa: PLC0415 - after the collector is told

    with kept():
        from kibitz.lsp.server import main as serve  # noqa: PLC0415 - with what is kept
    return serve(cli)
