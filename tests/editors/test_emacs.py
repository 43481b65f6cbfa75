"""kibitz in real Emacsen, by Eglot and by lsp-mode: what is shown, what is mended, and every command."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.editors.desk import EXPLANATION, FIXED, REPOSITORY, SOURCE, TITLE, Desk, provider
from tests.editors.emacs import EGLOT, LSP_MODE, PACKAGE, Emacs
from tests.editors.terminal import program, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.editor, pytest.mark.timeout(240)]


OTHER = f'("{sys.executable}" "{REPOSITORY}/tests/editors/other_server.py")'


@pytest.fixture(params=["emacs28", "emacs30"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with provider() as fake:
        yield Desk(tmp_path, fake)


def test_the_finding_is_shown_told_about_and_its_fix_lands_on_disk(version: str, desk: Desk) -> None:
    with Emacs(version, "fix", desk) as editor:
        found = editor.finding()
        assert found["covers"] == SOURCE.splitlines()[1].strip()
        assert TITLE in found["text"]
        # ElDoc has the hover below what Flymake says.
        editor.command("eldoc-doc-buffer")
        assert "mean([1])" in editor.terminal.see("certain · ")
        editor.terminal.keep("hover")
        editor.command("eglot-code-actions")
        editor.terminal.see(f"Fix: {TITLE}")
        editor.terminal.keep("actions")
        editor.terminal.press("Enter")
        editor.terminal.see(r"len\(values\)")
        editor.terminal.press("C-x", "C-s")
        until(lambda: desk.text() == FIXED, "the file on disk")
        until(lambda: editor.findings() == [], "no findings")
        until(lambda: editor.status() == "kibitz", "a quiet mode line")


def test_the_mode_line_tells_what_goes_on_and_what_today_cost(version: str, desk: Desk) -> None:
    desk.spend("0.0125")
    desk.environment["KIBITZ_TRIGGER"] = "manual"
    with Emacs(version, "status", desk) as editor:
        editor.terminal.see(r"\[kibitz \$0\.0125\]")
        editor.command("kibitz-usage")
        editor.terminal.see(r"today, in all windows: 1 request, .*\$0\.0125")
        editor.terminal.keep("usage")
        editor.command("kibitz-analyze")
        until(lambda: editor.status() == "kibitz 1 $0.0125", "a finding; models on this machine are free")


def test_the_server_s_commands_work(version: str, desk: Desk) -> None:
    with Emacs(version, "commands", desk) as editor:
        editor.finding()
        for command, said in {
            "kibitz-pause": r"kibitz: paused; go on with M-x kibitz-resume",
            "kibitz-resume": r"kibitz: goes on",
            "kibitz-stop": r"kibitz: what was under way is cancelled",
            "kibitz-reload-key": r"kibitz: the keys were reloaded",
            "kibitz-clear-cache": r"kibitz: kept answers are forgotten",
            "kibitz-raise-budget": r"as much again as the budget may be spent today",
            "kibitz-bug-report": r"kibitz: the report is in ",
            "kibitz": r"kibitz runs here already",
            "kibitz-status": r"1 document, 1 finding, all reviewed",
            "kibitz-doctor": r"ok +kibitz \d",
            "kibitz-show-request": r"0 requests to gpt",
        }.items():
            editor.command(command)
            editor.terminal.see(said)
            editor.terminal.keep(command)
        editor.command("delete-other-windows")
        editor.command("kibitz-explain")
        editor.terminal.see(EXPLANATION[:40])
        assert "Server reports" not in editor.messages()


@pytest.mark.parametrize("by", [EGLOT, LSP_MODE], ids=["eglot", "lsp-mode"])
def test_the_usage_report_is_opened_in_the_browser(version: str, desk: Desk, by: str) -> None:
    browser = '(setq browse-url-browser-function (lambda (url &rest _) (message "opens %s" url)))'
    with Emacs(version, "report", desk, by + browser) as editor:
        editor.finding()
        editor.command("kibitz-usage-report")
        report = desk.home / "state/usage.html"
        until(lambda: f"opens {report.as_uri()}" in editor.messages(), "the page is opened")
        assert "mean.py" in report.read_text(encoding="utf-8")


def test_more_is_spent_than_the_budget_once_that_is_allowed(version: str, desk: Desk) -> None:
    desk.use_up_budget()
    with Emacs(version, "budget", desk) as editor:
        editor.terminal.see("Choose an option: Allow as much again today")
        editor.terminal.keep("asks")
        # The first one is offered, and another one has to be written over it.
        editor.terminal.press("C-a", "C-k")
        editor.terminal.type("Not now", "Enter")
        until(lambda: editor.status() == "kibitz paused $0.0100", "nothing is reviewed")
        assert desk.asked == 0
        editor.command("kibitz-raise-budget")
        editor.finding()


def test_the_whole_workspace_is_reviewed(version: str, desk: Desk) -> None:
    (desk.project / "median.py").write_text(SOURCE.replace("mean", "median"), encoding="utf-8")
    with Emacs(version, "workspace", desk) as editor:
        editor.finding()
        editor.command("kibitz-analyze-workspace")
        until(lambda: desk.asked == 2, "the other file is asked about")
        listed = "(mapcar (lambda (each) (file-name-nondirectory (car each))) flymake-list-only-diagnostics)"
        until(lambda: editor.lisp(listed) == ["median.py"], "what was found in a file that no buffer has")


def test_the_finding_on_the_line_is_fixed_by_name(version: str, desk: Desk) -> None:
    with Emacs(version, "command", desk) as editor:
        editor.finding()
        editor.command("kibitz-fix")
        # Eglot asks, or not, whether a server may edit.
        editor.terminal.see(r"len\(values\)|\(y or n\)|proceed")
        if "len(values)" not in editor.terminal.screen():
            editor.terminal.keep("asks")
            editor.terminal.press("y")
        editor.terminal.see(r"len\(values\)")


def test_what_was_dismissed_stays_away_until_it_is_shown_again(version: str, desk: Desk) -> None:
    with Emacs(version, "dismiss", desk) as editor:
        editor.finding()
        editor.command("kibitz-dismiss")
        editor.terminal.see("Why is it dismissed")
        editor.terminal.type("known to be harmless", "Enter")
        until(lambda: editor.findings() == [], "no findings")
        before = desk.servers()
        editor.command("kibitz-restart")
        until(lambda: desk.servers() not in ([], before), "another server runs")
        until(lambda: editor.status() == "kibitz", "it has reviewed the file")
        assert editor.findings() == []
        editor.command("kibitz-show-dismissed")
        assert "known to be harmless" in editor.finding()["text"]
        editor.command("kibitz-undismiss")
        until(lambda: ["harmless" in f["text"] for f in editor.findings()] == [False], "it is back")


def test_without_a_key_there_is_one_message_that_says_what_to_do(version: str, tmp_path: Path) -> None:
    with Emacs(version, "no-key", Desk(tmp_path, None)) as editor:
        until(lambda: editor.status() == "kibitz off", "the mode line says it")
        said = editor.messages()
        assert said.count("kibitz has nobody to ask") == 1
        assert "OPENAI_API_KEY" in said
        assert "kibitz: kibitz" not in said


def test_without_the_server_there_is_one_warning_that_says_what_to_do(version: str, tmp_path: Path) -> None:
    desk = Desk(tmp_path, None)
    desk.environment["PATH"] = "/usr/bin:/bin"
    with Emacs(version, "not-installed", desk) as editor:
        editor.terminal.see("there is no command .kibitz'")
        editor.terminal.keep("warning")
        editor.command("kibitz-status")
        editor.terminal.see("not installed")


def test_settings_count_at_once(version: str, desk: Desk) -> None:
    with Emacs(version, "settings", desk) as editor:
        editor.finding()
        editor.lisp("(customize-set-variable 'kibitz-settings '(:min_severity \"error\"))")
        until(lambda: editor.findings() == [], "none is severe enough")
        editor.lisp("(customize-set-variable 'kibitz-settings '(:min_severity \"info\"))")
        editor.finding()
        editor.command("customize-group")
        editor.terminal.type("kibitz", "Enter")
        editor.command("delete-other-windows")
        for option in ("Program", "Modes", "Settings", "Show Status"):
            editor.terminal.see(f"Kibitz {option}")
        editor.terminal.keep("group")
    assert desk.asked == 1, "what was known needed nobody"


def test_a_killed_server_comes_back(version: str, desk: Desk) -> None:
    with Emacs(version, "killed", desk) as editor:
        editor.finding()
        # Eglot starts it again by itself if it had run for three seconds.
        editor.lisp("(sit-for 3)")
        desk.kill_server()
        until(lambda: len(desk.servers()) == 1, "another server runs")
        until(lambda: editor.status() == "kibitz 1", "it shows what it knows")
    assert desk.asked == 1, "what was known is on disk"


def test_a_check_needs_no_client(version: str, desk: Desk) -> None:
    with Emacs(version, "check", desk, "") as editor:
        editor.command("kibitz-check")
        editor.terminal.see(r"mean\.py:2")
        editor.terminal.see("exited abnormally with code 1")
        editor.terminal.keep("done")
        editor.command("kibitz-status")
        editor.terminal.see("It does not run in this buffer")


def test_eglot_has_one_server_and_a_check_works_beside_it(version: str, desk: Desk) -> None:
    other = (
        f"(setq eglot-server-programs '((python-mode . {OTHER})))\n"
        "(add-hook 'python-mode-hook #'eglot-ensure)\n"
    )
    with Emacs(version, "other", desk, other) as editor:
        until(lambda: [each["text"] for each in editor.findings()] != [], "what the other server says")
        editor.command("kibitz")
        editor.terminal.see("Eglot has another server for this buffer")
        editor.command("kibitz-check")
        editor.terminal.see(r"mean\.py:2")
        assert len(editor.findings()) == 1


def test_nothing_stays_behind_when_emacs_ends(version: str, desk: Desk) -> None:
    with Emacs(version, "end", desk) as editor:
        editor.finding()
        editor.terminal.press("C-x", "C-c")
        until(lambda: desk.servers() == [], "no server is left")


def test_lsp_mode_has_it_beside_another_server(version: str, desk: Desk) -> None:
    other = (
        f"(lsp-register-client (make-lsp-client :new-connection (lsp-stdio-connection '{OTHER})"
        " :major-modes '(python-mode) :server-id 'other :priority 10))\n"
    )
    with Emacs(version, "lsp-mode", desk, LSP_MODE + other) as editor:
        editor.terminal.see(r"LSP\[other:\d+\]\[kibitz:\d+\]")
        until(lambda: len(editor.findings()) == 2, "what both say")
        assert {each["covers"] for each in editor.findings()} == {"def", SOURCE.splitlines()[1].strip()}
        until(lambda: editor.status() == "kibitz 1", "the mode line knows")
        editor.lisp("(customize-set-variable 'kibitz-settings '(:min_severity \"error\"))")
        until(lambda: len(editor.findings()) == 1, "none is severe enough")
        editor.lisp("(customize-set-variable 'kibitz-settings '(:min_severity \"info\"))")
        until(lambda: len(editor.findings()) == 2, "it is back")
        editor.terminal.press("Down", "M-m")
        editor.command("lsp-describe-thing-at-point")
        editor.terminal.see("certain · ")
        editor.terminal.keep("hover")
        editor.command("delete-other-windows")
        editor.command("kibitz-status")
        editor.terminal.see("1 document, 1 finding, all reviewed")
        editor.command("delete-other-windows")
        editor.command("kibitz-fix")
        editor.terminal.see(r"len\(values\)")
        editor.terminal.press("C-x", "C-s")
        until(lambda: desk.text() == FIXED, "the file on disk")


def test_lsp_mode_explains_dismisses_and_starts_a_killed_server_again(version: str, desk: Desk) -> None:
    desk.spend("0.0125")
    (desk.project / "median.py").write_text(SOURCE.replace("mean", "median"), encoding="utf-8")
    with Emacs(version, "lsp-more", desk, LSP_MODE) as editor:
        editor.finding()
        until(lambda: editor.status() == "kibitz 1 $0.0125", "what today cost")
        editor.command("kibitz-explain")
        editor.terminal.see(EXPLANATION[:40])
        editor.command("delete-other-windows")
        editor.command("kibitz-dismiss")
        editor.terminal.see("Why is it dismissed")
        editor.terminal.type("known to be harmless", "Enter")
        until(lambda: editor.findings() == [], "no findings")
        editor.command("kibitz-show-dismissed")
        assert "known to be harmless" in editor.finding()["text"]
        editor.command("kibitz-undismiss")
        until(lambda: ["harmless" in f["text"] for f in editor.findings()] == [False], "it is back")
        editor.command("kibitz-analyze-workspace")
        # What it says then would take the place of what is said next.
        until(lambda: "1 file reviewed: 1 finding" in editor.messages(), "the other file is reviewed")
        assert desk.asked == 3
        editor.command("kibitz-raise-budget")
        editor.terminal.see("as much again as the budget may be spent today")
        editor.command("kibitz-show-request")
        editor.terminal.see("0 requests to gpt")
        editor.command("delete-other-windows")
        before = desk.servers()
        desk.kill_server()
        editor.terminal.see(r"Server kibitz:\d+ exited")
        editor.terminal.press("y")
        until(lambda: desk.servers() not in ([], before), "another server runs")
        until(lambda: editor.status() == "kibitz 1 $0.0125", "it shows what it knows")
        editor.terminal.press("C-x", "C-c")
        until(lambda: desk.servers() == [], "no server is left")


def test_lsp_mode_says_once_what_to_do_without_a_key(version: str, tmp_path: Path) -> None:
    with Emacs(version, "lsp-no-key", Desk(tmp_path, None), LSP_MODE) as editor:
        until(lambda: editor.status() == "kibitz off", "the mode line says it")
        assert editor.messages().count("kibitz has nobody to ask") == 1


def test_the_package_compiles_and_is_in_good_style(version: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [program(version), "--batch", "-q", "-l", REPOSITORY / "tests/editors/lint.el", PACKAGE],
        env={"HOME": str(tmp_path), "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


def test_each_command_is_in_the_manual() -> None:
    commands = set(
        re.findall(
            r"\(defun (kibitz(?:-[a-z-]+)?) \([^\n]*\)\n(?:(?!\(defun )[^\n]*\n)*?  \(interactive",
            PACKAGE.read_text(),
        )
    )
    manual = (REPOSITORY / "docs/editors/emacs.md").read_text()
    assert len(commands) > 15
    assert [each for each in sorted(commands) if f"`{each}`" not in manual] == []
