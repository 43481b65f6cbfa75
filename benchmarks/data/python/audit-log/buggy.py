"""A log that begins a new file when the old one is long."""

import threading

MAX_LINES = 1000


class AuditLog:
    """May be written to by many threads."""

    def __init__(self, max_lines: int = MAX_LINES) -> None:
        self._lock = threading.Lock()
        self._max_lines = max_lines
        self._lines: list[str] = []
        self.files: list[list[str]] = []

    def write(self, line: str) -> None:
        """Add a line; begins a new file after each ``max_lines`` lines."""
        with self._lock:
            self._lines.append(line)
            if len(self._lines) >= self._max_lines:
                self.rotate()

    def rotate(self) -> None:
        """Begin a new file, if anything was written to this one."""
        with self._lock:
            self._rotate()

    def _rotate(self) -> None:
        """The same for whoever holds the lock."""
        if self._lines:
            self.files.append(self._lines)
            self._lines = []
