from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.config import Settings
from kibitz.lsp.scopes import Scopes

if TYPE_CHECKING:
    from pathlib import Path


def test_each_folder_has_its_own_settings_and_what_is_shown_by_them() -> None:
    scopes = Scopes(Settings(), {"/a": Settings(max_findings=1), "/a/b": Settings(enabled=False)}, [])
    assert scopes.view_at("/a/x.py").max_findings == 1
    assert scopes.view_at("/a/b/x.py").max_findings == scopes.view_at(None).max_findings == 10
    assert scopes.accepts("/a/x.py", "python")
    assert not scopes.accepts("/a/b/x.py", "python")


def test_only_languages_that_are_wanted_are_accepted() -> None:
    scopes = Scopes(Settings(languages=("go",)), {}, [])
    assert scopes.accepts("/a.go", "go")
    assert not scopes.accepts("/a.py", "python")


def test_each_folder_leaves_out_its_own(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / ".kibitzignore").write_text("b.py\n")
    own = {str(inner): Settings(exclude=("a.py",), include=("*.py",))}
    scopes = Scopes(Settings(exclude=("c.py",)), own, [tmp_path.as_uri(), inner.as_uri() + "/", "untitled:x"])
    assert scopes.roots == (tmp_path, inner)
    assert scopes.refusal(str(inner / "a.py")) == "excluded by the setting `exclude`"
    assert scopes.refusal(str(inner / "b.py")) == "ignored by .kibitzignore line 1"
    assert scopes.refusal(str(inner / "c.py")) is None
    assert scopes.refusal(str(inner / "c.go")) == "matched by nothing in the setting `include`"
    assert scopes.refusal(str(tmp_path / "c.py")) == "excluded by the setting `exclude`"
    scopes.use(Settings(), {})
    assert scopes.refusal(str(inner / "a.py")) is None
    scopes.move(["untitled:y"])
    assert list(scopes.roots) == []
    assert scopes.refusal(str(inner / "b.py")) is not None, "its ignore file counts whatever is open"


def test_what_asks_for_another_client() -> None:
    scopes = Scopes(Settings(), {}, [])
    assert not scopes.differs(Settings(exclude=("x",), early=True, diagnostics="pull", log_level="debug"))
    assert scopes.differs(Settings(max_concurrency=1))
