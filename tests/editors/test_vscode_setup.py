"""kibitz in a real VS Code: what is started there, with which key, and whom it trusts."""

from __future__ import annotations

import re
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.editors.terminal import until
from tests.editors.vscode.machine import Machine, bring_settings, command_line, npm
from tests.editors.vscode.python_extension import python_extension
from tests.editors.vscode.workbench import workbench
from tests.support import canary

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fake_provider import FakeProvider

pytestmark = [pytest.mark.editor, pytest.mark.timeout(600)]


@pytest.mark.parametrize("script", ["lint", "test"])
def test_the_sources_of_the_extension_are_in_order(script: str) -> None:
    done = npm("run", script)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_given_away_is_whole_and_talks_to_nobody(vsix: Path) -> None:
    with zipfile.ZipFile(vsix) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    page = files["extension/readme.md"].decode()
    pictures = re.findall(r"!\[[^]]+\]\((\S+)\)", page)
    assert len(pictures) == 3
    for picture in (*pictures, "media/icon.png"):
        assert files[f"extension/{picture}"].startswith(b"\x89PNG")
    assert b"## " in files["extension/changelog.md"]
    assert b"MIT" in files["extension/LICENSE.txt"]
    assert len([name for name in files if re.fullmatch(r"extension/bundled/kibitz-.*\.whl", name)]) == 1
    # Whoever wanted to send something home would need one of these.
    program = files["extension/dist/extension.cjs"].decode()
    modules = r"""require\(["'](?:node:)?(?:https?|http2|tls|dgram|undici)["']\)"""
    assert re.findall(rf"{modules}|\bfetch\(|TelemetryLogger|WebSocket\(", program) == []


def test_the_server_comes_along_and_the_key_is_kept_where_nobody_sees_it(
    machine: Machine, file: Path, fake: FakeProvider
) -> None:
    machine.own.clear()
    with machine, workbench(machine, "first-use") as window:
        window.open(file)
        expect(window.notification("installing its server")).to_be_visible()
        window.keep("installing")
        nobody = window.notification("no API key is set")
        expect(nobody).to_be_visible(timeout=120_000)
        expect(nobody).to_contain_text("Use the embedded model")
        window.keep("no-key")
        fake.key = canary.KEY
        machine.set({"kibitz.baseUrl": fake.base_url})
        refused = window.notification("configuration error")
        expect(refused.locator(".monaco-button", has_text="Set API key")).to_be_visible()
        window.keep("refused")
        window.command("kibitz: Set API key")
        window.keep("key")
        window.answer(canary.KEY)
        expect(window.squiggles()).to_have_count(1)
        assert fake.requests[-1].headers["authorization"] == f"Bearer {canary.KEY}"
        machine.search()
        server, fake.key = machine.server(), None
        window.command("kibitz: Forget API key")
        expect(window.notification("the key is forgotten")).to_be_visible()
        until(lambda: machine.servers() not in ([server], []), "another server", 60)
        asked = len(fake.requests)
        window.click(window.line("return"))
        window.page.keyboard.press("End")
        window.page.keyboard.type(" or None")
        until(lambda: len(fake.requests) > asked, "a request without the key", 60)
        assert not canary.shows(str(fake.requests[-1].headers))


def test_a_folder_that_nobody_trusts_is_reviewed_on_request_only(
    machine: Machine, file: Path, fake: FakeProvider
) -> None:
    machine.user |= {
        "security.workspace.trust.enabled": True,
        "security.workspace.trust.startupPrompt": "never",
        "security.workspace.trust.emptyWindow": False,
    }
    with machine, workbench(machine, "untrusted") as window:
        window.open(file)
        expect(window.status.locator(".codicon-eye")).to_be_visible()
        expect(window.hover(window.status).first).to_contain_text("only what you ask for is reviewed")
        window.keep("restricted")
        assert fake.requests == []
        window.command("kibitz: Review This File Now")
        expect(window.squiggles()).to_have_count(1)


def test_a_repository_has_no_say_in_what_is_run_and_who_is_asked(
    machine: Machine, file: Path, fake: FakeProvider
) -> None:
    ran = machine.home / "ran"
    trap = machine.project / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {ran}\n")
    trap.chmod(0o755)
    for module in ("kibitz", "json", "sitecustomize", "pygls"):
        (machine.project / f"{module}.py").write_text(f"open({str(ran)!r}, 'w')\n")
    bring_settings(
        machine.project,
        {
            "kibitz.server.path": str(trap),
            "kibitz.server.python": str(trap),
            "kibitz.baseUrl": "http://127.0.0.1:9/v1",
            "kibitz.model": "of-the-repository",
        },
    )
    with machine, workbench(machine, "hostile") as window:
        window.open(file)
        expect(window.squiggles()).to_have_count(1)
        assert fake.requests[-1].body["model"] == "gpt-4o-mini"
        assert not ran.exists()


def test_the_active_environment_of_the_python_extension_is_taken(machine: Machine, file: Path) -> None:
    # There is a Python on PATH, too, but kibitz would have to be installed with it.
    del machine.own["kibitz.server.python"]
    machine.installs.append(python_extension(machine.home, sys.executable))
    with machine, workbench(machine, "environment") as window:
        window.open(file)
        expect(window.squiggles()).to_have_count(1)
        assert command_line(machine.server())[:3] == [sys.executable, "-m", "kibitz.cli"]


def test_without_python_it_is_said_what_to_do_and_one_can_be_chosen(machine: Machine, file: Path) -> None:
    del machine.own["kibitz.server.python"]
    # VS Code looks for programs where the user's shell does.
    machine.environment |= {"SHELL": "/bin/sh", "PATH": str(machine.home / "nothing")}
    (machine.home / ".profile").write_text(f"PATH={machine.home}/nothing\n")
    python = machine.project / "a-python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    with machine, workbench(machine, "no-python") as window:
        window.open(file)
        message = window.notification("kibitz needs Python 3.11 or newer, and none was found on PATH")
        for button in ("Install Python", "Choose Python…", "Show log"):
            expect(message.locator(".monaco-button", has_text=button)).to_be_visible()
        window.keep("message")
        window.press(message, "Choose Python…")
        window.choose_file(python.name)
        expect(window.squiggles()).to_have_count(1)


def test_the_log_is_shown_in_a_window_that_still_starts(machine: Machine, file: Path) -> None:
    machine.own["kibitz.server.python"] = str(machine.home / "no-python")
    with machine, workbench(machine, "log") as window:
        # While it starts, a window knows of no log.
        window.slow_down(4)
        window.open(file)
        message = window.notification("it did not start")
        expect(message).to_contain_text("kibitz.server.python names")
        window.press(message, "Show log")
        expect(window.page.locator(".part.panel")).to_contain_text("kibitz did not start")
        window.slow_down(1)
        window.keep("panel")
        machine.set({"kibitz.server.python": sys.executable})
        expect(window.squiggles()).to_have_count(1)
