from __future__ import annotations

from pathlib import Path

from kibitz.config import Settings, setting_names
from kibitz.config.document import markdown
from kibitz.config.settings import owned

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), (
        "run: python -m kibitz.config.document > docs/settings.md"
    )


def test_every_setting_is_documented_and_owned() -> None:
    for name in setting_names():
        assert Settings.model_fields[name].description
        assert owned(name).by
        assert f"## `{name}`" in markdown()
