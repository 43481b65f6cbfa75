"""Sends files that wait in a queue."""

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Queue:
    """Names of files that are to be sent."""

    def __init__(self, names: list[str]) -> None:
        self.waiting = list(names)
        self.done: list[str] = []

    def run(self, upload: Callable[[str], None]) -> None:
        """Send what waits. What fails with ``OSError`` waits for the next run."""
        for name in tuple(self.waiting):
            try:
                upload(name)
            except OSError:
                logger.warning("%s could not be sent", name)
                continue
            self.waiting.remove(name)
            self.done.append(name)
