"""What ``kibitz doctor`` says about editors is what their pages say."""

from __future__ import annotations

from pathlib import Path

import pytest

from kibitz.app import editors

PAGES = Path(__file__).parents[2] / "docs/editors"
SAID = {
    "nvim": ("neovim.md", ["editors/nvim", "vim.lsp.config('kibitz', {", "vim.lsp.enable('kibitz')"]),
    "emacs": (
        "emacs.md",
        ["M-x package-install-file", "(require 'kibitz)", "(add-hook 'python-mode-hook #'kibitz-ensure)"],
    ),
    "code": ("vscode.md", ["npm ci && npm run package", "editors/vscode", "Install from VSIX"]),
    "hx": (
        "helix.md",
        ["languages.toml", "[language-server.kibitz]", 'command = "kibitz"', 'args = ["serve"]'],
    ),
    "vim": ("vim-ale.md", ["~/.vimrc", "set runtimepath+=/path/to/kibitz/editors/vim"]),
    "subl": ("others.md", ['"clients": {', '"command": ["kibitz", "serve"]', '"selector": "source.python']),
}


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has every program there is."""
    monkeypatch.setattr("shutil.which", lambda command: f"/bin/{command}")


@pytest.mark.usefixtures("everything")
def test_no_editor_is_told_of_without_a_page() -> None:
    assert {editor.command for editor in editors.found()} == set(SAID)


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("command", SAID)
def test_a_hint_is_what_its_page_says(command: str) -> None:
    (editor,) = [each for each in editors.found() if each.command == command]
    name, words = SAID[command]
    page = " ".join((PAGES / name).read_text(encoding="utf-8").split())
    assert [each for each in words if each not in editor.hint] == []
    assert [each for each in words if each not in page] == []


def test_an_editor_that_is_not_there_is_not_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert editors.found() == ()
