from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.support.reviewing import finding

from kibitz.findings.finding import Origin
from kibitz.findings.rules import RULES
from kibitz.lsp.hovers import about, escape
from kibitz.lsp.shown import Shown
from kibitz.provider.models import ContextAnalysis, Usage
from kibitz.text.spans import Span

NOW = 1_000_000.0
FOUND = finding("x = bug", "bug", title="bug_1 is *wrong*")
EXPLAINED = ContextAnalysis(
    "It adds.", ("a number", "order"), ("x is None",), "[It](http://x) holds.", Usage(), "fake-1"
)
_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TEXTS = st.text(
    alphabet=st.sampled_from("ab1_*`~[]()<>&#+-.!|\\:/@=\n \té😀") | st.characters(exclude_categories=["C"]),
    max_size=30,
)


@given(TEXTS)
@example("__init__ and _x_")
@example("1. one")
@example("12) two")
@example("1234567. many")
@example("<img src=x onerror=alert(1)>")
@example("![a](http://x/y.png)")
@example("&lt; &#60;")
@example("---")
@example("=")
@example("~~~")
def test_markdown_of_escaped_text_shows_just_that_text(text: str) -> None:
    inline = [
        child
        for token in _MARKDOWN.parse(escape(text))
        if token.type == "inline"
        for child in token.children or ()
    ]
    kinds = {token.type for token in _MARKDOWN.parse(escape(text))}
    assert kinds <= {"paragraph_open", "inline", "paragraph_close"}
    assert {child.type for child in inline} <= {"text", "text_special"}
    assert "".join(child.content for child in inline) == " ".join(text.split())


@pytest.mark.parametrize(
    "address", ["https://evil.example/x", "www.evil.example", "mailto:a@b.example", "a@b.example"]
)
def test_no_address_stands_in_one_piece_for_clients_that_make_links_of_them(address: str) -> None:
    assert address not in escape(f"see {address}")


def test_names_in_code_stay_readable() -> None:
    assert escape("read_all_lines(path)[0]") == r"read_all_lines(path)\[0\]"


def test_a_hover_is_short_and_says_what_is_known() -> None:
    origin = Origin("fake-1", NOW - 7_300, Decimal("0.0042"))
    told = about(Shown(replace(FOUND, origin=origin)), None, now=NOW, markdown=False)
    assert told.splitlines() == [
        "bug_1 is *wrong*",
        "any input gives nothing",
        "KB101 · certain · fake-1 · 2 hours ago · $0.0042",
    ]


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        (None, "KB101 · certain"),
        (Origin(""), "KB101 · certain"),
        (Origin("m", NOW + 99), "KB101 · certain · m · just now"),
        (Origin("m", NOW - 60), "KB101 · certain · m · 1 minute ago"),
        (Origin("m", NOW - 90_000), "KB101 · certain · m · 1 day ago"),
        (
            Origin("m", None, Decimal("0.5"), cached=True),
            "KB101 · certain · m · from the cache (had cost $0.5000)",
        ),
        (Origin("own", None, Decimal(0)), "KB101 · certain · own · no cost"),
        (Origin("own", None, Decimal(0), cached=True), "KB101 · certain · own · from the cache"),
    ],
)
def test_where_it_comes_from(origin: Origin | None, said: str) -> None:
    told = about(Shown(replace(FOUND, origin=origin)), None, now=NOW, markdown=False)
    assert told.splitlines()[-1] == said


def test_a_rule_is_called_by_its_name_as_well() -> None:
    known = replace(FOUND, rule="wrong-value")
    told = about(Shown(known), None, now=NOW, markdown=False)
    assert told.splitlines()[-1] == f"{RULES['wrong-value'].name} (wrong-value) · certain"


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (Shown(FOUND, stale="no key"), "Not re-checked: no key"),
        (Shown(FOUND, dismissed="a false alarm"), "Dismissed: a false alarm"),
        (Shown(FOUND, hull=Span(4, 8), rest=Span(4, 6)), "To be re-checked: you edited this since"),
    ],
)
def test_doubt_is_said(shown: Shown, said: str) -> None:
    assert said in about(shown, None, now=NOW, markdown=False).splitlines()


def test_the_explanation_is_told_once_there_is_one_and_its_markup_is_text() -> None:
    plain = about(Shown(FOUND), EXPLAINED, now=NOW, markdown=False).splitlines()
    assert "[It](http://x) holds." in plain
    assert "Relies on: a number; order" in plain
    assert "Breaks when: x is None" in plain
    marked = about(Shown(FOUND), EXPLAINED, now=NOW, markdown=True)
    assert r"**bug_1 is \*wrong\***" in marked
    assert "<a" not in _MARKDOWN.render(marked)
