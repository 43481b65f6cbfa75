import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.snippets import PYTHON, SNIPPETS

from kibitz.provider.tokens import estimate
from kibitz.review.units import MAX_UNIT_TOKENS, Unit, split
from kibitz.text.lines import LineIndex

LANGUAGES = sorted(SNIPPETS)


def described(text: str, units: tuple[Unit, ...]) -> list[str]:
    lines = LineIndex(text)
    return [
        f"{u.kind} {u.name} {lines.line_of(u.span.start) + 1}-{lines.line_of(max(u.span.end - 1, 0)) + 1}"
        for u in units
    ]


def check(text: str, units: tuple[Unit, ...]) -> None:
    """What holds for the units of any text."""
    lines = LineIndex(text)
    for unit in units:
        assert unit.text == unit.span.of(text)
        assert unit.text.strip()
        first, last = lines.line_of(unit.span.start), lines.line_of(unit.span.end)
        assert unit.span.start == lines.line_start(first)
        assert unit.span.end == lines.line_end(last)
    for one, other in pairwise(units):
        assert one.span.start < other.span.start
        assert not one.span.overlaps(other.span) or one.kind == other.kind == "window"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_document_falls_into_its_definitions(language: str) -> None:
    text, expected = SNIPPETS[language]
    units = split(text, language)
    check(text, units)
    assert described(text, units) == expected


@pytest.mark.parametrize("eol", ["\r\n", "\r"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_other_line_ends_make_no_difference(language: str, eol: str) -> None:
    text, expected = SNIPPETS[language]
    other = text.replace("\n", eol)
    if eol == "\r" and language not in {"javascript", "typescript", "javascriptreact", "typescriptreact"}:
        check(other, split(other, language))  # the other grammars do not know this line end: any cut will do
        return
    units = split(other, language)
    check(other, units)
    assert described(other, units) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_characters_outside_of_ascii_shift_nothing(language: str) -> None:
    text, expected = SNIPPETS[language]
    wide = text.replace("order", "órder").replace("store", "störe")
    for comment in (
        "what they cost",
        "Read a",
        "Look it",
        "puts one",
        "Makes",
        "Make one",
        "total.",
        "Remove",
    ):
        wide = wide.replace(comment, f"{comment[:-1]}😀")
    assert described(wide, split(wide, language)) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_edit_in_one_unit_leaves_the_others_as_they_were(language: str) -> None:
    text, _ = SNIPPETS[language]
    units = split(text, language)
    for edited in units:
        at = next((i for i in range(edited.span.end - 1, edited.span.start, -1) if text[i].isdecimal()), None)
        if at is None:
            continue
        changed = text[:at] + "77" + text[at + 1 :]
        assert [u.text for u in split(changed, language) if not u.span.start <= at <= u.span.end] == [
            u.text for u in units if u is not edited
        ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_blank_lines_and_moves_leave_every_unit_as_it_was(language: str) -> None:
    text, _ = SNIPPETS[language]
    head, tail = ("<?php\n\n\n", text.removeprefix("<?php\n")) if language == "php" else ("\n\n\n", text)
    if language == "shellscript":
        head, tail = "", f"{text}\n\n"
    assert [u.text for u in split(head + tail, language)] == [u.text for u in split(text, language)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_syntax_error_in_one_place_does_not_hide_the_rest(language: str) -> None:
    text, expected = SNIPPETS[language]
    names = {line.split(" ")[1].rpartition(".")[2] for line in expected if not line.startswith("code")}
    broken = f"{text}\n(((((\n"
    units = split(broken, language)
    check(broken, units)
    shown = "\n".join(unit.text for unit in units)
    assert all(name in shown for name in names)


def test_what_has_no_code_has_no_units() -> None:
    assert split("", "python") == ()
    assert split("\n\n  \n", "plaintext") == ()
    assert split("# only\n# comments\nimport os\n\nfrom a import b\n", "python") == ()
    assert (
        split('"""A docstring."""\n\n\nclass Empty(Base):\n    """Nothing."""\n\n    pass\n', "python") == ()
    )
    assert split('package main\n\nimport "fmt"\n\n// nothing\n', "go") == ()
    assert split("#pragma once\n#include <a.h>\nint f(void);\nchar *g(int);\n", "c") == ()
    assert split("export interface A { b: string }\nexport { A } from './a';\n", "typescript") == ()
    assert split("-- only\n-- comments\n", "sql") == ()


def test_a_definition_takes_its_comment_and_decorators_along_but_no_others() -> None:
    text = (
        "x = 1  # trailing\n# about f\n@cache\n# more\n@wraps\ndef f():\n    return 1\n\n# alone\n\n"
        "def g():\n    return 2\n"
    )
    assert [unit.text for unit in split(text, "python")] == [
        "x = 1  # trailing",
        "# about f\n@cache\n# more\n@wraps\ndef f():\n    return 1",
        "def g():\n    return 2",
    ]


def test_definitions_on_one_line_are_one_unit() -> None:
    text = "function a() { return 1 } function b() {\n  return 2\n}\n"
    assert described(text, split(text, "javascript")) == ["function a 1-3"]


def test_an_unknown_language_is_reviewed_in_windows() -> None:
    text = "".join(
        f"LINE {number} = {number} * 2\n" + ("\n" if number % 7 == 0 else "") for number in range(600)
    )
    units = split(text, "cobol")
    check(text, units)
    assert len(units) > 3
    assert {unit.kind for unit in units} == {"window"}
    assert set(range(600)) == {
        int(line.split()[1]) for unit in units for line in unit.text.splitlines() if line.strip()
    }


def test_an_oversized_definition_is_cut_into_windows_that_know_where_they_are() -> None:
    body = "".join(f"    total += values[{number}] * weights[{number}]\n" for number in range(400))
    text = f"X = 1\n\n\ndef big(values, weights):\n    total = 0\n{body}    return total\n"
    units = split(text, "python")
    check(text, units)
    windows = units[1:]
    assert len(windows) > 1
    assert all(u.kind == "window" and u.definition and u.definition.name == "big" for u in windows)
    assert windows[0].name.startswith("big 4-")
    assert windows[-1].text.endswith("return total")
    assert all(estimate(unit.text) <= MAX_UNIT_TOKENS for unit in windows)


def test_nothing_is_too_deep() -> None:
    deep = (
        "".join(f"{'  ' * depth}if x{depth}:\n" for depth in range(300)) + "  " * 300 + "def f(): return 1\n"
    )
    check(deep, split(deep, "python"))
    classes = "class A {" * 300 + "void f() { g(); }" + "}" * 300
    check(classes, split(classes, "java"))
    assert split(classes, "java")


BLOCKS = st.sampled_from(
    [
        ("def {0}(a):\n    b = a + 1\n\n    return b\n", {0, 1, 3}),
        ("@decorate\nasync def {0}():\n    await x()\n", {0, 1, 2}),
        ("class {0}:\n    '''Doc.'''\n\n    y = 1\n\n    def m(self):\n        return 1\n", {3, 5, 6}),
        ("class {0}(Base):\n    pass\n", set()),
        ("import {0}\n", set()),
        ("# {0}\n", set()),
        ("{0} = [\n    1,\n\n    2,\n]\n", {0, 1, 3, 4}),
        ("if {0}:\n    import b\n", set()),
        ("try:\n    {0}()\nexcept E:\n    pass\n", {0, 1, 2, 3}),
        ("for i in {0}:\n    print(i)\n", {0, 1}),
        ("\n\n", set()),
        ("def {0}(:\n", set()),
    ]
)


@given(st.lists(BLOCKS, max_size=12))
def test_every_line_of_code_is_in_a_unit(blocks: list[tuple[str, set[int]]]) -> None:
    text, code = "", set()
    for number, (block, lines) in enumerate(blocks):
        code |= {text.count("\n") + line for line in lines}
        text += block.format(f"name{number}")
    units = split(text, "python")
    check(text, units)
    index = LineIndex(text)
    covered = {
        line
        for unit in units
        for line in range(index.line_of(unit.span.start), index.line_of(unit.span.end) + 1)
    }
    assert code <= covered


SCRAPS = st.lists(
    st.sampled_from(
        [
            *(
                "def f():",
                "class A {",
                "}",
                "fn x() {",
                "if (a) {",
                "else",
                "end",
                "function f() {",
                "=>",
                "#ifdef A",
            ),
            *(
                "\n",
                "\n",
                "  ",
                "\t",
                "\r\n",
                "\r",
                "/*",
                "*/",
                "//",
                '"""',
                "'",
                "#",
                "x = 1",
                ";",
                "@a",
                "😀",
                "\u2028",
            ),
            *(
                "namespace n",
                "impl A for B",
                "const f = () => {",
                "export default",
                "public int a()",
                "<?php",
                "\ud800",
            ),
        ]
    ),
    max_size=40,
).map("".join)


@given(SCRAPS | st.text(max_size=200), st.sampled_from([*LANGUAGES, "plaintext", "sql"]))
def test_any_text_can_be_split(text: str, language: str) -> None:
    check(text, split(text, language))


def test_a_large_file_is_split_quickly() -> None:
    text = "\n".join(PYTHON.replace("Order", f"Order{number}") for number in range(70))
    assert text.count("\n") > 2_900
    split(text, "python")
    started = time.process_time()
    units = split(text, "python")
    assert time.process_time() - started < 0.5  # measured: 0.02 s; a busy machine is slower
    assert len(units) == 70 * 6 + 1  # a script's end and the next one's constants are one run
