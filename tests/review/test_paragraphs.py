import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.snippets import SNIPPETS

from kibitz.provider.tokens import estimate
from kibitz.review.outline import outline
from kibitz.review.paragraphs import MIN_TOKENS, paragraphs
from kibitz.review.units import split

BLOCK = "".join(f"SETTING_{{0}}_{n} = 'the value of setting {n}'\n" for n in range(12))
SETTINGS = "\n".join(BLOCK.format(n) for n in range(20))


def parts(text: str, language: str = "python") -> list[str]:
    document = outline(text, language)
    lines = text.splitlines(keepends=True)
    last = document.lines.line_count - 1
    return ["".join(lines[first : end + 1]) for first, end in paragraphs(document, 0, last)]


def test_a_long_run_of_code_is_cut_where_a_paragraph_begins() -> None:
    found = parts(SETTINGS)
    assert 5 <= len(found) <= 15
    assert "\n".join(found) == SETTINGS
    assert all(part.startswith("SETTING_") and estimate(part) >= MIN_TOKENS for part in found)


def test_an_edit_in_one_paragraph_leaves_the_other_parts_as_they_were() -> None:
    before = {unit.text for unit in split(SETTINGS, "python")}
    after = {unit.text for unit in split(SETTINGS.replace("of setting 3", "of it", 1), "python")}
    assert len(before - after) == len(after - before) == 1


def test_little_code_stays_together() -> None:
    text = "a = 1\n\nb = 2\n\nc = 3\n"
    assert parts(text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "TABLE = [\n" + "\n".join(f'    "a row that is long enough {n}",\n' for n in range(60)) + "]\n",
        "if DEBUG:\n" + "\n".join(f"    setting_{n} = 'a value of some length'\n" for n in range(60)),
        'NOTE = """\n' + "\n".join(f"a paragraph of some length {n}\n" for n in range(60)) + '"""\n',
    ],
    ids=["list", "block", "string"],
)
def test_no_statement_is_cut(text: str) -> None:
    assert parts(text) == [text]


def test_an_else_stays_with_its_if() -> None:
    pair = "if A == {0}:\n    B_{0} = 'a value of some length for this'\n\nelse:\n    B_{0} = 2\n"
    found = parts("\n".join(pair.format(n) for n in range(60)))
    assert len(found) > 3
    assert all(part.startswith("if") for part in found)


@pytest.mark.parametrize("language", ["javascript", "go", "c", "shellscript"])
def test_other_languages_are_cut_as_well(language: str) -> None:
    head = "package main\n\n" if language == "go" else ""
    line = {"javascript": "const a{} = 'a value of some length';", "go": 'var a{} = "a value of some length"'}
    line |= {
        "c": 'const char *a{} = "a value of some length";',
        "shellscript": "A{}='a value of some length'",
    }
    blocks = ("\n".join(line[language].format(f"{b}_{n}") for n in range(12)) for b in range(20))
    assert len(parts(head + "\n\n".join(blocks), language)) > 4


@given(
    st.lists(
        st.sampled_from(["x = 1\n", "\n", "if a:\n", "    y = 2\n", "else:\n", "]\n", '"""\n', "é😀\r\n"])
    ),
    st.sampled_from([*sorted(SNIPPETS), "sql"]),
)
def test_every_line_is_in_one_part_in_order(lines: list[str], language: str) -> None:
    text = "".join(lines * 20)
    document = outline(text, language)
    last = document.lines.line_count - 1
    covered = -1
    for first, end in paragraphs(document, 0, last):
        between = range(covered + 1, first)
        assert not [line for line in between if document.lines.line_text(line).strip()]
        assert covered < first <= end
        covered = end
    assert covered == last
