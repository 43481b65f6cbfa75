"""Drops events that come twice."""

from collections import OrderedDict

KEPT = 10_000


class Filter:
    """Remembers the last ``KEPT`` ids; a repetition comes within seconds, or never."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._seen: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def is_new(self, event_id: str) -> bool:
        """Whether the event has not come before; from then on it has."""
        if event_id in self._seen:
            self._seen.move_to_end(event_id)
            return False
        self._seen[event_id] = None
        return True
