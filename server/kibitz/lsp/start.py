"""The fast way to ``server.main``: it imports nothing but what it needs to begin."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def main(cli: Mapping[str, object] | None = None) -> int:
    """See ``kibitz.lsp.server.main``."""
    # Importing the protocol's types makes half a million objects and no garbage; looking for it costs a tenth
    # of the time until `initialize` is answered. `stdio.run` switches it on again.
    gc.disable()
    from kibitz.lsp.server import main as serve  # noqa: PLC0415 - after the collector is off

    return serve(cli)
