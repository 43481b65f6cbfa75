"""Cuts the pictures of the README out of what the tests in a real VS Code leave behind.

python editors/vscode/scripts/pictures.py tests/editors/artefacts
"""

from __future__ import annotations

import os
import sys
from base64 import b64encode
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

MEDIA = Path(__file__).parents[1] / "media"
PARTS: Final = {
    "finding": ("vscode-finding-hover", 328, 36, 768, 210),
    "actions": ("vscode-finding-actions", 328, 36, 768, 240),
    "menu": ("vscode-status-menu", 240, 0, 856, 310),
}
"""The picture, and which part of which screen it is: left, top, width, height."""

if __name__ == "__main__":
    screens = Path(sys.argv[1])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1100, "height": 640})
        for name, (screen, left, top, width, height) in PARTS.items():
            data = b64encode((screens / f"{screen}.png").read_bytes()).decode()
            page.set_content(
                f"<style>body {{ margin: 0 }}</style><img src='data:image/png;base64,{data}'>",
                wait_until="load",
            )
            clip = {"x": left, "y": top, "width": width, "height": height}
            page.screenshot(path=str(MEDIA / f"{name}.png"), clip=clip)
        browser.close()
