"""kibitz in a real Vim with ALE, configured as its page says."""

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

SAID = {
    "": "1 document, 1 finding, all reviewed",
    "status": "1 document, 1 finding, all reviewed",
    "usage": "this run: 1 request",
    "usage-report": r"the usage report is in .*usage\.html",
    "stop": "what was under way is cancelled",
    "pause": "paused; go on with :Kibitz resume",
    "resume": "kibitz: goes on",
    "reload-key": "the keys were reloaded",
    "clear-cache": "kept answers are forgotten",
    "raise-budget": "as much again as the budget may be spent today",
    "request": "0 requests to gpt",
    "bug-report": "the report is in ",
    "doctor": r"ok +kibitz \d",
    "nonsense": 'there is no command "nonsense". There are: analyze, ',
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with provider() as fake:
        yield Desk(tmp_path, fake)


def vim(name: str, desk: Desk, more: str = "") -> Terminal:
    page = (REPOSITORY / "docs/editors/vim-ale.md").read_text(encoding="utf-8")
    settings = page.split("```vim\n")[1].split("```")[0].replace("/path/to/kibitz", str(REPOSITORY))
    (desk.home / ".vimrc").write_text(
        "set nocompatible noswapfile laststatus=2 encoding=utf-8\nfiletype plugin on\npackadd! ale\n"
        # Without the linters that this machine may have for Python.
        f"let g:ale_virtualtext_cursor = 1\nlet g:ale_linters = {{'python': ['kibitz']}}\n{settings}{more}",
        encoding="utf-8",
    )
    return Terminal(f"vim-{name}", [program("vim"), desk.file], desk.environment, folder=desk.project)


def command(editor: Terminal, text: str) -> None:
    editor.type(f":{text}", "Enter")


def go_to_finding(editor: Terminal) -> None:
    """Wait until the status line counts a finding, and go there."""
    editor.see(r"\[kibitz 1\]")
    editor.type("2G^")


def act(editor: Terminal, title: str) -> None:
    """Take an action of the menu by its number."""
    command(editor, "ALECodeAction")
    line = next(line for line in editor.see(title).splitlines() if title in line)
    editor.type(line.split(".")[0].strip().removesuffix(")"), "Enter")


def test_the_finding_is_shown_told_about_and_its_fix_lands_on_disk(desk: Desk) -> None:
    with vim("fix", desk) as editor:
        go_to_finding(editor)
        editor.see(TITLE)
        editor.keep("finding")
        command(editor, "ALEHover")
        editor.see("certain · ")
        editor.keep("hover")
        command(editor, "pclose")
        go_to_finding(editor)
        command(editor, "ALECodeAction")
        editor.see(f"Fix: {TITLE}")
        editor.keep("actions")
        editor.type("1", "Enter")
        editor.see(r"len\(values\)")
        command(editor, "write")
        until(lambda: desk.text() == FIXED, "the file on disk")
        editor.see(r"\[kibitz\]")


def test_each_command_says_what_it_does(desk: Desk) -> None:
    with vim("say", desk) as editor:
        go_to_finding(editor)
        for name, said in SAID.items():
            command(editor, f"Kibitz {name}")
            editor.see(said)
            editor.keep(name or "nothing")
            command(editor, "pclose | echo '' | redraw!")
            editor.unsee(said)


def test_the_status_line_tells_what_today_cost(desk: Desk) -> None:
    desk.spend("0.0125")
    desk.environment["KIBITZ_TRIGGER"] = "manual"
    with vim("cost", desk) as editor:
        editor.see(r"mean\.py")
        until(lambda: told(editor, "[kibitz $0.0125]"), "the status line")


def test_more_is_spent_than_the_budget_once_that_is_allowed(desk: Desk) -> None:
    desk.use_up_budget()
    with vim("budget", desk) as editor:
        until(lambda: told(editor, "[kibitz paused $0.0100]"), "nothing is reviewed")
        assert desk.asked == 0
        command(editor, "Kibitz raise-budget")
        editor.see(r"\[kibitz 1 \$0\.0100\]")


def told(editor: Terminal, what: str) -> bool:
    """Have the status read, and see whether the status line says so."""
    command(editor, "silent call kibitz#Refresh()")
    return what in editor.screen()


def test_what_was_dismissed_stays_away_until_that_is_undone(desk: Desk) -> None:
    with vim("dismiss", desk) as editor:
        go_to_finding(editor)
        act(editor, "Dismiss this finding")
        editor.see(r"\[kibitz\]")
        command(editor, "Kibitz dismissed")
        editor.see(TITLE)
        command(editor, "Kibitz dismissed")
        editor.unsee(TITLE)
        command(editor, "Kibitz dismissed")
        editor.see(TITLE)
        act(editor, "Undo dismissal")
        editor.see(r"\[kibitz 1\]")


def test_it_explains_in_the_hover(desk: Desk) -> None:
    with vim("explain", desk) as editor:
        go_to_finding(editor)
        act(editor, "Explain: ")
        until(lambda: desk.asked == 2, "the explanation is asked for")
        until(lambda: hovered(editor, EXPLANATION[:40]), "the hover tells it")


def hovered(editor: Terminal, what: str) -> bool:
    """Ask for the hover anew, and see whether it says so."""
    go_to_finding(editor)
    command(editor, "ALEHover")
    return what in editor.see("certain · ")


def test_the_whole_workspace_is_reviewed(desk: Desk) -> None:
    (desk.project / "median.py").write_text(SOURCE.replace("mean", "median"), encoding="utf-8")
    with vim("workspace", desk) as editor:
        go_to_finding(editor)
        command(editor, "Kibitz workspace")
        until(lambda: desk.asked == 2, "the other file is asked about")


def test_it_runs_beside_another_server(desk: Desk) -> None:
    more = f"""
call ale#linter#Define('python', {{
\\   'name': 'other', 'lsp': 'stdio', 'executable': '{sys.executable}',
\\   'command': '%e {REPOSITORY}/tests/editors/other_server.py',
\\   'project_root': function('kibitz#ale#Root')}})
let g:ale_linters = {{'python': ['kibitz', 'other']}}
"""
    with vim("beside", desk, more) as editor:
        editor.type("1G^")
        editor.see("from the other server")
        go_to_finding(editor)
        editor.see(TITLE)


def test_without_a_key_a_message_says_what_to_do(tmp_path: Path) -> None:
    with vim("no-key", Desk(tmp_path, None)) as editor:
        editor.see("kibitz has nobody to ask")
        editor.keep("message")


def test_without_the_server_it_says_what_to_do(tmp_path: Path) -> None:
    desk = Desk(tmp_path, None)
    desk.environment["PATH"] = "/usr/bin:/bin"
    with vim("not-installed", desk) as editor:
        editor.see(r"mean\.py")
        command(editor, "Kibitz")
        editor.see("the server is not installed: there is no command `kibitz`")


def test_settings_count_at_once(desk: Desk) -> None:
    with vim("settings", desk) as editor:
        go_to_finding(editor)
        command(editor, "let g:ale_kibitz_config = {'min_severity': 'error'} | ALELint")
        editor.see(r"\[kibitz\]")
        command(editor, "let g:ale_kibitz_config = {'min_severity': 'info'} | ALELint")
        editor.see(r"\[kibitz 1\]")
    assert desk.asked == 1, "what was known needed nobody"


def test_a_killed_server_comes_back_with_the_next_lint(desk: Desk) -> None:
    with vim("killed", desk) as editor:
        go_to_finding(editor)
        desk.kill_server()
        until(lambda: linted(editor, desk), "another server runs")
        until(lambda: told(editor, "[kibitz 1]"), "it shows what it knows")
    assert desk.asked == 1, "what was known is on disk"


def linted(editor: Terminal, desk: Desk) -> bool:
    """Lint, and see whether a server runs. ALE may not have heard yet that the other one ended."""
    command(editor, "ALELint")
    return len(desk.servers()) == 1


def test_nothing_stays_behind_when_vim_ends(desk: Desk) -> None:
    with vim("end", desk) as editor:
        go_to_finding(editor)
        command(editor, "quitall!")
        until(lambda: desk.servers() == [], "no server is left")
