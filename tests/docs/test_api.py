"""The reference of the public API: made from the source, and of all that is public."""

from __future__ import annotations

from docs.site import api
from tests.docs.pages import ROOT

import kibitz

PAGE = (ROOT / "docs/api.md").read_text(encoding="utf-8")


def test_the_page_is_current() -> None:
    assert api.markdown() == PAGE, "run: python docs/site/api.py > docs/api.md"


def test_all_that_is_public_is_on_it_once() -> None:
    named = [name for names in api.GROUPS.values() for name in names]
    assert sorted(named) == sorted(set(kibitz.__all__) - {"__version__"})
    assert [name for name in named if f"\n### `{name}`\n" not in PAGE] == []


def test_it_has_what_the_source_says() -> None:
    for words in (
        "`max_tokens: int = 4096` | Most output tokens of one request, reasoning included. (at least 16;",
        "#### `OpenAIClient.process_code`",
        "`await process_code(code: str, *, language: str='python', context: str='') -> CodeAnalysis`",
        "- `ConfigError`: there is no key, and the endpoint is not on this machine.",
        "A kind of `OpenAIError`.",
        "| `ERROR = 'error'` |",
    ):
        assert words in PAGE, words
