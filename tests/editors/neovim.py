"""A real Neovim in a terminal, with kibitz as a plugin manager would install it."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, Self

from tests.editors.desk import REPOSITORY, SCRIPTS
from tests.editors.terminal import Terminal, until

if TYPE_CHECKING:
    from tests.editors.desk import Desk

NVIM = SCRIPTS / "nvim"
PLUGIN = REPOSITORY / "editors/nvim"
STATUS_LINE = "vim.o.statusline = \"%f %= [%{v:lua.require'kibitz'.status()}]\"\n"


class Neovim:
    """Typed into like a user, and asked over its socket."""

    def __init__(self, name: str, desk: Desk, init: str = "", *, plugin: bool = True) -> None:
        if plugin:
            shutil.copytree(PLUGIN, desk.home / ".local/share/nvim/site/pack/plugins/start/kibitz")
        config = desk.home / ".config/nvim/init.lua"
        config.parent.mkdir(parents=True)
        # Findings are shown in their lines, and the status in the status line.
        config.write_text(
            "vim.o.swapfile = false\n"
            "vim.diagnostic.config({ virtual_text = true })\n"
            f"{STATUS_LINE if plugin else ''}{init}"
        )
        self._socket = desk.home / "nvim"
        self.desk = desk
        self.terminal = Terminal(
            f"neovim-{name}",
            [NVIM, "--listen", self._socket, desk.file],
            desk.environment,
            folder=desk.project,
        )

    def __enter__(self) -> Self:
        self.terminal.__enter__()
        until(self._socket.exists, "Neovim listens")
        return self

    def __exit__(self, *exc: object) -> None:
        self.terminal.__exit__(*exc)

    def lua(self, expression: str) -> Any:
        """What a Lua expression is."""
        wrapped = f"json_encode(luaeval({json.dumps(expression, ensure_ascii=False)}))"
        done = subprocess.run(
            [NVIM, "--server", self._socket, "--remote-expr", wrapped],
            env=self.desk.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def command(self, text: str) -> None:
        """Type an Ex command."""
        self.terminal.type(f":{text}", "Enter")

    def enter(self, seen: str) -> str:
        """Wait until a message is on the screen that is to be acknowledged, and do so; the screen with it."""
        self.terminal.see(seen)
        screen = self.terminal.see("Press ENTER")
        until(self._entered, "no more is to be acknowledged")
        return screen

    def _entered(self) -> bool:
        if "Press ENTER" not in self.terminal.screen():
            return True
        self.terminal.press("Enter")
        return False

    def messages(self) -> str:
        """All that was said."""
        return str(self.lua("vim.fn.execute('messages')"))

    def findings(self) -> list[dict[str, Any]]:
        """The diagnostics, with the text that each covers."""
        found: list[dict[str, Any]] = self.lua(
            "vim.tbl_map(function(d) return {lnum = d.lnum, source = d.source, message = d.message,"
            " covers = vim.api.nvim_buf_get_text(d.bufnr, d.lnum, d.col, d.end_lnum, d.end_col, {})[1]} end,"
            " vim.diagnostic.get(0))"
        )
        return found

    def finding(self) -> dict[str, Any]:
        """Wait for the one finding, and put the cursor on its first word."""
        until(lambda: len(self.findings()) == 1, "one finding")
        (found,) = self.findings()
        self.terminal.type(f"{found['lnum'] + 1}G^")
        return found

    def status(self) -> str:
        """What the status line says of kibitz."""
        return str(self.lua("require('kibitz').status()"))
