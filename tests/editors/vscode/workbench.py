"""VS Code's window, as a user has it before them: what can be seen in it, and what can be done."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from playwright import sync_api
from playwright.sync_api import Locator, Page, Route, expect, sync_playwright
from tests.editors.terminal import ARTEFACTS, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.editors.vscode.machine import Machine

PATIENCE_MS = 120_000
"""More than anything takes on a busy machine."""
MENU_MS = 30_000
"""Asked for twice, a menu is made twice, and what was taken from the first is not there any more."""
_FORGOTTEN = "Actual command not found"
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)
_MORE_FLAGS = ("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage")

expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def workbench(machine: Machine, name: str) -> Iterator[Workbench]:
    """A browser that shows ``machine``. Keeps a picture when something goes wrong."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=[*_FLAGS, *_MORE_FLAGS]
        )
        page = chromium.new_page(viewport={"width": 1100, "height": 640}, locale="en-US")
        page.set_default_timeout(PATIENCE_MS)
        shown = Workbench(page, machine, name)
        page.route("**/*", shown.let_through)
        try:
            yield shown
        except BaseException:
            shown.keep("failure")
            raise
        finally:
            chromium.close()


class Workbench:
    """One window. Every wait is for a condition."""

    def __init__(self, page: Page, machine: Machine, name: str) -> None:
        self.page = page
        self._machine = machine
        self._name = name

    def let_through(self, route: Route) -> None:
        """Nobody but this machine is talked to."""
        address = urlsplit(route.request.url)
        if address.scheme in {"data", "blob"} or address.hostname == "127.0.0.1":
            route.continue_()
        else:
            route.abort()

    def open(self, file: Path) -> None:
        """Open the project, and a file in it."""
        host = urlsplit(self._machine.address).netloc
        payload = [["openFile", f"vscode-remote://{host}{file}"]]
        query = {"folder": str(self._machine.project), "payload": json.dumps(payload)}
        self.page.goto(f"{self._machine.address}/?{urlencode(query)}")
        expect(self.page.locator(".view-line").first).to_be_visible()

    def slow_down(self, factor: int) -> None:
        """Have the window take so many times as long for all it does; 1: no longer than usual."""
        tools = self.page.context.new_cdp_session(self.page)
        tools.send("Emulation.setCPUThrottlingRate", {"rate": factor})
        tools.detach()

    def keep(self, what: str) -> None:
        """Keep a picture."""
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(ARTEFACTS / f"vscode-{self._name}-{what}.png"))

    # What is in the editor

    def squiggles(self, severity: str = "warning") -> Locator:
        """The underlined parts of the text."""
        return self.page.locator(f".squiggly-{severity}")

    def line(self, part: str) -> Locator:
        """The line that holds ``part``. VS Code shows spaces as no-break ones."""
        words = re.escape(part).replace("\\ ", "[ \N{NO-BREAK SPACE}]")
        return self.page.locator(".view-line", has_text=re.compile(words))

    def cell(self, part: str) -> Locator:
        """The cell of a notebook that holds ``part``."""
        return self.page.locator(".notebookOverlay .monaco-list-row").filter(has=self.line(part))

    def hover(self, over: Locator) -> Locator:
        """Point at the middle of something; returns what pops up."""
        hover = self.page.locator(".monaco-hover:visible")

        def shown() -> bool:
            # Whatever is drawn anew under a pointer at rest is not noticed.
            x, y = _middle(over)
            self.page.mouse.move(x - 30, y)
            self.page.mouse.move(x, y)
            return _is_there(hover.first, 5000)

        until(shown, "a hover", PATIENCE_MS / 1000)
        return hover

    def click(self, on: Locator) -> None:
        """Put the cursor into the middle of something."""
        self.page.mouse.click(*_middle(on))

    def actions(self) -> Locator:
        """Open the menu of the light bulb where the cursor is."""

        def opened() -> bool:
            self._ask_for_actions()
            return _is_there(self._menu, MENU_MS)

        until(opened, "the menu of the light bulb", PATIENCE_MS / 1000)
        return self._menu

    def act(self, title: str, shows: Locator | None = None) -> None:
        """Take an action of that menu, which is open; ``shows`` is what is to be seen then.

        While VS Code is still starting it now and then forgets what the actions of an open menu do, and says
        so; a user takes the action again (see https://github.com/microsoft/vscode/issues/331834).
        """
        row = self._menu.locator(".monaco-list-row.action", has_text=title).first

        def taken() -> bool:
            self._ask_for_actions()
            before = self._forgotten()
            try:
                row.click(timeout=MENU_MS)
            except sync_api.TimeoutError:
                return False
            if shows is None:
                return True
            what = f"what {title!r} does"
            until(lambda: shows.is_visible() or self._forgotten() - before, what, MENU_MS / 1000)
            return shows.is_visible()

        until(taken, f"the action {title!r}", PATIENCE_MS / 1000)
        expect(self._menu).to_be_hidden()

    def _forgotten(self) -> set[str]:
        """Which actions VS Code has said it does not know any more; each has a number."""
        said = self.page.locator(".monaco-alert", has_text=_FORGOTTEN)
        return set(said.all_inner_texts())

    def _ask_for_actions(self) -> None:
        # VS Code closes its menu when diagnostics change behind it; a user opens it again.
        if not self._menu.is_visible():
            self._listens()
            self.page.keyboard.press("Control+.")

    @property
    def _menu(self) -> Locator:
        return self.page.locator(".action-widget:not(.action-list-submenu-panel)")

    def save(self) -> None:
        """Save the file that is edited."""
        # Out of the way: what pops up under the pointer may take the key.
        self.page.mouse.move(5, 5)
        self._listens()
        self.page.keyboard.press("Control+s")

    def _listens(self) -> None:
        """Wait until the editor has the keyboard: a key that is pressed while a box closes is lost."""
        expect(self.picker).to_have_count(0)
        expect(self.dialog).to_have_count(0)
        expect(self.page.locator(".monaco-editor.focused").first).to_be_visible()

    # What is around it

    @property
    def status(self) -> Locator:
        """kibitz's item in the status bar."""
        return self.page.locator(".statusbar-item[id='kibitz.kibitz.kibitz.status']")

    def notification(self, text: str) -> Locator:
        """A message at the lower right."""
        return self.page.locator(".notifications-toasts .notification-list-item", has_text=text)

    @property
    def dialog(self) -> Locator:
        """What wants an answer before anything else is done."""
        return self.page.locator(".monaco-dialog-box")

    def press(self, message: Locator, button: str) -> None:
        """Press a button of a message."""
        message.locator(".monaco-button", has_text=button).click()

    @property
    def picker(self) -> Locator:
        """The box at the top: commands, choices, input."""
        return self.page.locator(".quick-input-widget:visible")

    def command(self, title: str) -> None:
        """Run a command by its title, from the palette."""
        field = self.picker.locator("input").first
        expect(self.picker).to_have_count(0)
        expect(self.dialog).to_have_count(0)
        self.page.keyboard.press("F1")
        expect(field).to_be_focused()
        expect(field).to_have_value(">")
        field.fill(f">{title}")
        row = self.picker.locator(".monaco-list-row").first
        expect(row).to_contain_text(title.replace("…", ""))
        field.press("Enter")

    def answer(self, text: str) -> None:
        """Type into the input box that is open, and press Enter."""
        field = self.picker.locator("input").first
        expect(field).to_be_focused()
        field.fill(text)
        field.press("Enter")
        expect(self.picker).to_have_count(0)

    def choose_file(self, name: str) -> None:
        """Take a file of the folder that a dialog shows."""
        self.picker.locator(".monaco-list-row", has_text=name).click()
        expect(self.picker).to_have_count(0)

    def frame(self, text: str) -> Locator:
        """Something in the page of a webview."""
        return (
            self.page.frame_locator("iframe.webview.ready")
            .frame_locator("#active-frame")
            .locator(f"text={text}")
        )


def _is_there(wanted: Locator, patience_ms: float) -> bool:
    """Whether something is to be seen before so many milliseconds are over."""
    try:
        wanted.wait_for(timeout=patience_ms)
    except sync_api.TimeoutError:
        return False
    return True


def _middle(of: Locator) -> tuple[float, float]:
    expect(of.first).to_be_visible()
    box = of.first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
