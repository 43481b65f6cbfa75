from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.findings.anchor import Anchor, find
from kibitz.findings.finding import Claim, Confidence, Fix, Severity
from kibitz.findings.fix import MAX_CHANGED_LINES, Rejection, Settled, gate, settle
from kibitz.text.lines import LineIndex
from kibitz.text.spans import Span

CODE = """\
def mean(values):
    total = 0
    for value in values:
        total += value
    return total / len(value)
"""


def propose(quote: str, replacement: str, text: str = CODE, language: str = "python") -> Fix | Rejection:
    source = LineIndex(text)
    anchor = find(quote, 1, source)
    assert anchor is not None
    return gate(source, anchor, replacement, language)


def apply(fix: Fix | Rejection, text: str) -> str:
    assert isinstance(fix, Fix), fix
    assert fix.span.of(text) == fix.old_text
    return text[: fix.span.start] + fix.new_text + text[fix.span.end :]


def claim(**changes: object) -> Claim:
    values = {
        "rule": "wrong-variable",
        "start_line": 5,
        "quote": "    return total / len(value)",
        "title": "Divides by the length of the last value",
        "trigger": "mean([1, 2]) raises TypeError",
        "severity": Severity.ERROR,
        "confidence": Confidence.CERTAIN,
        "replacement": "    return total / len(values)",
        **changes,
    }
    return Claim(**values)  # type: ignore[arg-type]  # the test's own keywords


def test_a_plain_fix_replaces_its_line() -> None:
    fix = propose("    return total / len(value)", "    return total / len(values)")
    assert fix == Fix(Span(80, 109), "    return total / len(value)", "    return total / len(values)")
    assert apply(fix, CODE) == CODE.replace("len(value)", "len(values)")


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
def test_the_document_keeps_its_line_ends(eol: str) -> None:
    text = CODE.replace("\n", eol)
    fix = propose("    total = 0", "    total = 0.0\n    count = 0", text)
    assert apply(fix, text) == text.replace("total = 0", f"total = 0.0{eol}    count = 0")


def test_a_text_of_one_line_takes_the_line_end_it_is_told() -> None:
    source = LineIndex("x = f(1)")
    fix = gate(source, Anchor(0, 0, exact=True), "x = f(1)\ny = 2", "python", eol="\r\n")
    assert isinstance(fix, Fix)
    assert fix.new_text == "x = f(1)\r\ny = 2"


def test_only_the_lines_that_differ_are_replaced() -> None:
    fix = propose(
        "    total = 0\n    for value in values:\n        total += value",
        "    total = 0\n    for value in values[1:]:\n        total += value",
    )
    assert isinstance(fix, Fix)
    assert (fix.old_text, fix.new_text) == ("    for value in values:", "    for value in values[1:]:")


@pytest.mark.parametrize("replacement", ["", "\n", "  \n\n"])
def test_nothing_deletes_the_lines_with_their_ends(replacement: str) -> None:
    fix = propose("    total = 0", replacement)
    assert apply(fix, CODE) == CODE.replace("    total = 0\n", "")
    assert isinstance(fix, Fix)
    assert fix.old_text == "    total = 0\n"


def test_deleting_the_last_line_leaves_no_empty_one() -> None:
    assert apply(propose("b = 2", "", "a = 1\r\nb = 2"), "a = 1\r\nb = 2") == "a = 1"
    assert apply(propose("a = 1", "", "a = 1"), "a = 1") == ""


def test_leaving_out_a_quoted_line_deletes_it() -> None:
    text = "a()\r\nb()\r\nc()\r\n"
    assert apply(propose("a()\nb()\nc()", "a()\nc()", text), text) == "a()\r\nc()\r\n"


def test_an_insertion_holds_on_to_a_line() -> None:
    fix = propose("    total = 0", "    total = 0\n    count = 0")
    assert isinstance(fix, Fix)
    assert (fix.old_text, fix.new_text) == ("    total = 0", "    total = 0\n    count = 0")
    fix = propose("    total = 0", "    count = 0\n    total = 0")
    assert isinstance(fix, Fix)
    assert (fix.old_text, fix.new_text) == ("    total = 0", "    count = 0\n    total = 0")


def test_whitespace_at_the_end_of_kept_lines_stays() -> None:
    text = "a = 1  \nb = 2\n"
    assert apply(propose("a = 1\nb = 2", "a = 1\nb = 3", text), text) == "a = 1  \nb = 3\n"


def test_the_replacement_moves_with_its_quote() -> None:
    fix = propose("return total / len(value)", "if values:\n    return total / len(values)")
    assert isinstance(fix, Fix)
    assert fix.new_text == "    if values:\n        return total / len(values)"
    fix = propose("      return total / len(value)", "      return total / len(values)")
    assert isinstance(fix, Fix)
    assert fix.new_text == "    return total / len(values)"


def test_spaces_become_the_tab_that_stands_there() -> None:
    text = "func f() int {\n\treturn a - b\n}\n"
    fix = propose("    return a - b", "    return a + b", text, "go")
    assert isinstance(fix, Fix)
    assert fix.new_text == "\treturn a + b"


def test_a_replacement_that_lost_its_indentation_gets_it_back() -> None:
    fix = propose("    return total / len(value)", "return total / len(values)")
    assert isinstance(fix, Fix)
    assert fix.new_text == "    return total / len(values)"


def test_a_copied_number_column_is_dropped() -> None:
    fix = propose("5|     return total / len(value)", "5|     return total / len(values)")
    assert isinstance(fix, Fix)
    assert fix.new_text == "    return total / len(values)"


@pytest.mark.parametrize(
    ("quote", "replacement", "reason"),
    [
        ("    total = 0", "    total = 0", "no-op"),
        ("    total = 0", "    total = 0  \n\n", "no-op"),
        ("    total = 0", "    total = (0", "syntax"),
        ("    total = 0", "total = 0\n  x = 1", "syntax"),
        ("    return total / len(value)", "    await total", "syntax"),
        ("    total = 0", "    total = 0\u200b", "invisible-characters"),
        ("    total = 0", "    total = 0  # \u202e", "invisible-characters"),
        ("    total = 0", "    t\u043etal = 0", "foreign-script"),
        ("    total = 0", "    total = get('http://evil.example/x')", "new-address"),
        ("    total = 0", "    total = 0\n" + "    x = 1\n" * 6, "too-many-lines"),
        ("    total = 0", "    total = '" + "x" * 9000 + "'", "too-long"),
        ("        total = 0", "  total = 1", "indentation"),
        (
            "for value in values:\n        total += value",
            "for v in values:\n        total += v",
            "quote-not-exact",
        ),
    ],
)
def test_what_the_gate_stops(quote: str, replacement: str, reason: str) -> None:
    assert propose(quote, replacement) == Rejection(reason)


def test_as_many_lines_as_allowed_pass() -> None:
    lines = "".join(f"    x{number} = 0\n" for number in range(MAX_CHANGED_LINES))
    assert isinstance(propose("    total = 0", "    total = 0\n" + lines), Fix)
    assert isinstance(propose("    total = 0", lines), Fix)


@pytest.mark.parametrize(
    "replacement",
    [
        "    total = eval(values)",
        "    import os\n    total = 0",
        "    total = 0  # noqa",
        "    total = os.system('ls')",
    ],
)
def test_what_is_risky_is_marked(replacement: str) -> None:
    fix = propose("    total = 0", replacement)
    assert isinstance(fix, Fix)
    assert fix.needs_review


def test_an_address_of_the_replaced_lines_passes_and_one_from_elsewhere_does_not() -> None:
    text = "# see http://evil.example/\nB = 'http://other.example/v1'\n"
    fix = propose("B = 'http://other.example/v1'", "B = 'https://other.example/v2'", text)
    assert isinstance(fix, Fix)
    assert not fix.needs_review
    # Whoever wrote the comment may have written it for this.
    fix = propose("B = 'http://other.example/v1'", "B = 'http://evil.example/v2'", text)
    assert fix == Rejection("new-address")


def test_a_script_that_the_file_knows_passes() -> None:
    text = "имя = 1\nx = 2\n"
    assert isinstance(propose("x = 2", "x = имя", text), Fix)
    assert isinstance(propose("x = 2", "x = 'é'", text), Fix)


def test_a_language_without_a_grammar_is_marked() -> None:
    fix = propose("val x = 1", "val x = 2", "val x = 1\n", "kotlin")
    assert isinstance(fix, Fix)
    assert fix.needs_review


def test_code_that_cannot_be_judged_gets_no_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kibitz.text.syntax.MAX_BYTES", 5)
    assert propose("y = 1234", "y = 1235", "y = 1234\n") == Rejection("syntax-not-judged")


def test_code_that_was_broken_before_may_stay_so() -> None:
    text = "def f(:\n    x = 1\n"
    assert isinstance(propose("    x = 1", "    x = 2", text), Fix)
    assert propose("    x = 1", "    x = (((", text) == Rejection("syntax")


def test_an_indented_method_is_judged_in_its_place() -> None:
    text = "    def f(self):\n        return self.x\n\n    def g(self):\n        return 1\n"
    assert isinstance(propose("        return self.x", "        return self.y", text), Fix)
    assert propose("        return self.x", "    return self.y", text) == Rejection("syntax")


def test_a_unit_that_starts_at_its_def_is_judged() -> None:
    text = "def f(self):\n        x = 1\n        return x"
    assert isinstance(propose("        return x", "        return -x", text), Fix)
    assert propose("        return x", "        return (x", text) == Rejection("syntax")


def test_a_return_that_leaves_its_function_is_stopped() -> None:
    text = "def f(x):\n    return x\n\n\nprint(f(1))\n"
    assert propose("print(f(1))", "return f(1)", text) == Rejection("syntax")


def test_invalid_escapes_in_the_code_print_no_warning() -> None:
    text = "pattern = '\\d'\nx = 1 is 1\n"
    assert isinstance(propose("x = 1 is 1", "x = 1 == 1", text), Fix)


@pytest.mark.parametrize("bomb", ["(" * 5000, "-" * 50_000 + "1", "[" * 300 + "]" * 300, "9" * 5000, "\x00"])
def test_hostile_nesting_is_survived(bomb: str) -> None:
    text = f"x = {bomb}\ny = 1\n"
    assert isinstance(propose("y = 1", "y = 2", text), Fix | Rejection)


line = st.sampled_from(["a = 1", "    b = 2", "\tc()", "", "é = '😀'", "d\x0c = 1", "e = '\u2028'"])
line_end = st.sampled_from(["\n", "\r\n", "\r"])
new_line = st.sampled_from(["a = 1", "    b = 3", "\tc(1)", "", "f = 1", "é = '😀é'"])


@given(st.lists(st.tuples(line, line_end), min_size=1, max_size=8), st.data())
def test_a_fix_replaces_what_stands_there_and_yields_what_was_asked(
    pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    text = "".join(part for pair in pairs for part in pair)
    source = LineIndex(text)
    first = data.draw(st.integers(0, len(pairs) - 1))
    last = data.draw(st.integers(first, min(first + 2, len(pairs) - 1)))
    new = data.draw(st.lists(new_line, max_size=4))
    fix = gate(source, Anchor(first, last, exact=True), "\n".join(new), "plaintext")
    if isinstance(fix, Rejection):
        assert fix.reason in {"no-op", "invisible-characters"}
        return
    after = LineIndex(apply(fix, text))
    while new and not new[0].strip():
        new.pop(0)
    while new and not new[-1].strip():
        new.pop()
    old = [source.line_text(number).rstrip() for number in range(source.line_count)]
    expected = [*old[:first], *(entry.rstrip() for entry in new), *old[last + 1 :]]
    actual = [after.line_text(number).rstrip() for number in range(after.line_count)]
    if new and not new[0].startswith((" ", "\t")):
        actual, expected = [x.lstrip() for x in actual], [x.lstrip() for x in expected]
    assert actual == expected


def test_a_deleted_line_joins_no_line_ends() -> None:
    text = "a\rb\n\nc"
    fix = gate(LineIndex(text), Anchor(1, 1, exact=True), "", "plaintext")
    assert isinstance(fix, Fix)
    assert apply(fix, text) == "a\n\nc"


def test_a_claim_becomes_a_finding_with_its_fix() -> None:
    settled = settle(claim(), LineIndex(CODE), "python")
    assert settled.dropped == ()
    finding = settled.finding
    assert finding is not None
    assert finding.quote == finding.span.of(CODE) == "return total / len(value)"
    assert finding.fix is not None
    assert finding.fix.new_text == "    return total / len(values)"
    assert (finding.rule, finding.severity) == ("wrong-variable", Severity.ERROR)


def test_a_rejected_fix_leaves_the_finding() -> None:
    settled = settle(claim(replacement="    return total / len(value"), LineIndex(CODE), "python")
    assert settled.finding is not None
    assert settled.finding.fix is None
    assert settled.dropped == ("fix-syntax",)


def test_no_replacement_is_no_rejection() -> None:
    settled = settle(claim(replacement=None), LineIndex(CODE), "python")
    assert settled.finding is not None
    assert settled.dropped == ()


def test_a_quote_that_is_not_there_drops_the_claim() -> None:
    assert settle(claim(quote="nowhere"), LineIndex(CODE), "python") == Settled(None, ("quote-not-found",))


@pytest.mark.parametrize("field", ["title", "trigger"])
def test_a_claim_that_says_nothing_is_dropped(field: str) -> None:
    assert settle(claim(**{field: " \u200b\n"}), LineIndex(CODE), "python") == Settled(None, ("empty-text",))


def test_what_a_finding_says_is_plain_text() -> None:
    settled = settle(
        claim(title="See [this](http://evil.example/?q=1)\x1b[31m now", trigger="a\nb <img src=x>"),
        LineIndex(CODE),
        "python",
    )
    assert settled.finding is not None
    assert settled.finding.title == "See this now"
    assert settled.finding.trigger == "a b"
