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
    """Where the few words go that make it start ``kibitz serve``."""


_EDITORS = (
    Editor(
        "nvim",
        "Neovim",
        'init.lua: vim.lsp.config("kibitz", {cmd = {"kibitz", "serve"}}); vim.lsp.enable("kibitz")',
    ),
    Editor(
        "emacs",
        "Emacs",
        "init.el: (with-eval-after-load 'eglot (add-to-list 'eglot-server-programs "
        '\'(prog-mode . ("kibitz" "serve")))) and M-x eglot',
    ),
    Editor(
        "hx",
        "Helix",
        'languages.toml: [language-server.kibitz] command = "kibitz", args = ["serve"]; '
        'add "kibitz" to language-servers of your languages',
    ),
    Editor(
        "kak",
        "Kakoune",
        'kak-lsp: [language_server.kibitz] command = "kibitz", args = ["serve"]',
    ),
    Editor(
        "subl",
        "Sublime Text",
        'package LSP, settings: "clients": {"kibitz": {"enabled": true, "command": ["kibitz", "serve"], '
        '"selector": "source"}}',
    ),
    Editor("code", "VS Code", "an extension that starts a language server: command kibitz, argument serve"),
    Editor("zed", "Zed", "an extension that starts a language server: command kibitz, argument serve"),
)


def found() -> tuple[Editor, ...]:
    """Those whose command is on PATH."""
    return tuple(editor for editor in _EDITORS if shutil.which(editor.command))
