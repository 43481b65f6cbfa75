"""The server prepares for files that nobody opened: a real repository, real git, a provider on real HTTP."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.support import canary, fake_faults
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.git_repository import GitRepository, needs_git
from tests.support.lsp_process import Buffer, ServerProcess

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_git

MEAN = "def mean(values):\n    return sum(values) / len(value)\n"
TWICE = "def twice(number):\n    return number * 2\n"
THRICE = "def thrice(number):\n    return number * 3\n"
BUG = Bug("len(value)", "len(values)", title="Undefined name")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder that is a repository, in which ``mean`` changed before ``twice``."""
    home = tmp_path / "home"
    repository = GitRepository(home)
    repository.commit({".gitignore": "state/\nmodels/\nbuilt.py\n", "thrice.py": THRICE}, 1_500_000_000)
    repository.commit({"mean.py": MEAN, "id_rsa.py": "def key():\n    pass\n"}, 1_600_000_000)
    repository.commit({"twice.py": TWICE}, 1_700_000_000)
    repository.write({"built.py": "def built():\n    pass\n", ".ssh/a.py": "def secret():\n    pass\n"})
    return home


def server(home: Path, fake: FakeProvider, **settings: str) -> ServerProcess:
    own = {"base_url": fake.base_url, "max_retries": "0", "log_level": "info", **settings}
    environment = {f"KIBITZ_{name.upper()}": value for name, value in own.items()}
    return ServerProcess(home, **{"OPENAI_API_KEY": canary.KEY, **environment})


async def prepared(editor: ServerProcess) -> str:
    """What the server says of it in its log, once it does."""
    await editor.until(lambda: b"\n" in editor.stderr.partition(b"prepared recent files: ")[2])
    return editor.stderr.partition(b"prepared recent files: ")[2].partition(b"\n")[0].decode()


def asked(fake: FakeProvider) -> list[str]:
    return [request.prompt.text.partition("def ")[2].partition("(")[0] for request in fake.requests]


async def test_what_changed_lately_is_asked_ahead_and_known_ever_after(home: Path) -> None:
    async with FakeProvider(reviewer(BUG)) as fake:
        async with server(home, fake, warm="recent") as editor:
            await editor.initialize()
            assert "3 files: 0 of 3 units known, 3 asked for" in await prepared(editor)
            assert asked(fake) == ["twice", "mean", "thrice"], "and nothing that must not leave"
            buffer = Buffer(editor, f"file://{home}/mean.py", MEAN, Encoding.UTF16)
            buffer.open()
            (found,) = await buffer.diagnostics(1)
            assert found["message"].startswith("Undefined name")
            assert await editor.leave() == 0
            assert editor.messages == []

        async with server(home, fake) as editor:
            await editor.initialize()
            assert "3 files: 3 of 3 units known, 0 asked for" in await prepared(editor)
            # From here on only its memory knows.
            shutil.rmtree(home / "state")
            buffer = Buffer(editor, f"file://{home}/mean.py", MEAN, Encoding.UTF16)
            buffer.open()
            await buffer.diagnostics(1)
        assert len(fake.requests) == 3


async def test_by_default_nothing_is_sent(home: Path) -> None:
    async with FakeProvider() as fake, server(home, fake) as editor:
        await editor.initialize()
        assert "3 files: 0 of 3 units known, 0 asked for, 3 files left" in await prepared(editor)
        assert fake.requests == []


async def test_it_keeps_to_the_days_tokens(home: Path) -> None:
    async with FakeProvider() as fake, server(home, fake, warm="recent", warm_max_tokens="2000") as editor:
        await editor.initialize()
        assert "2 files left; stopped, because the day's tokens for it are used up" in await prepared(editor)
        assert asked(fake) == ["twice"]


async def test_it_stops_at_the_first_429(home: Path) -> None:
    async with FakeProvider() as fake, server(home, fake, warm="recent", max_retries="5") as editor:
        fake.push(fake_faults.status(429, retry_after=1))
        await editor.initialize()
        assert "stopped, because the provider wants fewer requests" in await prepared(editor)
        assert asked(fake) == ["twice"]
        assert editor.messages == []
