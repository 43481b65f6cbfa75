"""ai-lsp, which looks at the whole file whenever the typing pauses: how it is started, and what it once took.

It is not on PyPI, so it runs from a checkout of https://github.com/benomahony/ai-lsp, with those packages of
its uv.lock that a review takes. What it asked for is kept in ai_lsp.json, for those who have no checkout.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measures import Spread
from benchmarks.peers import Peer
from benchmarks.tokens import Asked, Session
from tests.support.fake_answers import found_in
from tests.support.fake_provider import Prompt, Reply
from tests.support.lsp_process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.fake_answers import Bug

Json = dict[str, Any]
AI_LSP = "ai-lsp"
RECORD = Path(__file__).with_name("ai_lsp.json")
LAUNCH = """
import contextlib, sys
with contextlib.redirect_stdout(sys.stderr):  # a module of it prints, where an editor reads messages
    from ai_lsp.main import server
server.start_io()
"""
PEER = Peer(
    "pydantic-ai-slim[openai]==0.4.11",
    ("python", "-c", LAUNCH),
    more=(
        "logfire[httpx]==4.14.2",
        "lsprotocol==2023.0.1",
        "openai==1.98.0",
        "pydantic==2.11.7",
        "pydantic-settings==2.10.1",
        "pygls==1.3.1",
    ),
)
"""Of its uv.lock, without what it trains models with. It asks for Python 3.12, and runs with 3.11, too."""
METADATA = "Metadata-Version: 2.1\nName: ai-lsp\nVersion: 0.1.0\n"
"""It asks for its own version, which nobody knows of a checkout."""
PAUSE_MS = 1000
"""It waits so long by itself, too."""
PATIENCE_S = 120.0
"""It imports for some seconds of CPU before it answers; on a busy machine that is a minute."""


def issues(prompt: Prompt) -> Reply:
    """The planted bugs, in the words in which it wants them: as what its one tool is called with."""
    (tool,) = prompt.body["tools"]
    hits = [(line, hit) for line in prompt.text.split("\n") if (hit := found_in(line, ()))]
    found = json.dumps({"issues": [_issue(line, *hit) for line, hit in hits]})
    return Reply(found, finish="tool_calls", tool=tool["function"]["name"])


def _issue(line: str, bug: Bug, instead: str | None) -> Json:
    fixes = [{"title": bug.title, "target_snippet": line, "replacement_snippet": instead}]
    return {
        "issue_snippet": line,
        "severity": bug.severity,
        "message": f"{bug.title}: {bug.trigger}",
        "suggested_fixes": [] if instead is None else fixes,
    }


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder with its sources."""

    folder: Path

    @property
    def commit(self) -> str:
        """By git, or by the name that GitHub gives to an archive."""
        if named := re.fullmatch(r"ai-lsp-([0-9a-f]{40})", self.folder.name):
            return named[1]
        if not (self.folder / ".git").exists():
            raise SystemExit(f"{self.folder} has no .git, so its commit is not known: clone ai-lsp with git")
        git = ("git", "-C", str(self.folder), "rev-parse", "HEAD")
        return subprocess.run(git, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def fetched(self, folder: Path) -> Started:
        """How it is started, once what it needs is there."""
        command = PEER.fetched(folder)
        metadata = Path(command[0]).parents[1] / "metadata"
        (metadata / "ai_lsp-0.1.0.dist-info").mkdir(parents=True, exist_ok=True)
        (metadata / "ai_lsp-0.1.0.dist-info" / "METADATA").write_text(METADATA)
        return Started(command, f"{self.folder.resolve() / 'src'}:{metadata}")


@dataclass(frozen=True, slots=True)
class Started:
    """Its command, and where Python finds its modules."""

    command: list[str]
    path: str


class Server(ServerProcess):
    """Its process, and the editor's end of its pipes."""

    def __init__(self, home: Path, started: Started, base_url: str) -> None:
        super().__init__(
            home,
            AI_LSP_MODEL="openai:gpt-4o",
            CONFIGURE_LOGFIRE="false",
            DEBOUNCE_MS=str(PAUSE_MS),
            LOGFIRE_IGNORE_NO_CONFIG="1",
            OPENAI_API_KEY="sk-benchmark",
            OPENAI_BASE_URL=base_url,
            PYTHONPATH=started.path,
        )
        self._started = started
        self._texts = 0

    def command(self) -> list[str]:
        return self._started.command

    def notify(self, method: str, params: object = None) -> None:
        self._texts += method in {"textDocument/didOpen", "textDocument/didChange"}
        super().notify(method, params)

    async def until(self, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        await super().until(condition, max(seconds, PATIENCE_S))

    async def at_rest(self) -> None:
        """Wait until it has said something about each text that it was given."""
        await self.until(lambda: self._told() >= self._texts)

    def _told(self) -> int:
        return sum(each.get("method") == "textDocument/publishDiagnostics" for each in self.received)


@dataclass(frozen=True, slots=True)
class Record:
    """What a session with it took, on some day."""

    commit: str
    date: str
    python: str
    packages: list[str]
    text: str
    """The hash of what was edited."""
    edits: int
    session: Session
    kibitz_shown_ms: Spread
    """How long findings of kibitz took in the same run."""

    @classmethod
    def of(cls, commit: str, text: str, edits: int, session: Session, kibitz_shown_ms: Spread) -> Record:
        """Of today."""
        return cls(
            commit=commit,
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            python=platform.python_version(),
            packages=[PEER.package, *PEER.more],
            text=hashed(text),
            edits=edits,
            session=session,
            kibitz_shown_ms=kibitz_shown_ms,
        )

    @classmethod
    def read(cls, path: Path = RECORD) -> Record:
        """The one that is kept."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        parts, ours = kept.pop("session"), kept.pop("kibitz_shown_ms")
        opening, asked = (Asked(**parts[name]) for name in ("opening", "asked"))
        session = Session(opening, asked, Spread(**parts["shown_ms"]))
        return cls(**kept, session=session, kibitz_shown_ms=Spread(**ours))

    def write(self, path: Path = RECORD) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    def is_of(self, text: str, edits: int) -> bool:
        """Whether it tells of the same session."""
        return (self.text, self.edits) == (hashed(text), edits)

    def about(self) -> Json:
        """What it was, when, and what cannot be told of another run."""
        shown = {"kibitz": self.kibitz_shown_ms, AI_LSP: self.session.shown_ms}
        known = {name: getattr(self, name) for name in ("commit", "date", "python", "packages")}
        return known | {"shown_ms": {name: asdict(each) for name, each in shown.items()}}


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()
