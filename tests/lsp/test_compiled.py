from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kibitz.lsp.compiled import place, read, write

if TYPE_CHECKING:
    from pathlib import Path

MAKE = """
import builtins, sys
from pathlib import Path
sys.dont_write_bytecode = len(sys.argv) > 2
from kibitz.lsp.compiled import kept
texts = []
real = builtins.compile
def counted(source, filename, mode, *rest, **more):
    texts.append(str(filename))
    return real(source, filename, mode, *rest, **more)
import attr
builtins.compile = counted
with kept(Path(sys.argv[1])):
    from lsprotocol import types
import attr._make
assert "compile" not in vars(attr._make)
place = types.Position(line=1, character=2)
assert place == types.Position(1, 2) and place != types.Position(1, 3)
assert repr(types.Range(place, place)) == "1:2-1:2", repr(types.Range(place, place))
print(sum(" lsprotocol.types." in text for text in texts))
"""


def compiled_anew(path: Path, *more: str) -> int:
    """How many texts a start compiles."""
    run = subprocess.run(
        [sys.executable, "-c", MAKE, str(path), *more], capture_output=True, text=True, check=True
    )
    return int(run.stdout)


def test_what_was_compiled_once_is_not_compiled_again(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    first = compiled_anew(path)
    assert first > 500
    content = path.read_bytes()
    assert compiled_anew(path) == 0
    assert path.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("damage", ["cut", "changed", "another Python's", "stale", "missing"])
def test_what_cannot_be_read_is_compiled_and_kept_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "kept"
    code = compile("pass", "<attrs generated methods lsprotocol.types.Old>", "exec")
    write(path, {b"12345678": code})
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[:-1])
    elif damage == "changed":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "another Python's":
        path.write_bytes(b"\0" + content[1:])
    elif damage == "missing":
        path.unlink()
    assert compiled_anew(path) > 500
    assert b"12345678" not in read(path)
    assert compiled_anew(path) == 0


def test_nothing_is_kept_where_python_keeps_nothing(tmp_path: Path) -> None:
    assert compiled_anew(tmp_path / "kept", "without") > 500
    assert list(tmp_path.iterdir()) == []
    assert compiled_anew(tmp_path / "no folder" / "kept") > 500
    assert list(tmp_path.iterdir()) == []


def test_it_is_kept_beside_what_python_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    found = place()
    assert found is not None
    beside = importlib.util.cache_from_source(sys.modules["kibitz.lsp.compiled"].__file__ or "")
    assert str(found) == beside.removesuffix("pyc") + "types"
    monkeypatch.setattr(sys.implementation, "cache_tag", None)
    assert place() is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_any_other_content_is_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kept"
    path.write_bytes(importlib.util.MAGIC_NUMBER + content)
    assert read(path) == {}
