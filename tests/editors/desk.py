"""What the tests of all editors have in common: a user's machine, a file with a bug, and somebody to ask."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from tests.editors.spending import spend
from tests.editors.terminal import until
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, Prompt, Reply, reviewer

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = Path(sysconfig.get_path("scripts"))
KIBITZ = SCRIPTS / "kibitz"
SOURCE = """\
def mean(values):
    emoji = "😀é"; total = sum(values) / len(value)
    return emoji, total
"""
"""Its faulty line has characters that are one, two and four units long before what is wrong."""
FIXED = SOURCE.replace("len(value)", "len(values)")
TITLE = "Undefined name"
TRIGGER = "mean([1]) raises NameError"
EXPLANATION = "The parameter is called values, so value is a name that nothing defines."
_FOREIGN = ("OPENAI_", "KIBITZ_", "XDG_", "NVIM", "VIM", "EMACS", "LSP_", "TMUX", "LC_", "LANG")


class Desk:
    """A home of its own, a project in it, and the environment of whoever works there."""

    def __init__(self, home: Path, fake: FakeProvider | None) -> None:
        self.home = home
        self.fake = fake
        self.project = home / "project"
        (self.project / ".git").mkdir(parents=True)
        self.file = self.project / "mean.py"
        self.file.write_text(SOURCE, encoding="utf-8")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        self.environment = kept | {
            "HOME": str(home),
            # `kibitz` is found as a user's shell finds it.
            "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
            "KIBITZ_MODEL_DIR": str(home / "models"),
            "KIBITZ_STATE_DIR": str(home / "state"),
            "KIBITZ_DEBOUNCE_MS": "100",
            "KIBITZ_MAX_RETRIES": "0",
        }
        if fake is not None:
            self.environment |= {"OPENAI_BASE_URL": fake.base_url, "OPENAI_API_KEY": canary.KEY}

    @property
    def asked(self) -> int:
        """How many requests the provider got."""
        return 0 if self.fake is None else len(self.fake.requests)

    def text(self) -> str:
        """The file, as it is on disk; empty while an editor puts another one in its place."""
        try:
            return self.file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def spend(self, usd: str) -> None:
        """Have spent so much today, in another window."""
        spend(self.home / "state", usd)

    def use_up_budget(self) -> None:
        """Have spent all that may be spent today."""
        self.spend("0.01")
        self.environment["KIBITZ_BUDGET_REQUESTS_PER_DAY"] = "1"

    def servers(self) -> list[int]:
        """The processes that serve this desk."""
        return [
            int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and self._serves(each)
        ]

    def kill_server(self) -> None:
        """End the server as the system does when memory runs out."""
        (server,) = self.servers()
        os.kill(server, signal.SIGKILL)
        until(lambda: server not in self.servers(), "the server is gone")

    def _serves(self, process: Path) -> bool:
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            own = f"HOME={self.home}".encode() in (process / "environ").read_bytes().split(b"\0")
        except OSError:
            return False
        return own and words[1:3] == [str(KIBITZ).encode(), b"serve"]


@contextlib.contextmanager
def provider() -> Iterator[FakeProvider]:
    """Somebody who sees what is wrong with ``SOURCE``, and can explain it."""
    review = reviewer(Bug("len(value)", "len(values)", title=TITLE, trigger=TRIGGER))

    def answer(prompt: Prompt) -> Reply:
        if "relies_on" not in (prompt.schema or {}).get("properties", {}):
            return review(prompt)
        said = {"summary": "It averages.", "relies_on": [], "breaks_when": [], "explanation": EXPLANATION}
        return Reply(json.dumps(said))

    with FakeProvider(answer).in_thread() as fake:
        yield fake
