from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.protocol import default_converter

from kibitz.lsp import samples
from kibitz.lsp.converting import converter

if TYPE_CHECKING:
    import pytest


def test_it_writes_what_pygls_would() -> None:
    ours, theirs = converter(), default_converter()  # type: ignore[no-untyped-call]  # pygls
    for each in samples.sent():
        assert ours.unstructure(each) == theirs.unstructure(each)


def test_it_reads_what_pygls_would() -> None:
    ours, theirs = converter(), default_converter()  # type: ignore[no-untyped-call]  # pygls
    where = {"start": {"line": 0, "character": 1}, "end": {"line": 2, "character": 3}}
    changes = [{"range": where, "text": "x"}, {"text": "y"}]
    params = {"textDocument": {"uri": "a", "version": 1}, "contentChanges": changes}
    message = {"jsonrpc": "2.0", "method": "textDocument/didChange", "params": params}
    read = ours.structure(message, types.DidChangeTextDocumentNotification)
    assert read == theirs.structure(message, types.DidChangeTextDocumentNotification)


def test_code_is_made_once_for_each_class(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def compiled(source: str, *rest: Any) -> Any:
        built.append(source.partition("(")[0])
        return compile(source, *rest)

    monkeypatch.setattr("cattrs.gen.compile", compiled, raising=False)
    made = converter()
    every = list(samples.sent())
    for each in every:
        made.unstructure(each)
    classes = [each for each in built if not each.endswith("_mapping")]
    assert "def unstructure_Position" in classes
    assert len(classes) == len(set(classes)), "not again for each class that holds one"
    built.clear()
    for each in every:
        made.unstructure(each)
    assert built == [], "no new kind of list makes it forget"
