"""The two logs that are kept for whoever looks into what kibitz did: of requests, and of security."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.state.places import state_dir
from kibitz.telemetry import access, security

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kibitz.config import Settings


class Trails:
    """The logs of one app, while it lives. Opens no file before something is to be written."""

    def __init__(self, settings: Settings) -> None:
        folder = state_dir()
        self._access = access.open_log(folder) if settings.access_log else None
        self._security = security.open_log(folder)

    def close(self) -> None:
        """Write what waits. Blocks for a second at most."""
        if self._access is not None:
            access.close_log(self._access)
        security.close_log(self._security)


def paths(settings: Settings) -> Iterator[tuple[str, Path]]:
    """What each of the logs is called, and its file, whether that is there or not."""
    if settings.access_log:
        yield "access log", state_dir() / access.FILE_NAME
    yield "security log", state_dir() / security.FILE_NAME
