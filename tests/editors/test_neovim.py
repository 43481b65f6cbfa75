"""kibitz in a real Neovim: what is shown, what is mended on disk, and every command of the plugin."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.editors import desk as desks
from tests.editors.desk import EXPLANATION, FIXED, KIBITZ, SOURCE, TITLE, TRIGGER, Desk, provider
from tests.editors.neovim import NVIM, PLUGIN, Neovim
from tests.editors.terminal import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.editor


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with provider() as fake:
        yield Desk(tmp_path, fake)


def test_the_finding_is_shown_told_about_and_its_fix_lands_on_disk(desk: Desk) -> None:
    with Neovim("fix", desk) as editor:
        found = editor.finding()
        assert found["source"] == "kibitz"
        assert found["covers"] == SOURCE.splitlines()[1].strip()
        assert found["message"] == f"{TITLE}\n{TRIGGER}"
        editor.terminal.see(TITLE)
        editor.terminal.press("K")
        screen = editor.terminal.see(re.escape(TRIGGER) + r"\W*\n[^\n]+certain · ")
        assert TITLE in screen
        editor.terminal.keep("hover")
        editor.terminal.press("Escape", "l")
        editor.terminal.type("gra")
        editor.terminal.see(f"Fix: {TITLE}")
        editor.terminal.keep("actions")
        editor.terminal.type("1", "Enter")
        until(
            lambda: editor.lua("vim.api.nvim_buf_get_lines(0, 0, -1, false)") == FIXED.splitlines(), "fixed"
        )
        editor.command("write")
        until(lambda: desk.text() == FIXED, "the file on disk")
        until(lambda: editor.findings() == [], "no findings")
        until(lambda: editor.status() == "kibitz", "a quiet status line")


def test_the_plugin_fixes_the_finding_under_the_cursor(desk: Desk) -> None:
    with Neovim("command", desk) as editor:
        editor.finding()
        editor.command("Kibitz fix")
        editor.terminal.see(r"len\(values\)")
        editor.command("write")
        until(lambda: desk.text() == FIXED, "the file on disk")


def test_the_status_line_tells_what_goes_on(desk: Desk) -> None:
    with Neovim("status", desk) as editor:
        editor.finding()
        editor.terminal.see(r"\[kibitz 1\]")
        editor.command("Kibitz pause")
        editor.terminal.see(r"\[kibitz paused 1\]")
        editor.terminal.keep("paused")
        editor.command("Kibitz resume")
        editor.terminal.see(r"\[kibitz 1\]")
        editor.command("lua vim.lsp.enable('kibitz', false)")
        editor.terminal.see(r"\[\]")


def test_the_status_line_tells_what_today_cost(desk: Desk) -> None:
    desk.spend("0.0125")
    desk.environment["KIBITZ_TRIGGER"] = "manual"
    with Neovim("cost", desk) as editor:
        editor.terminal.see(r"\[kibitz \$0\.0125\]")
        editor.command("Kibitz usage")
        editor.terminal.see(r"\$0\.0125")
        editor.terminal.keep("usage")


def test_what_was_dismissed_stays_away_until_it_is_shown_again(desk: Desk) -> None:
    with Neovim("dismiss", desk) as editor:
        editor.finding()
        editor.command("Kibitz dismiss")
        editor.terminal.see("Why is it dismissed")
        editor.terminal.type("known to be harmless", "Enter")
        until(lambda: editor.findings() == [], "no findings")
        client = "(vim.lsp.get_clients({ name = 'kibitz' })[1] or {}).id"
        before = editor.lua(client)
        editor.command("Kibitz restart")
        until(lambda: editor.lua(client) not in {None, before}, "another server runs")
        until(lambda: editor.status() == "kibitz", "it has reviewed the file")
        assert editor.findings() == []
        editor.command("Kibitz dismissed")
        assert "known to be harmless" in editor.finding()["message"]
        editor.terminal.keep("shown")
        editor.command("Kibitz undismiss")
        until(lambda: [f["message"] for f in editor.findings()] == [f"{TITLE}\n{TRIGGER}"], "it is back")
        editor.command("Kibitz dismiss rule")
        editor.terminal.see("Why is it dismissed")
        editor.terminal.press("Escape")
        editor.terminal.see("nothing was dismissed")
        assert len(editor.findings()) == 1


def test_it_explains_in_the_hover(desk: Desk) -> None:
    with Neovim("explain", desk) as editor:
        editor.finding()
        editor.command("Kibitz explain")
        editor.terminal.see(EXPLANATION.split(",", maxsplit=1)[0])
        editor.terminal.keep("hover")
        assert EXPLANATION not in editor.messages()


def test_without_a_key_there_is_one_message_that_says_what_to_do(tmp_path: Path) -> None:
    with Neovim("no-key", Desk(tmp_path, None)) as editor:
        editor.enter("OPENAI_API_K")
        until(lambda: editor.status() == "kibitz off", "the status says it, too")
        said = editor.messages()
        assert said.count("OPENAI_API_KEY") == 1
        assert said.count("kibitz has nobody to ask") == 1
        assert "kibitz: kibitz" not in said
        assert "kibitz model pull" in said


def test_without_the_server_there_is_one_message_that_says_what_to_do(tmp_path: Path) -> None:
    desk = Desk(tmp_path, None)
    desk.environment["PATH"] = "/usr/bin:/bin"
    with Neovim("not-installed", desk) as editor:
        editor.enter("there is no command `kibitz`")
        editor.command("edit other.py")
        editor.terminal.see("other.py")
        assert editor.messages().count("not installed") == 1
        editor.command("Kibitz status")
        editor.enter("there is no command `kibitz`")
        editor.command("checkhealth kibitz")
        editor.terminal.see("ERROR There is no command kibitz")


def test_settings_count_at_once(desk: Desk) -> None:
    with Neovim("settings", desk) as editor:
        editor.finding()
        editor.command("lua require('kibitz').configure({ min_severity = 'error' })")
        until(lambda: editor.findings() == [], "none is severe enough")
        editor.command("lua require('kibitz').configure({ min_severity = 'info' })")
        editor.finding()
    assert desk.asked == 1, "what was known needed nobody"


def test_a_killed_server_comes_back_by_itself(desk: Desk) -> None:
    with Neovim("killed", desk) as editor:
        editor.finding()
        desk.kill_server()
        editor.enter("quit with exit code 0 and signal 9")
        until(lambda: len(desk.servers()) == 1, "another server runs")
        until(lambda: editor.status() == "kibitz 1", "it shows what it knows")
        assert editor.finding()["source"] == "kibitz"
    assert desk.asked == 1, "what was known is on disk"


def test_a_server_that_keeps_ending_is_left_alone_and_told_about(desk: Desk) -> None:
    init = "vim.lsp.config('kibitz', { cmd = { 'false' } })\nvim.o.cmdheight = 12\n"
    with Neovim("crashing", desk, init) as editor:
        editor.terminal.see("ended 4 times within minutes, so it is not started again")
        assert editor.messages().count("Client kibitz quit") == 4
        assert editor.messages().count("not started again") == 1


def test_nothing_stays_behind_when_neovim_ends(desk: Desk) -> None:
    with Neovim("end", desk) as editor:
        editor.finding()
        assert len(desk.servers()) == 1
        editor.command("quitall!")
        until(lambda: desk.servers() == [], "no server is left")


def test_the_example_without_the_plugin_works(desk: Desk) -> None:
    example = (desks.REPOSITORY / "docs/editors/neovim.md").read_text(encoding="utf-8")
    code = example.split("Without the plugin")[1].split("```lua\n")[1].split("```")[0]
    with Neovim("bare", desk, code, plugin=False) as editor:
        assert editor.finding()["source"] == "kibitz"
        assert editor.lua("vim.fn.exists(':Kibitz')") == 0
        assert len(editor.lua("vim.lsp.get_clients()[1].config.cmd")) == 2


SAID = {
    "": "1 document, 1 finding, all reviewed",
    "status": "1 document, 1 finding, all reviewed",
    "usage": "this run: 1 request, ",
    "analyze": r"\[kibitz 1",
    "stop": "what was under way is cancelled",
    "pause": "paused; go on with :Kibitz resume",
    "resume": "kibitz: goes on",
    "reload-key": "the keys were reloaded",
    "clear-cache": "kept answers are forgotten",
    "raise-budget": "as much again as the budget may be spent today",
    "request": "0 requests to gpt",
    "bug-report": "the report is in ",
    "doctor offline": r"ok +kibitz \d",
    "log": r"lsp\.log",
    "help": r"1\. First use",
    "nonsense": 'there is no command "nonsense". There are: analyze, ',
    "analyze all": '"analyze" takes nothing more, and not "all"',
    "dismiss all": '"dismiss" takes finding or rule, and not "all"',
}


def test_each_command_says_what_it_does(desk: Desk) -> None:
    with Neovim("say", desk) as editor:
        editor.finding()
        editor.terminal.see(r"\[kibitz 1\]")
        for command, said in SAID.items():
            editor.command(f"Kibitz {command}")
            screen = editor.terminal.see(said)
            editor.terminal.keep(command.replace(" ", "-") or "nothing")
            assert "Error executing" not in screen
            # Back to the file alone, with nothing left on the screen.
            editor.terminal.press("Escape", "Escape")
            editor.command("tabonly | only | buffer mean.py | messages clear | echo '' | redraw!")
            editor.terminal.unsee(said if command != "analyze" else "Press ENTER")


def test_the_usage_report_is_opened_in_the_browser(desk: Desk) -> None:
    opens = "{ wait = function() return { code = 0 } end }"
    browser = f"vim.ui.open = function(uri) vim.g.opened = uri return {opens} end\n"
    with Neovim("report", desk, browser) as editor:
        editor.finding()
        editor.command("Kibitz usage-report")
        report = desk.home / "state/usage.html"
        until(lambda: editor.lua("vim.g.opened or ''") == report.as_uri(), "the page is opened")
        assert "mean.py" in report.read_text(encoding="utf-8")


def test_more_is_spent_than_the_budget_once_that_is_allowed(desk: Desk) -> None:
    desk.use_up_budget()
    with Neovim("budget", desk) as editor:
        editor.terminal.see("1: Allow as much again today\n2: Not now")
        editor.terminal.keep("asks")
        editor.terminal.type("2", "Enter")
        until(lambda: editor.status() == "kibitz paused $0.0100", "nothing is reviewed")
        assert desk.asked == 0
        editor.command("Kibitz raise-budget")
        editor.enter(r"today's budget of 2 requests is used to 50 %")
        assert "as much again as the budget may be spent today" in editor.messages()
        editor.finding()


def test_the_whole_workspace_is_reviewed(desk: Desk) -> None:
    (desk.project / "median.py").write_text(SOURCE.replace("mean", "median"), encoding="utf-8")
    with Neovim("workspace", desk) as editor:
        editor.finding()
        editor.command("Kibitz workspace")
        editor.enter("reviewing the workspace; 1 of 2 files not known yet")
        until(lambda: desk.asked == 2, "the other file is asked about")
        until(lambda: editor.lua("#vim.diagnostic.get(nil)") == 2, "both have a finding")
        editor.terminal.keep("reviewed")


def test_it_runs_beside_another_server(desk: Desk) -> None:
    other = f"{{ '{sys.executable}', '{desks.REPOSITORY}/tests/editors/other_server.py' }}"
    init = (
        f"vim.lsp.config('other', {{ cmd = {other}, filetypes = {{ 'python' }} }})\nvim.lsp.enable('other')\n"
    )
    with Neovim("beside", desk, init) as editor:
        until(lambda: {f["source"] for f in editor.findings()} == {"kibitz", "other"}, "what both say")
        editor.terminal.see("from the other server")
        editor.terminal.see(TITLE)


def test_the_doctor_s_report_has_a_window_and_no_message(desk: Desk) -> None:
    with Neovim("doctor", desk) as editor:
        editor.finding()
        editor.command("Kibitz doctor")
        screen = editor.terminal.see(r"ok +kibitz \d")
        assert "problem gpt-6-luna answers" in screen
        assert "kibitz doctor: " not in editor.messages()
        editor.terminal.press("q")
        editor.terminal.unsee("problem")


def test_away_from_findings_commands_say_so(desk: Desk) -> None:
    with Neovim("away", desk) as editor:
        editor.finding()
        editor.command("1")
        for command in ("fix", "explain", "dismiss"):
            editor.command(f"Kibitz {command}")
            editor.terminal.see("there is no finding on this line")
            editor.command("echo ''")
            editor.terminal.unsee("there is no finding")
        editor.command("Kibitz undismiss")
        editor.terminal.see("there is no dismissed finding on this line")


def test_commands_are_completed(desk: Desk) -> None:
    with Neovim("complete", desk) as editor:
        complete = "vim.fn.getcompletion('Kibitz {}', 'cmdline')"
        assert editor.lua(complete.format("d")) == ["dismiss", "dismissed", "doctor"]
        assert editor.lua(complete.format("dismiss ")) == ["finding", "rule"]
        assert editor.lua(complete.format("stop ")) == []
        assert set(editor.lua(complete.format(""))) == set(editor.lua("require('kibitz.commands').names()"))


def test_checkhealth_tells_what_runs(desk: Desk) -> None:
    with Neovim("health", desk) as editor:
        editor.finding()
        editor.terminal.see(r"\[kibitz 1\]")
        editor.command("checkhealth kibitz")
        editor.terminal.see("what the server finds")
        report = "\n".join(editor.lua("vim.api.nvim_buf_get_lines(0, 0, -1, false)"))
        editor.terminal.keep("report")
        assert "OK kibitz 0." in report
        assert str(KIBITZ) in report
        assert "OK Client 1 runs in ~/project for 1 file." in report
        assert "It is idle: all reviewed." in report
        assert "ERROR" not in report


def test_help_is_found(tmp_path: Path) -> None:
    tags = tmp_path / "plugin"
    shutil.copytree(PLUGIN, tags)
    done = subprocess.run(
        [
            *(
                str(NVIM),
                "--headless",
                "--clean",
                "--cmd",
                f"set runtimepath^={tags}",
                f"+helptags {tags}/doc",
            ),
            *(f"+help {tag}" for tag in ("kibitz", ":Kibitz", "kibitz-status", "g:kibitz_enable")),
            *("+echo expand('%:t')", "+quitall!"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.strip().endswith("kibitz.txt"), done.stderr
    assert "E149" not in done.stderr
