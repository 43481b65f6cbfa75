"""Tests for the mapping between a notebook's cells and the programs that they form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.support.reviewing import finding
from tests.support.texts import naive_offset

from kibitz.lsp.magics import python_of
from kibitz.lsp.notebooks import Cell, Notebook, Program, Splice, rearranged
from kibitz.lsp.shown import Shown, carry
from kibitz.text.lines import Encoding, Position
from kibitz.text.remap import remap
from kibitz.text.snapshot import Snapshot, TextChange
from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

BOOK = "file:///a.ipynb"
TEXTS = st.sampled_from(["", "x", "é😀\n", "a = 1\nb = 2", "%cd\r\n!ls", "\n\n", "# %%\n", "bug", "a\rb"])
LANGUAGES = st.sampled_from(["python", "rust", "ocaml", "plaintext"])


def cell(number: int, text: str, language: str = "python", version: int = 1) -> Snapshot:
    return Snapshot(f"cell:{number}", version, language, text)


def notebook(*cells: Snapshot) -> Notebook:
    return Notebook(
        BOOK, 1, tuple(Cell(each.uri, code=True) for each in cells), {each.uri: each for each in cells}
    )


def program(*cells: Snapshot) -> Program:
    return Program.of(BOOK, 1, "python", cells)


def test_the_cells_of_a_language_form_one_program() -> None:
    programs = notebook(cell(1, "a = 1"), cell(2, "fn f(){}", "rust"), cell(3, "%cd\nb = 2\n")).programs()

    assert list(programs) == [f"{BOOK}#python", f"{BOOK}#rust"]
    python = programs[f"{BOOK}#python"]
    assert python.code == "# %%\na = 1\n# %%\n#cd\nb = 2\n\n"
    assert programs[f"{BOOK}#rust"].code == "// %%\nfn f(){}\n"
    assert len(python.text) == len(python.code)
    assert "%%" not in python.text


def test_a_language_with_blocks_of_comments_only_has_gaps_as_well() -> None:
    assert notebook(cell(1, "let a = 1", "ocaml")).programs()[f"{BOOK}#ocaml"].code == "(* %% *)\nlet a = 1\n"


def test_prose_and_unknown_languages_belong_to_no_program() -> None:
    book = notebook(cell(1, "a"), cell(2, "b", "plaintext"))

    assert book.marked([Cell("cell:1", code=False)]).programs() == {}


def test_what_was_found_in_a_gap_or_a_command_is_not_in_the_text() -> None:
    python = program(cell(1, "%cd a"), cell(2, "x"))

    for found in ("#cd a", "# %%", "#cd a\n# %%\nx"):
        span = Span(python.code.index(found), python.code.index(found) + len(found))
        assert span.of(python.text) != found


def test_findings_follow_their_cells() -> None:
    old = program(cell(1, "one = bug1"), cell(2, "two = bug2"), cell(3, "three = bug3"))
    shown = [Shown(finding(old.text, word, "fixed")) for word in ("bug1", "bug2", "bug3")]
    new = program(cell(3, "three = bug3"), cell(4, "new"), cell(1, "one = bug1"), cell(2, "two = other"))

    after = rearranged(shown, old, new)

    assert [each.finding.quote for each in after] == ["bug3", "bug1"]
    for each in after:
        assert each.span.of(new.text) == each.finding.quote
        assert each.finding.fix
        assert each.finding.fix.span == each.span


def test_a_touched_finding_follows_its_cell_and_comes_back_there() -> None:
    first, second = cell(1, "padding = 1"), cell(2, "two = bug2")
    old = program(first, second)
    shown = [Shown(finding(old.text, "two = bug2"))]
    text, edits = second.apply(2, [TextChange((Position(0, 3), Position(0, 3)), "!")], Encoding.UTF16)
    typed = program(first, text)
    touched = carry(shown, old.edits({"cell:2": edits}), typed.text)
    assert [each.touched for each in touched] == [True]

    swapped = program(text, first)
    moved = rearranged(touched, typed, swapped)
    assert [each.span.of(swapped.text) for each in moved] == [touched[0].span.of(typed.text)]

    undone, edits = text.apply(3, [TextChange((Position(0, 3), Position(0, 4)), "")], Encoding.UTF16)
    back = program(undone, first)
    whole = carry(moved, swapped.edits({"cell:2": edits}), back.text)
    assert [(each.touched, each.span.of(back.text)) for each in whole] == [(False, "two = bug2")]


def test_cells_that_are_not_there_cannot_be_removed() -> None:
    book = notebook(cell(1, "a"))

    for start, removed in ((2, 0), (0, 2), (-1, 1), (1, -1)):
        assert book.spliced(Splice(start, removed)) is None


def test_an_edit_must_follow_what_is_known() -> None:
    book = notebook(cell(1, "a", version=3))
    change = [TextChange(None, "b")]

    assert book.typed("cell:1", 3, change, Encoding.UTF16) is None
    assert book.typed("cell:2", 4, change, Encoding.UTF16) is None
    assert book.typed("cell:1", 4, change, Encoding.UTF16) is not None


@given(st.lists(TEXTS, min_size=1, max_size=5), st.data())
def test_places_are_those_of_the_cells(texts: list[str], data: st.DataObject) -> None:
    python = program(*(cell(number, text) for number, text in enumerate(texts)))

    number = data.draw(st.integers(0, len(texts) - 1))
    begin = data.draw(st.integers(0, len(texts[number])))
    end = data.draw(st.integers(begin, len(texts[number])))
    part, start = python.part(f"cell:{number}")

    assert part.text == texts[number]
    assert Span(start + begin, start + end).of(python.text) == texts[number][begin:end]
    assert python.locate(Span(start + begin, start + end)) == (part, Span(begin, end))


@given(st.lists(TEXTS, min_size=1, max_size=5), st.integers(0, 60), st.integers(0, 60))
def test_every_place_is_in_some_cell(texts: list[str], begin: int, length: int) -> None:
    python = program(*(cell(number, text) for number, text in enumerate(texts)))

    part, span = python.locate(Span(begin, begin + length))

    assert part in python.cells
    assert span.end <= len(part.text)


@dataclass
class Model:
    """A notebook as a list of lists, the slow and obvious way."""

    cells: list[list[object]] = field(default_factory=list)

    def code(self, language: str, comment: str) -> str:
        lines = ""
        for _, code, its, text in self.cells:
            if code and its == language:
                shown = python_of(str(text)) if language == "python" else text
                lines += f"{comment} %%\n{shown}\n"
        return lines


@given(st.data())
def test_a_notebook_equals_a_list_of_texts(data: st.DataObject) -> None:
    book, model, names = Notebook(BOOK, 1), Model(), iter(range(1_000))
    for version in range(2, 2 + data.draw(st.integers(1, 8))):
        before = book.programs()
        match data.draw(st.sampled_from(["splice", "move", "kind", "language", "type"])):
            case "splice":
                book = _splice(book, model, names, data)
            case "move" if model.cells:
                place = data.draw(st.integers(0, len(model.cells) - 1))
                moved = book.cells[place]
                out = book.spliced(Splice(place, 1))
                assert out
                target = data.draw(st.integers(0, len(out.cells)))
                back = out.spliced(Splice(target, 0, (moved,)))
                assert back
                book = back
                model.cells.insert(target, model.cells.pop(place))
            case "kind" if model.cells:
                place = data.draw(st.integers(0, len(model.cells) - 1))
                model.cells[place][1] = not model.cells[place][1]
                book = book.marked([Cell(str(model.cells[place][0]), bool(model.cells[place][1]))])
            case "language" if model.cells:
                place = data.draw(st.integers(0, len(model.cells) - 1))
                own = model.cells[place]
                own[2] = data.draw(LANGUAGES)
                again = Snapshot(str(own[0]), version, str(own[2]), str(own[3]))
                respelled = book.spliced(
                    Splice(place, 1, (book.cells[place],), opened=(again,), closed=(again.uri,))
                )
                assert respelled
                book = respelled
            case "type" if model.cells:
                book = _type(book, model, version, before, data)
        programs = book.programs()
        for language, comment in (("python", "#"), ("rust", "//")):
            made = programs.get(f"{BOOK}#{language}")
            assert (made.code if made else "") == model.code(language, comment)
            assert len(made.text if made else "") == len(model.code(language, comment))


def _splice(book: Notebook, model: Model, names: Iterator[int], data: st.DataObject) -> Notebook:
    start = data.draw(st.integers(0, len(model.cells)))
    removed = data.draw(st.integers(0, len(model.cells) - start))
    new: list[list[object]] = [
        [f"cell:{next(names)}", data.draw(st.booleans()), data.draw(LANGUAGES), data.draw(TEXTS)]
        for _ in range(data.draw(st.integers(0, 3)))
    ]
    gone = tuple(str(each[0]) for each in model.cells[start : start + removed])
    model.cells[start : start + removed] = new
    after = book.spliced(
        Splice(
            start,
            removed,
            tuple(Cell(str(each[0]), bool(each[1])) for each in new),
            opened=tuple(Snapshot(str(each[0]), 1, str(each[2]), str(each[3])) for each in new),
            closed=gone,
        )
    )
    assert after
    return after


def _type(
    book: Notebook, model: Model, version: int, before: dict[str, Program], data: st.DataObject
) -> Notebook:
    """Edits in several cells; the program's edits carry a place in the cell typed in as the cell's do."""
    typed = {}
    for place in data.draw(st.sets(st.integers(0, len(model.cells) - 1), min_size=1)):
        uri, text = str(model.cells[place][0]), str(model.cells[place][3])
        start, end = (
            Position(data.draw(st.integers(0, 3)), data.draw(st.integers(0, 6))) for _ in ("start", "end")
        )
        start, end = min(start, end), max(start, end)
        new = data.draw(TEXTS)
        done = book.typed(uri, version, [TextChange((start, end), new)], Encoding.UTF16)
        assert done
        book, typed[uri] = done
        begin, stop = (naive_offset(text, each, Encoding.UTF16) for each in (start, end))
        model.cells[place][3] = text[:begin] + new + text[stop:]
    for uri, old in before.items():
        mark = Span(len(old.text), len(old.text))
        for edit in old.edits(typed):
            after = remap(mark, edit)
            assert after is not None
            mark = after
        assert mark.start == len(book.programs()[uri].text)
    return book
