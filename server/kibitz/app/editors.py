"""Editors on this machine, and what each needs to know about kibitz."""

from __future__ import annotations

import shutil
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Editor:
    """An editor that speaks LSP."""

    command: str
    name: str
    hint: str
    """The few words that make it start ``kibitz serve``; docs/editors has the whole of it."""


_EDITORS = (
    Editor(
        "nvim",
        "Neovim",
        "add the plugin editors/nvim, or in init.lua: vim.lsp.config('kibitz', {cmd = {'kibitz', 'serve'}, "
        "filetypes = {'python'}}); vim.lsp.enable('kibitz')",
    ),
    Editor(
        "emacs",
        "Emacs",
        "M-x package-install-file, editors/emacs/kibitz.el; in init.el: (require 'kibitz) "
        "(add-hook 'python-mode-hook #'kibitz-ensure)",
    ),
    Editor(
        "code",
        "VS Code",
        "add the extension: npm ci && npm run package in editors/vscode, then Install from VSIX",
    ),
    Editor(
        "hx",
        "Helix",
        'languages.toml: [language-server.kibitz] command = "kibitz", args = ["serve"]; '
        'add "kibitz" to language-servers of your languages',
    ),
    Editor(
        "vim",
        "Vim",
        "with ALE, in ~/.vimrc: set runtimepath+=/path/to/kibitz/editors/vim",
    ),
    Editor(
        "subl",
        "Sublime Text",
        'package LSP, settings: "clients": {"kibitz": {"enabled": true, "command": ["kibitz", "serve"], '
        '"selector": "source.python"}}',
    ),
)


def found() -> tuple[Editor, ...]:
    """Those whose command is on PATH."""
    return tuple(editor for editor in _EDITORS if shutil.which(editor.command))
