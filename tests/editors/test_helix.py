"""kibitz in a real Helix, configured as its page says."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from tests.editors.desk import EXPLANATION, FIXED, REPOSITORY, SOURCE, TITLE, Desk, provider
from tests.editors.terminal import Terminal, program, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.editor, pytest.mark.timeout(240)]


ANSWER_SECONDS = 5.0


def from_the_page(heading: str) -> str:
    """The first TOML below a heading of the page."""
    page = (REPOSITORY / "docs/editors/helix.md").read_text(encoding="utf-8")
    return page.split(f"\n## {heading}\n")[1].split("```toml\n")[1].split("```")[0]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with provider() as fake:
        yield Desk(tmp_path, fake)


def helix(name: str, desk: Desk, settings: str = "", others: str = "") -> Terminal:
    folder = desk.home / ".config/helix"
    folder.mkdir(parents=True, exist_ok=True)
    # The server of the language itself is not there, and Helix would say so.
    languages = from_the_page("Install").replace('["pylsp", "kibitz"]', f'[{others}"kibitz"]')
    (folder / "languages.toml").write_text(languages + settings, encoding="utf-8")
    return Terminal(
        f"helix-{name}", [program("hx"), desk.file], desk.environment, folder=desk.project, size=(120, 24)
    )


def go_to_finding(editor: Terminal) -> None:
    """Wait until the status line counts a finding, and go there."""
    editor.see("● 1 ")
    until(lambda: is_at_finding(editor), "the cursor is at the finding")


def is_at_finding(editor: Terminal) -> bool:
    """Go to the next finding, and see whether it is there: that counted may be a killed server's, and go."""
    editor.press("]", "d")
    return TITLE in editor.screen()


def hovered(editor: Terminal, what: str) -> bool:
    """Ask for the hover anew, and see whether it says so."""
    editor.press("Escape")
    editor.press("Space", "k")
    editor.see("certain · ")
    return what in editor.screen()


def told(editor: Terminal, what: str) -> bool:
    """Ask for the status, and see whether the answer says so.

    Asked again before it comes, it would never be seen: the command takes its line. A server that is just
    being replaced does not answer.
    """
    command = ":lsp-workspace-command kibitz.showStatus"
    editor.type(command)
    editor.see(f"\n{command}")
    editor.press("Enter")
    try:
        return what in editor.see(r"\n(?!:)\S[^\n]*\s*\Z", ANSWER_SECONDS)
    except AssertionError:
        return False


def test_the_finding_is_shown_told_about_and_its_fix_lands_on_disk(desk: Desk) -> None:
    with helix("fix", desk) as editor:
        go_to_finding(editor)
        editor.keep("finding")
        editor.press("Space", "k")
        editor.see("certain · ")
        editor.keep("hover")
        editor.press("Escape")
        editor.press("Space", "a")
        editor.see("Explain")
        # Below the fix.
        editor.press("Down", "Enter")
        until(lambda: desk.asked == 2, "the explanation is asked for")
        until(lambda: hovered(editor, EXPLANATION[:40]), "the hover tells it")
        editor.press("Escape")
        editor.press("Space", "a")
        editor.see(f"Fix: {TITLE}")
        editor.keep("actions")
        editor.press("Enter")
        editor.see(r"len\(values\)")
        editor.type(":write", "Enter")
        until(lambda: desk.text() == FIXED, "the file on disk")


def test_what_was_dismissed_stays_away(desk: Desk) -> None:
    with helix("dismiss", desk) as editor:
        go_to_finding(editor)
        editor.press("Space", "a")
        editor.see("Dismiss this finding")
        # Below the fix and the explanation.
        editor.press("Down", "Down", "Enter")
        editor.unsee(TITLE)
        editor.type(":lsp-restart", "Enter")
        until(lambda: told(editor, "1 document, 0 findings, all reviewed"), "it has reviewed the file")


def test_it_runs_beside_another_server(desk: Desk) -> None:
    command = f"command = '{sys.executable}'\nargs = ['{REPOSITORY}/tests/editors/other_server.py']"
    with helix("beside", desk, f"\n[language-server.other]\n{command}\n", others='"other", ') as editor:
        # The cursor is on the line of the other one's.
        editor.see("from the other server")
        editor.see("● 1 .*● 1 ")
        editor.press("]", "d")
        editor.see(TITLE)


def test_commands_answer_in_the_status_line(desk: Desk) -> None:
    (desk.project / "median.py").write_text(SOURCE.replace("mean", "median"), encoding="utf-8")
    with helix("commands", desk) as editor:
        go_to_finding(editor)
        editor.type(":lsp-workspace-command kibitz.showStatus", "Enter")
        editor.see("1 document, 1 finding")
        editor.keep("status")
        editor.type(":lsp-workspace-command kibitz.showUsage", "Enter")
        editor.see("this run: 1 request")
        editor.type(":lsp-workspace-command kibitz.usageReport", "Enter")
        editor.see("the usage report is in /")
        editor.type(":lsp-workspace-command kibitz.showRequest", "Enter")
        editor.see("0 requests to gpt")
        editor.type(":lsp-workspace-command kibitz.bugReport", "Enter")
        editor.see("the report is in ")
        editor.type(":lsp-workspace-command kibitz.reloadKey", "Enter")
        editor.see("the keys were reloaded")
        editor.type(":lsp-workspace-command kibitz.analyzeWorkspace", "Enter")
        until(lambda: desk.asked == 2, "the other file is asked about")


def test_more_is_spent_than_the_budget_once_that_is_allowed(desk: Desk) -> None:
    desk.use_up_budget()
    with helix("budget", desk) as editor:
        until(lambda: told(editor, "budget of 1 requests"), "nothing is reviewed")
        assert desk.asked == 0
        editor.type(":lsp-workspace-command kibitz.raiseBudget", "Enter")
        go_to_finding(editor)


def test_without_a_key_a_message_says_what_to_do(tmp_path: Path) -> None:
    with helix("no-key", Desk(tmp_path, None)) as editor:
        editor.see("kibitz has nobody to ask")
        editor.keep("message")


def test_settings_hold(desk: Desk) -> None:
    settings = from_the_page("Settings").replace('"warning"', '"error"')
    with helix("settings", desk, "\n" + settings) as editor:
        until(lambda: desk.asked == 1, "the file is reviewed")
        until(lambda: told(editor, "1 document, 0 findings, all reviewed"), "none is severe enough")


def test_a_killed_server_comes_back_by_its_command(desk: Desk) -> None:
    with helix("killed", desk) as editor:
        go_to_finding(editor)
        desk.kill_server()
        editor.type(":lsp-restart", "Enter")
        until(lambda: len(desk.servers()) == 1, "another server runs")
        editor.press("g", "g")
        editor.unsee(TITLE)
        go_to_finding(editor)
    assert desk.asked == 1, "what was known is on disk"


def test_nothing_stays_behind_when_helix_ends(desk: Desk) -> None:
    with helix("end", desk) as editor:
        until(lambda: desk.asked == 1, "the file is reviewed")
        editor.type(":quit!", "Enter")
        until(lambda: desk.servers() == [], "no server is left")
