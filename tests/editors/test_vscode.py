"""kibitz in a real VS Code: the extension, installed from the file that is given away, used as users do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.editors.desk import EXPLANATION, FIXED, KIBITZ, SOURCE, TITLE, TRIGGER
from tests.editors.terminal import until
from tests.editors.vscode.machine import Machine, command_line
from tests.editors.vscode.workbench import workbench

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fake_provider import FakeProvider

pytestmark = [pytest.mark.editor, pytest.mark.timeout(600)]


def test_a_finding_is_seen_told_about_and_mended_on_disk(machine: Machine, file: Path) -> None:
    with machine, workbench(machine, "finding") as window:
        window.open(file)
        expect(window.squiggles()).to_have_count(1)
        expect(window.status).to_contain_text("kibitz $0.00")
        window.keep("squiggle")
        hover = window.hover(window.squiggles())
        expect(hover.first).to_contain_text(TITLE)
        expect(hover.first).to_contain_text(TRIGGER)
        window.keep("hover")
        window.click(window.squiggles())
        expect(window.actions()).to_contain_text(f"Fix: {TITLE}")
        window.keep("actions")
        window.act(f"Fix: {TITLE}")
        expect(window.line("len(values)")).to_have_count(1)
        window.save()
        until(lambda: file.read_text(encoding="utf-8") == FIXED, "the file on disk")
        expect(window.squiggles()).to_have_count(0)
        window.keep("fixed")


def test_a_finding_is_dismissed_with_a_reason_and_brought_back(machine: Machine, file: Path) -> None:
    with machine, workbench(machine, "dismiss") as window:
        window.open(file)
        window.click(window.squiggles())
        window.command("kibitz: Dismiss Finding at Cursor…")
        expect(window.picker).to_contain_text("Why is it no problem?")
        window.page.keyboard.press("Escape")
        expect(window.picker).to_have_count(0)
        window.command("kibitz: Show Status")
        expect(window.dialog).to_contain_text("1 finding, all reviewed")
        expect(window.dialog).to_contain_text("asks gpt-4o-mini")
        window.keep("status")
        window.page.keyboard.press("Escape")
        expect(window.dialog).to_have_count(0)
        window.actions()
        window.act(f"Dismiss this finding: {TITLE}", window.picker)
        expect(window.picker).to_contain_text("Why is it no problem?")
        window.keep("reason")
        window.answer("value is a global of the test")
        expect(window.squiggles()).to_have_count(0)
        window.keep("dismissed")
        window.command("kibitz: Show or Hide Dismissed Findings")
        expect(window.page.locator("[class*=squiggly-]")).to_have_count(1)
        window.keep("shown")
        window.actions()
        window.act(f"Undo dismissal: {TITLE}", window.squiggles())
        expect(window.squiggles()).to_have_count(1)


def test_commands_show_what_would_be_sent_review_all_files_explain_and_fix(
    machine: Machine, file: Path, fake: FakeProvider
) -> None:
    machine.own["kibitz.trigger"] = "manual"
    (machine.project / "median.py").write_text(SOURCE.replace("mean", "median"), encoding="utf-8")
    with machine, workbench(machine, "cursor") as window:
        window.open(file)
        expect(window.status.locator(".codicon-eye")).to_be_visible()
        window.command("kibitz: Show What Would Be Sent")
        expect(window.line("1 request to gpt-4o-mini at 127.0.0.1")).to_have_count(1)
        assert fake.requests == []
        window.keep("request")
        window.page.locator(".tab", has_text="mean.py").click()
        window.command("kibitz: Review All Files of the Workspace")
        expect(window.squiggles()).to_have_count(1)
        until(lambda: len(fake.requests) == 2, "both files are reviewed")
        window.click(window.squiggles())
        window.command("kibitz: Explain Finding at Cursor")
        expect(window.notification(EXPLANATION)).to_be_visible()
        window.keep("explanation")
        expect(window.hover(window.squiggles()).first).to_contain_text(EXPLANATION)
        window.click(window.squiggles())
        window.command("kibitz: Fix Finding at Cursor")
        expect(window.line("len(values)")).to_have_count(1)
        window.save()
        until(lambda: file.read_text(encoding="utf-8") == FIXED, "the file on disk")


def test_the_status_bar_has_the_cost_of_today_and_opens_a_menu_of_all_commands(
    machine: Machine, file: Path
) -> None:
    machine.own["kibitz.trigger"] = "manual"
    machine.spend("0.0421")
    with machine, workbench(machine, "status") as window:
        window.open(file)
        expect(window.status).to_contain_text("kibitz $0.0421")
        hover = window.hover(window.status)
        expect(hover.first).to_contain_text(
            "Today, in all windows: 1 request, 1,000 tokens in, 100 out, $0.0421"
        )
        window.keep("tooltip")
        window.status.click()
        expect(window.picker).to_contain_text("Review This File Now")
        expect(window.picker).to_contain_text("Pause")
        window.keep("menu")
        window.picker.locator("input").first.fill("usage")
        window.picker.locator(".monaco-list-row", has_text="Show Usage and Cost").click()
        expect(window.frame("Today, in all windows").first).to_be_visible()
        expect(window.frame("$0.0421").first).to_be_visible()
        # The page tells all of it: there is no message beside it.
        expect(window.page.locator(".notifications-toasts .notification-list-item")).to_have_count(0)
        window.keep("usage")
        window.command("kibitz: Open Usage Report")
        expect(window.frame("Cost over time").first).to_be_visible()
        expect(window.frame("$0.0421 for 1 request").first).to_be_visible()
        expect(window.page.locator(".notifications-toasts .notification-list-item")).to_have_count(0)
        window.keep("report")
        window.command("kibitz: Get Started")
        expect(window.page.locator(".gettingStartedContainer")).to_contain_text("Choose who reviews")
        window.keep("walkthrough")
        window.command("kibitz: Pause")
        expect(window.status.locator(".codicon-debug-pause")).to_be_visible()
        window.command("kibitz: Resume")
        expect(window.status.locator(".codicon-debug-pause")).to_have_count(0)


def test_more_is_spent_than_the_budget_once_that_is_allowed(
    machine: Machine, file: Path, fake: FakeProvider
) -> None:
    machine.spend("0.01")
    machine.own["kibitz.budgetRequestsPerDay"] = 1
    with machine, workbench(machine, "budget") as window:
        window.open(file)
        used_up = window.notification("today's budget of 1 requests does not allow for another request")
        expect(used_up.locator(".monaco-button", has_text="Allow as much again today")).to_be_visible()
        window.keep("used-up")
        window.press(used_up, "Not now")
        expect(window.status).to_contain_text("kibitz $0.01")
        assert fake.requests == []
        window.command("kibitz: Allow as Much Again Today")
        expect(window.notification("as much again as the budget may be spent today")).to_be_visible()
        expect(window.squiggles()).to_have_count(1)


def test_settings_count_at_once_and_those_of_the_machine_start_the_server_anew(
    machine: Machine, file: Path, fake: FakeProvider
) -> None:
    with machine, workbench(machine, "settings") as window:
        window.open(file)
        expect(window.squiggles()).to_have_count(1)
        server = machine.server()
        machine.set({"kibitz.minSeverity": "error"})
        expect(window.squiggles()).to_have_count(0)
        machine.set({"kibitz.minSeverity": None})
        expect(window.squiggles()).to_have_count(1)
        assert machine.server() == server
        assert len(fake.requests) == 1
        machine.set({"kibitz.model": "another-model"})
        until(lambda: fake.requests[-1].body["model"] == "another-model", "the other model is asked", 60)
        assert machine.server() != server
        window.command("kibitz: Open Settings")
        expect(window.page.locator(".settings-editor")).to_contain_text("Reviews (")
        window.keep("page")


def test_a_server_that_is_killed_comes_back_until_it_is_too_much(machine: Machine, file: Path) -> None:
    machine.own["kibitz.minSeverity"] = "error"
    with machine, workbench(machine, "killed") as window:
        window.open(file)
        expect(window.status.locator(".codicon-eye")).to_be_visible()
        for _ in range(4):
            killed = machine.kill()
            assert machine.server() != killed
        # The last one talks, and is heard.
        machine.set({"kibitz.minSeverity": None})
        expect(window.squiggles()).to_have_count(1)
        machine.kill()
        gave_up = window.notification("its server ended five times within three minutes")
        expect(gave_up).to_be_visible()
        assert machine.servers() == []
        window.keep("gave-up")
        window.press(gave_up, "Restart")
        expect(window.status.locator(".codicon-eye")).to_be_visible()
        assert machine.server()


def test_a_finding_in_a_notebook_is_seen_told_about_and_mended_in_its_cell(machine: Machine) -> None:
    machine.user["workbench.editorAssociations"] = {"*.ipynb": "jupyter-notebook"}
    book = machine.project / "mean.ipynb"
    book.write_text(notebook("# len(value) 😀é", "values = [1, 2]", SOURCE, "mean(values)"), encoding="utf-8")
    with machine, workbench(machine, "notebook") as window:
        window.open(book)
        expect(window.squiggles()).to_have_count(1)
        expect(window.cell("def mean").locator(window.squiggles())).to_have_count(1)
        expect(window.hover(window.squiggles()).first).to_contain_text(TRIGGER)
        window.click(window.squiggles())
        window.command("kibitz: Explain Finding at Cursor")
        expect(window.notification(EXPLANATION)).to_be_visible()
        window.click(window.squiggles())
        expect(window.actions()).to_contain_text(f"Fix: {TITLE}")
        window.keep("actions")
        window.act(f"Fix: {TITLE}")
        expect(window.line("len(values)")).to_have_count(1)
        window.save()
        until(lambda: FIXED in cells(book), "the file on disk")
        expect(window.squiggles()).to_have_count(0)


def notebook(prose: str, *code: str) -> str:
    """A notebook in Python that was never run, as Jupyter keeps it."""
    never: dict[str, object] = {"cell_type": "code", "execution_count": None, "outputs": []}
    kinds: list[dict[str, object]] = [{"cell_type": "markdown"}, *[never] * len(code)]
    texts = zip(kinds, (prose, *code), strict=True)
    cells = [{**kind, "metadata": {}, "source": text} for kind, text in texts]
    metadata = {"language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def cells(book: Path) -> list[str]:
    """What is in each cell on disk; nothing while the file is written."""
    try:
        return ["".join(cell["source"]) for cell in json.loads(book.read_text(encoding="utf-8"))["cells"]]
    except ValueError:
        return []


def test_it_runs_beside_another_server(machine: Machine) -> None:
    # The program that a user names is started, and no Python looked for.
    machine.own |= {"kibitz.server.python": None, "kibitz.server.path": str(KIBITZ)}
    file = machine.project / "mean.ts"
    file.write_text("export const mean = (values: number[]): number => len(value);\n", encoding="utf-8")
    with machine, workbench(machine, "beside") as window:
        window.open(file)
        expect(window.squiggles()).to_have_count(1)
        # TypeScript's own server knows neither name.
        expect(window.squiggles("error")).to_have_count(2)
        assert str(KIBITZ) in command_line(machine.server())
        window.keep("both")
