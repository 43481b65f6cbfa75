"""A real Emacs in a terminal, with kibitz.el installed as a package."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any, Self

from tests.editors.desk import REPOSITORY
from tests.editors.terminal import Terminal, program, until

if TYPE_CHECKING:
    from tests.editors.desk import Desk

PACKAGE = REPOSITORY / "editors/emacs/kibitz.el"
EGLOT = """\
(setq eldoc-documentation-strategy #'eldoc-documentation-compose-eagerly)
(add-hook 'python-mode-hook #'kibitz-ensure)
"""
LSP_MODE = """\
(require 'lsp-mode)
(kibitz-register-with-lsp-mode)
(setq lsp-auto-guess-root t lsp-enable-suggest-server-download nil lsp-warn-no-matched-clients nil
      lsp-headerline-breadcrumb-enable nil lsp-diagnostics-provider :flymake lsp-enable-file-watchers nil
      lsp-session-file (expand-file-name "lsp-session" "~"))
(add-hook 'python-mode-hook #'lsp)
"""
_INIT = """\
(package-initialize)
(package-install-file "{package}")
(setq inhibit-startup-screen t initial-scratch-message nil make-backup-files nil create-lockfiles nil
      use-short-answers t server-socket-dir "{home}" server-name "emacs"
      ;; Advice about a command just run swallows what is typed while a server says something.
      suggest-key-bindings nil extended-command-suggest-shorter nil)
(require 'kibitz)
(server-start)
"""


class Emacs:
    """Typed into like a user, and asked through ``emacsclient``."""

    def __init__(self, version: str, name: str, desk: Desk, init: str = EGLOT) -> None:
        self._client = program(f"{version}client")
        self._socket = desk.home / "emacs"
        folder = desk.home / ".emacs.d"
        folder.mkdir()
        (folder / "init.el").write_text(
            _INIT.format(package=PACKAGE, home=desk.home) + init, encoding="utf-8"
        )
        self.desk = desk
        self.terminal = Terminal(
            f"{version}-{name}",
            [program(version), "-nw", desk.file],
            desk.environment,
            folder=desk.project,
        )

    def __enter__(self) -> Self:
        self.terminal.__enter__()
        until(self._socket.exists, "Emacs listens")
        self.terminal.see(re.escape(self.desk.file.name))
        return self

    def __exit__(self, *exc: object) -> None:
        self.terminal.__exit__(*exc)

    def lisp(self, expression: str) -> Any:
        """What an expression is, in the buffer of the file."""
        there = f'(with-current-buffer "{self.desk.file.name}" {expression})'
        done = subprocess.run(
            [self._client, "-s", self._socket, "--eval", f"(json-encode {there})"],
            env=self.desk.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        # JSON in a Lisp string, which is written the same way.
        return json.loads(json.loads(done.stdout, strict=False))

    def command(self, name: str) -> None:
        """Run a command by its name."""
        self.terminal.press("M-x")
        self.terminal.type(name, "Enter")

    def messages(self) -> str:
        """All that was said."""
        return str(self.lisp('(with-current-buffer "*Messages*" (buffer-string))'))

    def findings(self) -> list[dict[str, Any]]:
        """The diagnostics, with the text that each covers."""
        found: list[dict[str, Any]] = self.lisp(
            "(vconcat (mapcar (lambda (d) (list :text (flymake-diagnostic-text d) :covers"
            " (buffer-substring-no-properties (flymake-diagnostic-beg d) (flymake-diagnostic-end d))))"
            " (flymake-diagnostics)))"
        )
        return found

    def finding(self) -> dict[str, Any]:
        """Wait for the one finding, and go there."""
        until(lambda: len(self.findings()) == 1, "one finding")
        self.command("flymake-goto-next-error")
        return self.findings()[0]

    def status(self) -> str:
        """What the mode line says of kibitz."""
        return str(self.lisp("(substring-no-properties (kibitz-mode-line))"))
