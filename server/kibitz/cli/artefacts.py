"""Opens what ``kibitz cache export`` writes and ``import`` reads: files, and ``-`` for standard streams."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from kibitz.cli.output.visible import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

STANDARD = "-"


@contextmanager
def writing(name: str) -> Iterator[BinaryIO]:
    """A file for its owner only, that is there when the block has ended well: all of it, or as it was before.

    Raises:
        click.ClickException: it cannot be written.
    """
    if name == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        if Path(name).exists() and not Path(name).is_file():
            # A pipe or a device is written to, and not replaced by a file.
            with Path(name).open("wb") as stream:
                yield stream
        else:
            with _replacing(Path(os.path.realpath(name))) as stream:
                yield stream
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.ClickException(f"{escape(name)} cannot be written: {error.strerror}") from error


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor has no Path
            yield stream
            stream.flush()
            os.fsync(descriptor)
        Path(temporary).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


@contextmanager
def reading(name: str) -> Iterator[BinaryIO]:
    """The file, from its start.

    Raises:
        click.ClickException: it cannot be read.
    """
    if name == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        with Path(name).open("rb") as stream:
            yield stream
    except OSError as error:
        raise click.ClickException(f"{escape(name)} cannot be read: {error.strerror}") from error
