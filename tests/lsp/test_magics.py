"""Tests for what Jupyter adds to Python."""

from __future__ import annotations

import ast
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.lsp.magics import python_of

LINES = st.sampled_from(
    [
        "x = 1",
        "%matplotlib inline",
        "  %cd a",
        "!ls \\",
        "  -l",
        "y = !pwd",
        "z= %who_ls",
        "foo?",
        "?foo",
        '"""',
        "(",
        ")",
        "    % 3",
        "    != 3",
        "'''a'''",
        "# it's",
        "if x:",
        "    !ls",
        "%%bash",
        "%%time",
        "'\\",
        "",
        "\x0c",
    ]
)


@pytest.mark.parametrize(
    ("cell", "python"),
    [
        ("%matplotlib inline\nx = 1", "#matplotlib inline\nx = 1"),
        ("!pip install x\nx = 1", "#pip install x\nx = 1"),
        ("!ls \\\n  -l\nx = 1", "#ls \\\n  #l\nx = 1"),
        ("if x:\n    !ls -l\n", "if x:\n    pass#l\n"),
        ("if x:\n    !l\n", "if x:\n    #l\n"),
        ("files = !ls -l\n", "files = _#s -l\n"),
        ("a, b = %sql select 1", "a, b = _#ql select 1"),
        ("foo?\nfoo.bar??", "#oo?\n#oo.bar??"),
        ("?foo", "#foo"),
        ("%%time\nx = 1", "#%time\nx = 1"),
        ("\n%%bash\nfor f in *; do\n  echo é\r\n", "\n#%bash\n              \n        \r\n"),
        # None of these is a command.
        ("x = (7\n     % 3)", "x = (7\n     % 3)"),
        ("x = 7 \\\n  % 3", "x = 7 \\\n  % 3"),
        ("if (a\n    != b):\n  pass", "if (a\n    != b):\n  pass"),
        ('s = """\n%cd\n!ls\n"""', 's = """\n%cd\n!ls\n"""'),
        ('s = "= !x"', 's = "= !x"'),
        ("s = '#'\nt = 7 % 3", "s = '#'\nt = 7 % 3"),
        ("x = 1  # why?", "x = 1  # why?"),
        ("# a \\\n%cd", "# a \\\n#cd"),
    ],
)
def test_commands_become_comments_and_python_stays(cell: str, python: str) -> None:
    assert python_of(cell) == python


def test_a_cell_with_commands_parses() -> None:
    ast.parse(python_of("%cd a\nfiles = !ls\nfor f in files:\n    !rm {f}\nf?\n"))


@given(st.lists(LINES).map("\n".join) | st.text())
def test_every_line_stays_as_long_as_it_was(cell: str) -> None:
    python = python_of(cell)

    assert len(python) == len(cell)
    assert [i for i, c in enumerate(python) if c in "\r\n"] == [i for i, c in enumerate(cell) if c in "\r\n"]


@pytest.mark.parametrize(
    "hostile", [" " * 200_000 + "!", "a." * 100_000 + "?", "=" * 200_000 + "!", "?" * 200_000]
)
def test_a_hostile_line_takes_no_longer_than_it_is_long(hostile: str) -> None:
    began = time.process_time()
    python_of(hostile + "\n" + hostile)

    assert time.process_time() - began < 1.0
