"""Keeps the code of the protocol's types, which attrs writes and compiles anew at each start.

``lsprotocol`` has 554 classes, and attrs writes the methods of each as text: compiling that is a fifth of the
time from start to ``initialize``. Python keeps what it compiles of files in ``__pycache__``; this keeps what
it compiles of that text, in the same folder, under the same conditions, and as far to be trusted. A text that
is not known is compiled: another version of attrs or lsprotocol costs one slow start, and nothing else.
"""

from __future__ import annotations

import importlib.util
import marshal
import sys
from binascii import crc32
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

_HEAD = importlib.util.MAGIC_NUMBER
_TYPES = " lsprotocol.types."
"""In the file name that attrs makes up. What it writes for others is little, and not always the same."""
_CHECK = 4
"""Bytes of the checksum."""


@contextmanager
def kept(path: Path | None = None) -> Iterator[None]:
    """While it lasts, attrs compiles only what it has not compiled here before; ``path`` is where that is.

    Never fails: what cannot be read is compiled, and what cannot be written is compiled again the next time.
    """
    import attr._make as attrs  # noqa: PLC0415 - it comes with what is imported inside, not before

    path = path or place()
    known = {} if path is None else read(path)
    used: dict[bytes, CodeType] = {}

    def compiled(source: str, filename: str, mode: str) -> CodeType:
        if _TYPES not in filename:
            return compile(source, filename, mode)
        key = importlib.util.source_hash(f"{filename}\0{source}".encode("utf-8", "surrogatepass"))
        code = known.get(key) or used.get(key) or compile(source, filename, mode)
        used[key] = code
        return code

    # A name of the module hides the one that is built in, for this module alone.
    namespace: dict[str, Any] = vars(attrs)
    namespace["compile"] = compiled
    try:
        yield
    finally:
        del namespace["compile"]
        if path is not None and used.keys() != known.keys() and not sys.dont_write_bytecode:
            with suppress(OSError):
                write(path, used)


def place() -> Path | None:
    """Beside the compiled file of this module; None where Python keeps none."""
    try:
        return Path(importlib.util.cache_from_source(__file__)).with_suffix(".types")
    except NotImplementedError:
        return None


def read(path: Path) -> dict[bytes, CodeType]:
    """What is kept, by a hash of its text; nothing where that is not whole, or another Python's."""
    try:
        content = path.read_bytes()
    except OSError:
        return {}
    body = memoryview(content)[len(_HEAD) + _CHECK :]
    if not body or content[: len(_HEAD) + _CHECK] != _HEAD + _checksum(body):
        return {}
    known: dict[bytes, CodeType] = marshal.loads(body)  # noqa: S302 - as much to be trusted as the .pyc beside it
    return known


def write(path: Path, used: dict[bytes, CodeType]) -> None:
    """Keep it, whole or not at all. Raises ``OSError``."""
    from kibitz.guard.files import replace_file  # noqa: PLC0415 - most starts write nothing

    body = marshal.dumps(used)
    replace_file(path, _HEAD + _checksum(body) + body)


def _checksum(body: bytes | memoryview) -> bytes:
    return crc32(body).to_bytes(_CHECK, "little")
