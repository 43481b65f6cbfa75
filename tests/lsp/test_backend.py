from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import pytest
from tests.support.fake_provider import Bug, FakeProvider, fake_faults, reviewer

from kibitz.app import App
from kibitz.lsp.backend import AppBackend
from kibitz.lsp.faults import EARLY_LOG
from kibitz.lsp.service import Assignment
from kibitz.provider.errors import ConfigError
from kibitz.provider.fallback import BUDGET
from kibitz.provider.keys.consent import ConsentNeeded
from kibitz.provider.limits.priority import Urgency
from kibitz.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from kibitz.lsp.service import Outcome, ReviewService
    from kibitz.provider.fallback import Step

KEY = "sk-backend-0123456789abcdef"
SOURCE = "def mean(values):\n    return sum(values) / len(value)\n"
BUG = Bug("len(value)", "len(values)", severity="warning")


class Listener:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.unconsented_at: list[str] = []
        self.forgotten = 0
        self.warnings: list[str] = []

    def warned(self, message: str) -> None:
        self.warnings.append(message)

    def stepped(self, step: Step) -> None:
        self.steps.append(step)

    def unconsented(self, error: ConsentNeeded) -> None:
        self.unconsented_at.append(error.origin)

    def forget_reviews(self) -> None:
        self.forgotten += 1


LISTENER = Listener()


async def review(
    service: ReviewService, path: str | None = None, on_progress: Callable[[Outcome], None] = lambda _: None
) -> Outcome:
    return await service.review(Assignment(SOURCE, "python", path), Urgency(), on_progress)


def consents(folder: Path) -> list[tuple[str, str]]:
    (path,) = folder.rglob("consents.json")
    content = path.read_text()
    assert KEY not in content
    return [(each["origin"], each["place"]) for each in json.loads(content)["allowed"]]


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
    loading = await backend.load({"debounceMs": 7}, settings(fake), {})
    assert (loading.knobs.debounce_ms, loading.problems, loading.rebuild) == (7, (), True)
    service = await backend.build([tmp_path.as_uri(), "untitled:x"], LISTENER)
    seen: list[Outcome] = []
    assert "nothing was sent yet" in await service.status()
    outcome = await review(service, "/w/mean.py", seen.append)
    assert [f.quote for f in outcome.findings] == ["return sum(values) / len(value)"]
    assert (list(outcome.unreviewed), list(outcome.errors), outcome.usage.requests) == ([], [], 1)
    assert len(seen[0].unreviewed) > 0, "what is still waited for has nothing to say"
    lines = await service.status()
    assert lines[0].startswith("asks gpt-6-luna at 127.0.0.1")
    assert lines[1].startswith("limits: 60 requests and 200000 tokens a minute, 4 at a time; 0 under way, ")
    assert [line for line in lines if line.startswith("this run: 1 request, ")]
    assert not [line for line in lines if line.startswith("today,")], "nobody else was asked today"
    assert "cache, this run: 0 % of 1 answer cost nothing" in lines
    await review(service, "/w/mean.py", seen.append)
    assert len(fake.requests) == 1
    (saved,) = [line for line in await service.status() if line.startswith("cache")]
    assert saved.startswith("cache, this run: 50 % of 2 answers cost nothing, which saved ")
    assert "today" not in saved, "no other window looked anything up today"
    await service.clear_cache()
    await review(service, None, seen.append)
    assert len(fake.requests) == 2
    await service.aclose()


async def test_what_other_windows_saved_is_told_and_what_nobody_can_remember(
    fake: FakeProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = AppBackend()
    await backend.load({}, settings(fake), {})
    for _ in range(2):
        service = await backend.build([], LISTENER)
        await review(service)
        lines = await service.status()
        await service.aclose()
    (saved,) = [line for line in lines if line.startswith("cache")]
    assert saved.startswith("cache, this run: 100 % of 1 answer cost nothing, which saved ")
    assert "; today, in all windows: 50 % of 2 answers cost nothing, which saved " in saved
    (tmp_path / "file").touch()
    monkeypatch.setenv("KIBITZ_STATE_DIR", str(tmp_path / "file"))
    service = await backend.build([], LISTENER)
    await review(service)
    assert (await service.status())[-1].startswith("kibitz cannot use its state database ")
    await service.aclose()


async def test_a_day_is_told_with_what_other_windows_took(fake: FakeProvider) -> None:
    backend = AppBackend()
    await backend.load({}, settings(fake, disk_cache="false"), {})
    for number in range(1, 3):
        service = await backend.build([], LISTENER)
        await review(service)
        today = [line for line in await service.status() if line.startswith("today, in all windows")]
        assert len(today) == number - 1
        assert all(line.startswith("today, in all windows: 2 requests, ") for line in today)
        await service.aclose()
    assert len(fake.requests) == 2


async def test_a_fallback_is_told_to_the_listener_and_stays_in_the_status(fake: FakeProvider) -> None:
    backend, listener = AppBackend(), Listener()
    await backend.load({}, settings(fake, model="gone", fallback_model="fake-2"), {})
    service = await backend.build([], listener)
    fake.push(fake_faults.status(404))
    outcome = await review(service)
    assert len(outcome.findings) == 1
    missing = [step.message for step in listener.steps if step.message]
    assert len(missing) == 1
    assert "the setting model" in missing[0]
    assert "fake-2 at 127.0.0.1" in missing[0]
    status = "\n".join(await service.status())
    assert "asks gone at 127.0.0.1" in status
    assert "not asked now: the endpoint does not have this model" in status
    assert "lately: fallback model, gone at" in status
    await service.aclose()


async def test_a_budget_pauses_says_so_and_can_be_raised(fake: FakeProvider, tmp_path: Path) -> None:
    backend, listener = AppBackend(), Listener()
    await backend.load({}, settings(fake, budget_requests_per_day="2", cache_ttl_s="0"), {})
    service = await backend.build([tmp_path.as_uri()], listener)
    path = str(tmp_path / "a.py")
    assert len((await review(service, path)).findings) == 1
    assert not (await review(service, path)).errors
    outcome = await review(service, path)
    (error,) = outcome.errors
    assert (error.code, error.retryable) == (BUDGET, False)
    assert len(fake.requests) == 2
    assert listener.warnings == [
        "today's budget of 2 requests is used to 50 % (1 requests spent; setting budget_requests_per_day)"
    ]
    health = service.health()
    assert health.paused
    assert health.problem == "today's budget of 2 requests is used up, so nothing is sent until midnight"
    assert "kibitz.raiseBudget" in health.action
    assert "may be spent today" in await service.raise_budget()
    assert not service.health().paused
    assert len((await review(service, path)).findings) == 1
    usage = await service.usage()
    assert usage.run.requests == len(fake.requests) == 3
    await service.aclose()


async def test_without_a_cap_there_is_nothing_to_raise(fake: FakeProvider) -> None:
    backend = AppBackend()
    await backend.load({}, settings(fake, ignore_budget="true"), {})
    service = await backend.build([], LISTENER)
    assert "there is no budget" in await service.raise_budget()
    await service.aclose()


async def test_a_consent_is_kept_for_all_windows_and_heeded_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    backend, listener = AppBackend(), Listener()
    await backend.load({}, {"base_url": "https://models.invalid/v1", "max_retries": "0"}, {})
    service = await backend.build([], listener)
    outcome = await review(service)
    (error,) = outcome.errors
    assert isinstance(error, ConsentNeeded)
    assert listener.unconsented_at == [error.origin] == ["https://models.invalid:443"]
    await service.allow(error.origin, error.place)
    outcome = await review(service)
    assert [error.code for error in outcome.errors] == ["unreachable"]
    await service.aclose()
    assert await asyncio.to_thread(consents, tmp_path) == [("https://models.invalid:443", error.place)]


async def test_keys_are_looked_for_again_where_they_are(fake: FakeProvider, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-first-0123456789abcdef\n")
    path.chmod(0o600)
    backend = AppBackend()
    await backend.load({}, settings(fake, api_key_file=str(path)), {})
    service = await backend.build([], LISTENER)
    (before,) = await service.reload_keys()
    assert before.endswith(f" from file {path}: ready")
    path.write_text("sk-second-0123456789abcdef\n")
    (after,) = await service.reload_keys()
    assert after != before
    path.chmod(0o644)
    kept, trouble = await service.reload_keys()
    assert kept == after, "a key that was good a moment ago still is"
    assert trouble.startswith("trouble with keys: ")
    assert "chmod 600" in trouble
    await service.aclose()


async def test_what_is_shown_can_change_without_a_new_service(fake: FakeProvider, tmp_path: Path) -> None:
    backend = AppBackend()
    await backend.load(None, settings(fake), {})
    service = await backend.build([], LISTENER)
    file = tmp_path / "mean.py"
    file.write_text(SOURCE)
    assert service.refusal(str(file)) is None
    loading = await backend.load({"minSeverity": "error", "exclude": ["mean.py"]}, settings(fake), {})
    assert not loading.rebuild
    outcome = await review(service, str(file))
    assert outcome.findings == ()
    assert service.refusal(str(file)) is not None
    assert (await backend.load(None, settings(fake, model="another"), {})).rebuild
    await service.aclose()


async def test_folders_have_their_own_without_a_new_service(fake: FakeProvider, tmp_path: Path) -> None:
    quiet, loud = str(tmp_path / "quiet"), str(tmp_path / "loud")
    backend = AppBackend()
    own = {quiet: {"minSeverity": "error", "requestsPerMinute": 20}, loud: {"early": True, "model": "evil"}}
    loading = await backend.load({}, settings(fake, disk_cache="false"), own)
    (problem,) = loading.problems
    assert f"(the editor's setting kibitz.model for the folder {loud}) is not used" in problem
    assert loading.knobs != loading.folders[quiet]
    service = await backend.build([f"file://{quiet}", f"file://{loud}"], LISTENER)
    assert (await review(service, f"{quiet}/mean.py")).findings == ()
    assert "stream" not in fake.requests[0].body
    assert len((await review(service, f"{loud}/mean.py")).findings) == 1
    assert len(fake.requests) == 1, "what is shown differs, not what is asked"
    loading = await backend.load({}, settings(fake, disk_cache="false"), {quiet: {"requestsPerMinute": 20}})
    assert (loading.rebuild, loading.problems) == (False, ())
    assert len((await review(service, f"{quiet}/mean.py")).findings) == 1
    assert (await backend.load({}, settings(fake, disk_cache="false"), {})).rebuild, (
        "a limit of all is another"
    )
    await service.aclose()


async def test_findings_are_shown_early_from_one_review_to_the_next(fake: FakeProvider) -> None:
    backend = AppBackend()
    await backend.load({}, settings(fake, disk_cache="false"), {})
    service = await backend.build([], LISTENER)
    loading = await backend.load({"early": True}, settings(fake, disk_cache="false"), {})
    assert not loading.rebuild
    seen: list[Outcome] = []
    await review(service, on_progress=seen.append)
    assert fake.requests[0].body["stream"] is True
    await service.aclose()


async def test_findings_are_verified_for_whoever_asks_by_name(fake: FakeProvider) -> None:
    fake.answer = reviewer(BUG, refuted=("Planted bug",))
    backend = AppBackend()
    loading = await backend.load({}, settings(fake, verify="on-demand", verify_model="careful"), {})
    assert loading.knobs.verify == "on-demand"
    service = await backend.build([], LISTENER)
    assert len((await review(service)).findings) == 1
    outcome = await service.review(Assignment(SOURCE, "python", verify=True), Urgency(), lambda _: None)
    assert not outcome.findings
    assert [seen.body["model"] for seen in fake.requests] == ["gpt-6-luna", "careful"]
    assert not (await review(service)).findings, "what was refuted does not come back"
    assert any("careful at 127.0.0.1" in line for line in await service.status())
    await service.aclose()


async def test_ignore_files_of_the_folder_that_is_open_count(fake: FakeProvider, tmp_path: Path) -> None:
    backend = AppBackend()
    await backend.load(None, settings(fake), {})
    (tmp_path / ".kibitzignore").write_text("inner/\n")
    (tmp_path / "inner").mkdir()
    service = await backend.build([], LISTENER)
    service.set_roots([tmp_path.as_uri()])
    assert service.refusal(str(tmp_path / "inner" / "a.py")) is not None
    assert service.refusal(str(tmp_path / "a.py")) is None
    await service.aclose()


async def test_what_was_kept_is_found_before_anybody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeProvider(reviewer(BUG)) as fake:
        monkeypatch.setenv("OPENAI_BASE_URL", fake.base_url)
        backend = AppBackend()
        await backend.load(None, {}, {})
        service = await backend.build([], LISTENER)
        await service.ready()
        await review(service)
        await service.aclose()
        # Whatever is wrong with asking, the next run does not even try.
        backend = AppBackend()
        await backend.load(None, {}, {})
        service = await backend.build([], LISTENER)
        monkeypatch.setattr(App, "client", unusable)
        assert len((await review(service)).findings) == 1
        with pytest.raises(ConfigError, match="cannot be loaded"):
            await service.ready()
        await service.aclose()


async def unusable(_app: App) -> None:
    raise ConfigError("it cannot be loaded")


async def test_without_a_key_the_error_says_what_to_do() -> None:
    backend = AppBackend()
    with pytest.raises(RuntimeError):
        await backend.build([], LISTENER)
    await backend.load(None, {}, {})
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        await backend.build([], LISTENER)


async def test_problems_are_told_once_and_logs_go_where_they_should(tmp_path: Path) -> None:
    early = logging.StreamHandler()
    early.set_name(EARLY_LOG)
    logging.getLogger().addHandler(early)
    backend = AppBackend()
    cli: dict[str, object] = {"log_file": str(tmp_path / "kibitz.log"), "log_level": "warning"}
    loading = await backend.load({"debonceMs": 7}, cli, {})
    assert len(loading.problems) == 1
    assert "debounce_ms" in loading.problems[0]
    assert (await backend.load({"debonceMs": 7}, cli, {})).problems == ()
    assert early not in logging.getLogger().handlers
    logging.getLogger("kibitz.test").warning("hello")
    assert '"hello"' in (tmp_path / "kibitz.log").read_text()


async def test_a_log_file_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    loading = await AppBackend().load(None, {"log_file": str(tmp_path / "folder")}, {})
    assert "cannot be written" in loading.problems[0]
