"""Draws media/icon.svg as media/icon.png, with Chromium: ``python editors/vscode/scripts/icon.py``."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import sync_playwright

MEDIA = Path(__file__).parents[1] / "media"

if __name__ == "__main__":
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 128, "height": 128})
        page.set_content(
            f"<style>body {{ margin: 0 }} svg {{ display: block }}</style>{(MEDIA / 'icon.svg').read_text()}"
        )
        page.screenshot(path=str(MEDIA / "icon.png"), omit_background=True)
        browser.close()
