"""A least recently used cache, and helpers around it."""


class Cache:
    """Keeps at most capacity entries; the oldest one goes first."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.entries: dict[str, bytes] = {}

    def put(self, key: str, value: bytes) -> None:
        """Store value under key, dropping the oldest entry if the cache is full."""
        if key in self.entries:
            del self.entries[key]
        elif len(self.entries) >= self.capacity:
            oldest = next(iter(self.entries))
            del self.entries[key]
        self.entries[key] = value


def merge_ranges(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join overlapping (start, end) ranges; the result is sorted."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], min(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
