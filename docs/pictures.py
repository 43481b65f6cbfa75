"""Takes the pictures of the README: kibitz at work in a real terminal and a real Neovim, as SVG.

    .venv/bin/python docs/pictures.py          (needs tmux; uses whoever `kibitz doctor` says reviews)

What is on the screen is what is in the picture: tmux draws it, rich turns its colours into SVG.
"""

from __future__ import annotations

import io
import subprocess
import sysconfig
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
SCRIPTS = Path(sysconfig.get_path("scripts"))
SESSION = "kibitz-pictures"
PATIENCE = 120.0
INIT = f"""
vim.opt.runtimepath:prepend('{ROOT}/editors/nvim')
vim.o.termguicolors, vim.o.number, vim.o.signcolumn, vim.o.swapfile = true, true, 'yes', false
vim.diagnostic.config({{ virtual_lines = true }})
vim.lsp.config('kibitz', {{ cmd = {{ '{SCRIPTS}/kibitz', 'serve' }} }})
vim.lsp.enable('kibitz')
"""


def tmux(*arguments: str) -> str:
    """Run a tmux command and return what it prints."""
    return subprocess.run(["tmux", *arguments], check=True, capture_output=True, text=True).stdout


def picture(name: str, title: str, command: str, done: str, size: tuple[int, int]) -> None:
    """Run ``command`` in a terminal of ``size`` until ``done`` is on its screen, and keep that screen."""
    columns, rows = size
    tmux("new-session", "-d", "-s", SESSION, "-x", str(columns), "-y", str(rows), "-c", str(ROOT), command)
    try:
        deadline = time.monotonic() + PATIENCE
        while done not in tmux("capture-pane", "-p", "-t", SESSION):
            if time.monotonic() > deadline:
                raise SystemExit(f"{done!r} did not appear:\n{tmux('capture-pane', '-p', '-t', SESSION)}")
            time.sleep(0.2)
        screen = tmux("capture-pane", "-e", "-p", "-t", SESSION)
    finally:
        tmux("kill-session", "-t", SESSION)
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(screen.rstrip("\n")), soft_wrap=True)
    # Some viewers drop leading spaces otherwise, hard ones too.
    svg = console.export_svg(title=title).replace("<svg ", '<svg xml:space="preserve" ', 1)
    (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")


def main() -> None:
    """Take both pictures."""
    IMAGES.mkdir(exist_ok=True)
    init = Path("/tmp/kibitz-pictures.lua")  # noqa: S108 - a picture is taken by hand
    init.write_text(INIT)
    picture(
        "check",
        "kibitz check examples/cache.py",
        f"{SCRIPTS}/kibitz check --fail-on never examples/cache.py; read wait",
        "units,",
        (100, 30),
    )
    picture(
        "neovim",
        "Neovim",
        f"env COLORTERM=truecolor {SCRIPTS}/nvim --clean -u {init} examples/cache.py",
        "E  26",
        (100, 32),
    )


if __name__ == "__main__":
    main()
