"""Menus of a terminal program."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    key: str
    title: str


class Menu:
    """A title and its entries, each menu with its own."""

    def __init__(self, title: str, entries: list[Entry] | None = None) -> None:
        self.title = title
        self.entries = [] if entries is None else entries

    def add(self, key: str, title: str) -> None:
        """Add an entry at the end; a key stands for one entry only."""
        if any(entry.key == key for entry in self.entries):
            raise ValueError(f"there is an entry for {key!r} already")
        self.entries.append(Entry(key, title))

    def render(self) -> str:
        return "\n".join([self.title, *(f"  {entry.key}  {entry.title}" for entry in self.entries)])
