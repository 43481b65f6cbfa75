from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.lsp_wire import Json, Wire
from tests.support.reviewing import FakeBackend, FakeService

from kibitz.config import Settings
from kibitz.provider.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

URI = "untitled:a.py"
KEY_IN_CODE = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
CODE = f"def mean(values):\n    # \u202e\x1b[2J\n    return sum(values) / len(value), '{KEY_IN_CODE}'\n"


@pytest.fixture(autouse=True)
def nobody_to_ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "KIBITZ_API_KEY", "OPENAI_BASE_URL", "KIBITZ_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KIBITZ_MODEL_DIR", str(tmp_path))


async def ask(wire: Wire, *arguments: object) -> Json:
    return await wire.request(
        "workspace/executeCommand", {"command": "kibitz.showRequest", "arguments": list(arguments)}
    )


async def test_what_would_be_sent_is_shown_where_nobody_can_be_asked() -> None:
    wire = Wire(FakeBackend(ConfigError("nobody")))
    await wire.initialize()
    wire.open(CODE)
    result = (await ask(wire, URI))["result"]
    assert result["to"] == "gpt-6-luna at api.openai.com"
    assert result["replaced"] == [{"line": 3, "kind": "github"}]
    assert "REDACTED_SECRET_1_XXX" in result["requests"][0]["body"]["input"][0]["content"]
    assert "⟦U+202E⟧⟦U+001B⟧[2J" in result["text"]
    assert KEY_IN_CODE not in str(result)
    assert "Nothing was sent" in wire.messages[-1]
    await wire.close()


async def test_the_document_in_focus_is_meant_without_an_argument() -> None:
    wire = Wire(FakeBackend(FakeService(), knobs=Settings(model="other")))
    await wire.initialize()
    wire.open(CODE)
    wire.clock.advance(60)
    assert (await ask(wire))["result"]["to"] == "other at api.openai.com"
    assert "error" in await ask(wire, "untitled:none.py")
    assert "error" in await ask(wire, 7)
    await wire.close()


@pytest.mark.parametrize(
    ("knobs", "why"),
    [
        (Settings(languages=("go",)), "not to be reviewed, by the settings"),
        (Settings(max_file_bytes=10), "larger than max_file_bytes"),
    ],
)
async def test_what_would_not_be_sent_says_why(knobs: Settings, why: str) -> None:
    wire = Wire(FakeBackend(FakeService(), knobs=knobs))
    await wire.initialize()
    wire.open(CODE)
    result = (await ask(wire, URI))["result"]
    assert why in result["refusal"]
    assert result["requests"] == []
    await wire.close()


async def test_an_ignored_file_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / ".aiignore").write_text("a.py\n")
    uri = (tmp_path / "a.py").as_uri()
    wire = Wire(FakeBackend(FakeService(), knobs=Settings()))
    await wire.initialize()
    wire.open(CODE, uri=uri)
    assert (await ask(wire, uri))["result"]["refusal"] == "ignored by .aiignore line 1"
    await wire.close()
