from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.findings.difference import Hunk
from kibitz.findings.invented import invented

TEXT = '''\
class Log:
    def add(self, entry, size):
        """Keep an entry; the value is text."""
        self.files.append(entry)
        return max(size, 1) + PORT
'''


def made(replacement: str, text: str = TEXT, context: str = "", language: str = "python") -> set[str]:
    return set(invented([Hunk(1, "open('')", replacement)], text, context, language))


@pytest.mark.parametrize(
    ("replacement", "names"),
    [
        # What is there, in the piece or in its context.
        ("return entry + size + PORT", set()),
        ("return self.files + [entry]", set()),
        ("self.limit = size", set()),
        # What is not: a bare name, a member of one's own, a type; a docstring has no names.
        ("return value", {"value"}),
        ("self._files.append(entry)", {"_files"}),
        ("self.rotate()", {"rotate"}),
        ("def add(self, entry: float, size): ...", {"float"}),
        ("total = size", {"total"}),
        # Words of the language, calls, modules, members of others, arguments, short parameters.
        ("if entry is not None and not size: return await size", set()),
        ("return abs(size) + math.floor(size) + len (entry)", set()),
        ("return entry.strip().lower", set()),
        ("return sorted(entry, reverse=True,key=size)", set()),
        ("return [x for x in entry]", set()),
        # A comparison is no argument.
        ("if (limits == size): pass", {"limits"}),
        ("return 'value of text' # nor here", set()),
        # A string that says something else says what is known from elsewhere.
        ("open('files_SIZE')", set()),
        ("open('dataBase')", {"data", "base"}),
        ("open('x', 'rb')", set()),
        ("", set()),
    ],
)
def test_names_that_nothing_has_are_made_up(replacement: str, names: set[str]) -> None:
    assert made(replacement, context="def rest(limit): ...") == names


@pytest.mark.parametrize(
    ("language", "replacement", "names"),
    [
        ("javascript", "list.sort((a, b) => a - b);", set()),
        ("javascript", "this.other = null;", {"other"}),
        ("javascript", "list?.items.map(row => row.name)", set()),
        ("java", "return counts.getOrDefault(customer, 0);", {"customer"}),
        ("cpp", "node->next = std::move(list);", set()),
        ("php", "$this->other = null;", {"other"}),
        ("ruby", "@other = nil", {"other"}),
        ("rust", 'println!("x"); vec![1]', {"vec"}),
    ],
)
def test_names_of_other_languages(language: str, replacement: str, names: set[str]) -> None:
    assert made(replacement, text="list.node", language=language) == names


@given(
    text=st.text(max_size=60),
    replacement=st.text(max_size=60),
    language=st.sampled_from(["python", "javascript", "shellscript", "plaintext"]),
)
def test_any_text_can_be_asked_about_and_makes_up_nothing_of_its_own(
    text: str, replacement: str, language: str
) -> None:
    assert made(replacement, text, "", language) <= made(replacement, "", "", language)
    assert made(text, text, "", language) == set()
