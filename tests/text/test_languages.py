from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.text import syntax
from kibitz.text.languages import _LANGUAGES, block_comments, fence, language_of, line_comments


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a/b/main.py", "python"),
        ("x.PY", "python"),
        ("App.tsx", "typescriptreact"),
        ("App.jsx", "javascriptreact"),
        ("index.mts", "typescript"),
        ("lib.rs", "rust"),
        ("a.hpp", "cpp"),
        ("a.h", "c"),
        ("Program.cs", "csharp"),
        ("run.sh", "shellscript"),
        ("Makefile", "makefile"),
        ("Dockerfile.dev", "dockerfile"),
        ("Gemfile", "ruby"),
        ("CMakeLists.txt", "cmake"),
        ("README.md", None),
        ("data.json", None),
        ("style.css", None),
        ("noextension", None),
        (".hidden", None),
        ("archive.tar.gz", None),
        ("trailing.", None),
        ("", None),
    ],
)
def test_a_name_says_the_language(path: str, language: str | None) -> None:
    assert language_of(path) == language
    assert language_of(Path(path)) == language


@pytest.mark.parametrize(
    ("first_line", "language"),
    [
        ("#!/usr/bin/env python3", "python"),
        ("#!/usr/bin/env -S node --flag", "javascript"),
        ("#! /bin/sh -e", "shellscript"),
        ("#!/usr/bin/python3.11", "python"),
        ("#!/usr/bin/env", None),
        ("#!/opt/own-tool", None),
        ("print(1)", None),
        ("", None),
    ],
)
def test_a_script_without_extension_is_known_by_interpreter(first_line: str, language: str | None) -> None:
    assert language_of("bin/tool", first_line) == language


def test_the_name_wins_over_the_interpreter() -> None:
    assert language_of("x.rb", "#!/usr/bin/env python3") == "ruby"


@given(st.text(), st.text())
def test_no_name_and_no_first_line_breaks_it(path: str, first_line: str) -> None:
    assert language_of(path.replace("\0", ""), first_line) in {None, *_LANGUAGES}


def test_every_extension_belongs_to_one_language() -> None:
    extensions = [e for language in _LANGUAGES.values() for e in language.extensions.split()]
    assert len(extensions) == len(set(extensions))


def test_every_grammar_has_a_known_language() -> None:
    assert set(syntax._GRAMMARS) <= set(_LANGUAGES)


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("python", "python"),
        ("typescriptreact", "tsx"),
        ("shellscript", "bash"),
        ("plaintext", ""),
        ("odd", "odd"),
    ],
)
def test_fences(language: str, name: str) -> None:
    assert fence(language) == name


def test_comments() -> None:
    assert line_comments("python") == ("#",)
    assert line_comments("php") == ("//", "#")
    assert block_comments("c") == (("/*", "*/"),)
    assert line_comments("unheard-of") == ()
    assert block_comments("unheard-of") == ()
