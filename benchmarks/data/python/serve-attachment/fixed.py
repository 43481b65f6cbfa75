"""Serves the files that users attached to a ticket."""

from pathlib import Path


class NotFoundError(Exception):
    """There is no such attachment."""


class Attachments:
    """Everything below one folder. Names come from requests; the framework lets no control characters pass."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def read(self, name: str) -> bytes:
        """The content of an attachment.

        Raises:
            NotFoundError: there is none of that name in the folder.
        """
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder) or not path.is_file():
            raise NotFoundError(name)
        return path.read_bytes()
