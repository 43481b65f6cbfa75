"""What the editors' pages say in the editors' own languages, run by the editors.

``neovim.md``: all Lua, by the Neovim that comes with the development tools. ``emacs.md`` and ``README.md``:
all Lisp; ``vim-ale.md``: all that is Vim's own; by editors that ``make editors-setup`` fetches.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.docs.pages import ROOT, Block, blocks
from tests.editors.emacs import PACKAGE
from tests.editors.neovim import NVIM, PLUGIN
from tests.editors.terminal import program

if TYPE_CHECKING:
    from pathlib import Path

NEOVIM = [block for block in blocks() if block.page == "docs/editors/neovim.md" and block.language == "lua"]
VIM = [block for block in blocks() if block.page == "docs/editors/vim-ale.md" and block.language == "vim"]
EMACS = [block for block in blocks() if block.language == "elisp"]


def ran(command: list[object], home: Path) -> tuple[str, str]:
    """What an editor said, and complained about, where it ended well."""
    done = subprocess.run(
        [str(word) for word in command],
        env={"HOME": str(home), "LANG": "C.UTF-8", "PATH": os.environ["PATH"], "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("block", NEOVIM, ids=str)
def test_lua_runs_in_neovim(block: Block, tmp_path: Path) -> None:
    script = tmp_path / "block.lua"
    script.write_text(block.text + "\nprint('ran')\n")
    plugin = f"set runtimepath^={PLUGIN}"
    said = ran([NVIM, "--headless", "-u", "NONE", "-i", "NONE", "--cmd", plugin, "-l", script], tmp_path)
    assert "".join(said).strip() == "ran"


def test_wrong_lua_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="nonsense"):
        test_lua_runs_in_neovim(Block("x", 1, "lua", "vim.nonsense.of_ours()"), tmp_path)


@pytest.mark.editor
@pytest.mark.parametrize("version", ["emacs28", "emacs30"])
@pytest.mark.parametrize("block", EMACS, ids=str)
def test_elisp_runs_in_emacs(block: Block, version: str, tmp_path: Path) -> None:
    script = tmp_path / "block.el"
    needed = f'(package-initialize)\n(load "{PACKAGE}" nil t)\n'
    script.write_text(f'{needed}{block.text}\n(princ "ran")\n')
    assert ran([program(version), "--batch", "-q", "-l", script], tmp_path)[0] == "ran"


@pytest.mark.editor
@pytest.mark.parametrize("block", VIM, ids=str)
def test_vim_script_runs_in_vim(block: Block, tmp_path: Path) -> None:
    script = tmp_path / "block.vim"
    script.write_text(block.text.replace("/path/to/kibitz", str(ROOT)))
    said = tmp_path / "said"
    command = [program("vim"), "-N", "-u", "NONE", "-i", "NONE", "-es", "-c", f"redir! > {said}"]
    ran([*command, "-c", f"source {script}", "-c", "redir END", "-c", "qa!"], tmp_path)
    assert said.read_text().strip() == ""
