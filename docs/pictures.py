"""Takes the pictures of the README: kibitz at work in real editors and in a terminal.

    make pictures          (after `make editors-setup`; the embedded model takes minutes the first time)

What is on the screen is what is in the picture: tmux draws a terminal, whose colours rich turns into SVG, and
a browser draws VS Code. The findings are those of the embedded model on examples/.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.editors.desk import KIBITZ, Desk  # noqa: E402 - the root has to be on the path first
from tests.editors.emacs import EGLOT, Emacs  # noqa: E402 - as above
from tests.editors.neovim import Neovim  # noqa: E402 - as above
from tests.editors.terminal import Terminal  # noqa: E402 - as above
from tests.editors.vscode.machine import Machine, package  # noqa: E402 - as above
from tests.editors.vscode.workbench import workbench  # noqa: E402 - as above

from kibitz.local import weights  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGES = ROOT / "docs/images"
ANSWERS = ROOT / "build/pictures"
"""Kept, so that a picture that is taken again need not be waited for."""
PATIENCE = 900.0
NEOVIM = """\
vim.o.termguicolors, vim.o.number, vim.o.signcolumn = true, true, 'yes'
vim.diagnostic.config({ virtual_text = false, virtual_lines = true })
vim.api.nvim_set_hl(0, 'Normal', {})
"""
EMACS = """\
(menu-bar-mode -1)
(load-theme 'modus-vivendi t)
(set-face-attribute 'default nil :background "unspecified-bg")
(setq flymake-show-diagnostics-at-end-of-line t)
"""
CODE: Mapping[str, object] = {
    "security.workspace.trust.enabled": False,
    "workbench.colorTheme": "Default Light Modern",
    "breadcrumbs.enabled": False,
}


def environment() -> dict[str, str]:
    """What makes the embedded model review, in each editor alike."""
    return {
        "KIBITZ_MODEL_DIR": str(weights.model_dir()),
        "KIBITZ_STATE_DIR": str(ANSWERS / "state"),
        "KIBITZ_PROVIDER": "local",
        "COLORTERM": "truecolor",
    }


def desk(home: Path, file: str) -> Desk:
    """A user who has the examples open, and nobody else to ask."""
    made = Desk(home, None)
    shutil.copytree(ROOT / "examples", made.project, dirs_exist_ok=True)
    made.file.unlink()
    made.file = made.project / file
    made.environment |= environment()
    return made


def draw(name: str, title: str, terminal: Terminal) -> None:
    """Turn the screen of a terminal into a picture."""
    # The colour of underlines is more than rich understands.
    screen = re.sub(r"\x1b\[58[^m]*m", "", terminal.colours())
    console = Console(record=True, width=terminal.size[0], file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(screen.rstrip("\n")), soft_wrap=True)
    # Some viewers drop leading spaces otherwise, hard ones too.
    svg = console.export_svg(title=title).replace("<svg ", '<svg xml:space="preserve" ', 1)
    (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")


def check(home: Path) -> None:
    """The command line."""
    user = desk(home, "cache.py")
    line = f"{KIBITZ} check --fail-on never cache.py; read wait"
    shell = Terminal("check", ["sh", "-c", line], user.environment, folder=user.project, size=(100, 30))
    with shell:
        shell.see("units,", PATIENCE)
        draw("check", "kibitz check cache.py", shell)


def neovim(home: Path) -> None:
    """Neovim, with what was found below the lines."""
    with Neovim("picture", desk(home, "cache.py"), NEOVIM) as editor:
        editor.terminal.see(r"\[kibitz 2\]", PATIENCE)
        editor.terminal.type("11Gzt13G")
        editor.terminal.see("└.*previous range")
        draw("neovim", "Neovim", editor.terminal)


def emacs(home: Path) -> None:
    """Emacs, with what was found at the end of the lines, and all about one finding below."""
    with Emacs("emacs30", "picture", desk(home, "inventory.py"), EGLOT + EMACS) as editor:
        editor.terminal.see(r"\[kibitz 2\]", PATIENCE)
        editor.command("delete-other-windows")
        editor.command("flymake-goto-next-error")
        editor.command("eldoc-doc-buffer")
        editor.terminal.see(r"\) · (likely|certain) · ")
        draw("emacs", "Emacs", editor.terminal)


def vscode(home: Path) -> None:
    """VS Code, with all about one finding above its line."""
    machine = Machine(home / "m", package(home / "kibitz.vsix"))
    machine.user |= CODE
    machine.environment |= environment()
    machine.own["kibitz.server.python"] = sys.executable
    shutil.copytree(ROOT / "examples", machine.project, dirs_exist_ok=True)
    with machine, workbench(machine, "picture") as window:
        window.page.set_viewport_size({"width": 1000, "height": 560})
        window.open(machine.project / "dashboard.js")
        window.squiggles("error").nth(1).wait_for(timeout=PATIENCE * 1000)
        window.hover(window.squiggles("error"))
        window.page.screenshot(path=str(IMAGES / "vscode.png"))


def main() -> None:
    """Take all pictures, or those that are named."""
    IMAGES.mkdir(exist_ok=True)
    for take in (check, neovim, emacs, vscode):
        if len(sys.argv) == 1 or take.__name__ in sys.argv:
            with tempfile.TemporaryDirectory(prefix="kibitz-picture-") as home:
                take(Path(home))


if __name__ == "__main__":
    main()
