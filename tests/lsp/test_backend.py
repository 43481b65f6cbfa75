from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from tests.support.fake_provider import Bug, FakeProvider, reviewer

from kibitz.lsp.backend import AppBackend
from kibitz.lsp.faults import EARLY_LOG
from kibitz.provider.errors import ConfigError
from kibitz.provider.limits.priority import Urgency
from kibitz.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from kibitz.lsp.service import Outcome
    from kibitz.provider.fallback import Step
    from kibitz.provider.keys.consent import ConsentNeeded

SOURCE = "def mean(values):\n    return sum(values) / len(value)\n"
BUG = Bug("len(value)", "len(values)", severity="warning")


class Listener:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.unconsented_at: list[str] = []

    def stepped(self, step: Step) -> None:
        self.steps.append(step)

    def unconsented(self, error: ConsentNeeded) -> None:
        self.unconsented_at.append(error.origin)


LISTENER = Listener()


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "KIBITZ_API_KEY", "KIBITZ_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("KIBITZ_MODEL_DIR", str(tmp_path))
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    logs.close()


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(reviewer(BUG)) as fake:
        yield fake


def settings(fake: FakeProvider, **others: str) -> dict[str, object]:
    return {"base_url": fake.base_url, **others}


async def test_a_review_from_settings_to_findings(fake: FakeProvider, tmp_path: Path) -> None:
    backend = AppBackend()
    loading = await backend.load({"debounceMs": 7}, settings(fake))
    assert (loading.knobs.debounce_ms, loading.problems, loading.rebuild) == (7, (), True)
    service = await backend.build([tmp_path.as_uri(), "untitled:x"], LISTENER)
    seen: list[Outcome] = []
    assert "nothing was sent yet" in await service.status()
    outcome = await service.review(SOURCE, "python", "/w/mean.py", Urgency(), seen.append)
    assert [f.quote for f in outcome.findings] == ["return sum(values) / len(value)"]
    assert (list(outcome.unreviewed), list(outcome.errors), outcome.usage.requests) == ([], [], 1)
    assert len(seen[0].unreviewed) > 0, "what is still waited for has nothing to say"
    assert any(line.startswith("this run: 1 request, ") for line in await service.status())
    await service.review(SOURCE, "python", "/w/mean.py", Urgency(), seen.append)
    assert len(fake.requests) == 1
    await service.clear_cache()
    await service.review(SOURCE, "python", None, Urgency(), seen.append)
    assert len(fake.requests) == 2
    await service.aclose()


async def test_what_is_shown_can_change_without_a_new_service(fake: FakeProvider, tmp_path: Path) -> None:
    backend = AppBackend()
    await backend.load(None, settings(fake))
    service = await backend.build([], LISTENER)
    file = tmp_path / "mean.py"
    file.write_text(SOURCE)
    assert service.refusal(str(file)) is None
    loading = await backend.load({"minSeverity": "error", "exclude": ["mean.py"]}, settings(fake))
    assert not loading.rebuild
    outcome = await service.review(SOURCE, "python", str(file), Urgency(), lambda _: None)
    assert outcome.findings == ()
    assert service.refusal(str(file)) is not None
    assert (await backend.load(None, settings(fake, model="another"))).rebuild
    await service.aclose()


async def test_ignore_files_of_the_folder_that_is_open_count(fake: FakeProvider, tmp_path: Path) -> None:
    backend = AppBackend()
    await backend.load(None, settings(fake))
    (tmp_path / ".kibitzignore").write_text("inner/\n")
    (tmp_path / "inner").mkdir()
    service = await backend.build([], LISTENER)
    service.set_roots([tmp_path.as_uri()])
    assert service.refusal(str(tmp_path / "inner" / "a.py")) is not None
    assert service.refusal(str(tmp_path / "a.py")) is None
    await service.aclose()


async def test_without_a_key_the_error_says_what_to_do() -> None:
    backend = AppBackend()
    with pytest.raises(RuntimeError):
        await backend.build([], LISTENER)
    await backend.load(None, {})
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        await backend.build([], LISTENER)


async def test_problems_are_told_once_and_logs_go_where_they_should(tmp_path: Path) -> None:
    early = logging.StreamHandler()
    early.set_name(EARLY_LOG)
    logging.getLogger().addHandler(early)
    backend = AppBackend()
    cli: dict[str, object] = {"log_file": str(tmp_path / "kibitz.log"), "log_level": "warning"}
    loading = await backend.load({"debonceMs": 7}, cli)
    assert len(loading.problems) == 1
    assert "debounce_ms" in loading.problems[0]
    assert (await backend.load({"debonceMs": 7}, cli)).problems == ()
    assert early not in logging.getLogger().handlers
    logging.getLogger("kibitz.test").warning("hello")
    assert '"hello"' in (tmp_path / "kibitz.log").read_text()


async def test_a_log_file_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    loading = await AppBackend().load(None, {"log_file": str(tmp_path / "folder")})
    assert "cannot be written" in loading.problems[0]
