"""The library as docs/library.md shows it to strangers: the page's programs are files, and they run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from tests.provider.clients import BUG, CANARY, CODE, config, planted
from tests.support import fake_faults
from tests.support.fake_provider import FakeProvider, reviewer
from tests.typing import ask, early, errors, keys, many, mend, review

import kibitz
from kibitz import OpenAIClient, OpenAIConfig

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMS = Path(__file__).parent / "typing"
README = Path(__file__).parents[1] / "README.md"
PAGE = Path(__file__).parents[1] / "docs" / "library.md"


@pytest.mark.parametrize("program", sorted(PROGRAMS.glob("*.py")), ids=lambda path: path.stem)
def test_the_page_shows_the_program(program: Path) -> None:
    assert f"```python\n{program.read_text()}```" in PAGE.read_text()


def test_the_readme_shows_the_first_one() -> None:
    assert f"```python\n{(PROGRAMS / 'review.py').read_text()}```" in README.read_text()


def test_ten_lines_are_enough() -> None:
    lines = (PROGRAMS / "review.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 10


async def test_review(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeProvider(reviewer(BUG), key=CANARY) as fake:
        # What the program leaves out: its endpoint is OpenAI's, and this one is here.
        monkeypatch.setattr(review, "OpenAIConfig", _here(fake))
        await review.review(CODE, CANARY)
    assert "Wrong name" in capsys.readouterr().out


async def test_mend() -> None:
    async with planted() as fake, OpenAIClient(config(fake)) as client:
        (finding,) = (await client.process_code(CODE)).findings
    assert "len(values)" in mend.mended(CODE, finding)


async def test_ask(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeProvider() as fake, OpenAIClient(config(fake)) as client:
        fake.push({"summary": "the mean", "relies_on": [], "breaks_when": ["it is empty"], "explanation": ""})
        fake.push({"suggestions": []})
        await ask.explain_and_improve(client, CODE, kibitz.Span(0, 10))
    assert capsys.readouterr().out == "the mean ('it is empty',)\n"


async def test_many(capsys: pytest.CaptureFixture[str]) -> None:
    async with planted() as fake, OpenAIClient(config(fake)) as client:
        await many.review_all(client, [CODE, "x = 1\n"])
    assert sorted(capsys.readouterr().out.splitlines()) == ["0 1", "1 0"]


async def test_early(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeProvider(reviewer(BUG, refuted=("Wrong name",))) as fake:
        await early.watch(config(fake), CODE)
        await early.make_sure(config(fake), CODE)
    assert capsys.readouterr().out == "so far: Wrong name\n0 stand, 1 refuted\n"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (fake_faults.status(401), "mend the settings: 127.0.0.1"),
        (fake_faults.status(429, "insufficient_quota"), "later: None credit used up"),
        (fake_faults.status(500), "API error: 127.0.0.1"),
    ],
)
async def test_errors(fault: fake_faults.Fault, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeProvider(lambda _: fault) as fake, OpenAIClient(config(fake)) as client:
        await errors.careful(client, CODE)
    assert capsys.readouterr().out.startswith(said)


async def test_keys(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-test-of-the-library-page\n")
    file.chmod(0o600)
    async with keys.with_a_key_file(file) as client:
        assert client.status().targets[0].name == "gpt-6-luna at api.openai.com"


def _here(fake: FakeProvider) -> Callable[..., OpenAIConfig]:
    return lambda api_key: config(fake, api_key=SecretStr(api_key.get_secret_value()))
