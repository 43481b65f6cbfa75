"""The usage report in a real browser: both themes, no network, for eyes, keyboards and screen readers."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.editors.browser import opened
from tests.support.days_of_use import Use

from kibitz.app.usage_overview import usage
from kibitz.app.usagereport.page import save
from kibitz.state.places import database_path
from kibitz.telemetry.caps import Cap
from kibitz.telemetry.ledger_table import PICO

if TYPE_CHECKING:
    from pathlib import Path

    from tests.editors.browser import Opened, Theme

pytestmark = [pytest.mark.editor, pytest.mark.timeout(120)]

CAPS = (Cap("usd", "day", PICO // 10), Cap("requests", "hour", 200))
_COLOUR = "e => getComputedStyle(e).{}"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month of use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIBITZ_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        today = date.today()  # noqa: DTZ011 - the day where the user is
        asyncio.run(Use(database_path(), today).days(30))
        return save(asyncio.run(usage(today - timedelta(29), today, CAPS)))


def colour(shown: Opened, selector: str, which: str) -> tuple[int, ...]:
    """Red, green and blue."""
    found = str(shown.page.locator(selector).first.evaluate(_COLOUR.format(which)))
    return tuple(int(part) for part in found.strip("rgba()").split(",")[:3])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_needs_nothing_says_nothing_and_shuts_nobody_out(report: Path, theme: Theme) -> None:
    with opened(report, "month", theme=theme) as shown:
        shown.keep()
        assert shown.requests == [report.as_uri()]
        assert shown.page.locator("svg.plot").count() == 9
        for summary in shown.page.locator("summary").all():
            summary.click()
        assert shown.faults() == []
        assert shown.said == []
        back, text, bar = (
            colour(shown, "body", "backgroundColor"),
            colour(shown, "h1", "color"),
            colour(shown, ".plot .series rect", "fill"),
        )
    assert (sum(back) > 600, sum(text) > 600) == ((True, False) if theme == "light" else (False, True))
    assert bar not in {(0, 0, 0), back, text}


def test_a_narrow_window_has_one_column_and_scrolls_one_way(report: Path) -> None:
    with opened(report, "narrow", width=420) as shown:
        shown.keep()
        page = shown.page
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        boxes = [each.bounding_box() for each in page.locator("section").all()]
        assert len({box["x"] for box in boxes if box is not None}) == 1
        assert shown.faults() == []


def test_all_of_it_is_within_reach_of_the_keyboard(report: Path) -> None:
    with opened(report, "keyboard") as shown:
        page, seen = shown.page, []
        for _ in range(60):
            page.keyboard.press("Tab")
            tag = str(page.evaluate("document.activeElement.tagName.toLowerCase()"))
            if tag == "body":
                break
            seen.append(tag)
            if tag == "summary":
                page.keyboard.press("Enter")
        assert seen.count("svg") == page.locator("svg.plot").count()
        assert seen.count("summary") == page.locator("details[open]").count() == 7
        assert seen.count("div") == page.locator(".scroll").count(), "and the tables, to scroll them"
        assert page.get_by_role("img", name="Cost over time").count() == 1
        row = page.get_by_role("table", name="By model").get_by_role("row", name="gpt-6-luna")
        assert row.get_by_role("rowheader").inner_text() == "gpt-6-luna"


@pytest.mark.parametrize(
    ("theme", "kind", "is_light"),
    [
        ("light", "vscode-dark", False),
        ("dark", "vscode-light", True),
        ("light", "vscode-high-contrast", False),
    ],
)
def test_in_an_editor_the_editors_theme_counts(
    report: Path, theme: Theme, kind: str, *, is_light: bool
) -> None:
    with opened(report, kind, theme=theme) as shown:
        shown.page.evaluate("kind => document.body.classList.add(kind)", kind)
        # As the editor does it, whose variables the page takes.
        shown.page.evaluate(
            "back => document.documentElement.style.setProperty('--vscode-editor-background', back)",
            "#fafbfc" if is_light else "#101112",
        )
        shown.keep()
        assert colour(shown, "body", "backgroundColor") == ((250, 251, 252) if is_light else (16, 17, 18))
        assert (sum(colour(shown, ".plot text", "fill")) > 400) is not is_light
