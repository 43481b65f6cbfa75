"""A page in a real Chromium, as a file: everything that it wants, says and does is noted."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from playwright.sync_api import sync_playwright
from tests.editors.terminal import ARTEFACTS, EDITORS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

AXE = EDITORS / "axe-core/node_modules/axe-core/axe.min.js"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage")
Theme = Literal["light", "dark"]


class Opened:
    """A page that was opened."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.said: list[str] = []
        """What is in its console: refusals of its policy, too."""
        self.requests: list[str] = []
        self._name = name
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def keep(self) -> None:
        """Take a picture of all of it, for those who look at failures and at pages."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=str(ARTEFACTS / f"page-{self._name}.png"), full_page=True)

    def faults(self) -> list[str]:
        """What keeps somebody from using it, by the rules of axe: WCAG 2.2 (A and AA), and good practice."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = self.page.evaluate("() => axe.run().then(found => found.violations)")
        return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]

    def milliseconds(self) -> float:
        """From asking for it to the first picture of it."""
        return float(
            self.page.evaluate(
                """() => new Promise(done => {
                    const seen = list => done(list.getEntries().at(-1).startTime);
                    new PerformanceObserver(seen).observe({type: 'paint', buffered: true});
                })"""
            )
        )


@contextmanager
def opened(path: Path, name: str, *, theme: Theme = "light", width: int = 1240) -> Iterator[Opened]:
    """The page, in a window of that width."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=[*FLAGS]
        )
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=theme, locale="en-US")
        shown = Opened(page, f"{name}-{theme}")
        page.goto(path.as_uri())
        try:
            yield shown
        finally:
            chromium.close()
