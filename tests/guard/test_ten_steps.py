"""The ten steps that an answer goes through, each total: whatever comes in, it holds or is refused by name.

1, HTTP, needs a server: tests/provider/test_transport.py and test_hostile_answers.py.
"""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.texts import texts

from kibitz.findings import wire as items
from kibitz.findings.anchor import find
from kibitz.findings.assist import parse_analysis, parse_suggestions
from kibitz.findings.finding import Claim, Confidence, Finding, Fix, Severity
from kibitz.findings.fix import MAX_CHARACTERS, Rejection, check_again, gate, settle
from kibitz.findings.parses import parses_as_well
from kibitz.findings.prompt import list_review
from kibitz.findings.request import Malformed
from kibitz.findings.rules import RULES
from kibitz.guard.invisible import introduces_invisible, introduces_script, strip_invisible
from kibitz.guard.risks import ADDRESS, risks
from kibitz.guard.sanitize import MAX_DEPTH, Rejected, decode_json, plain
from kibitz.provider import wire
from kibitz.provider.models import Piece, PieceAnalysis
from kibitz.review import stored
from kibitz.text.lines import LineIndex
from kibitz.text.spans import Span

REASON = re.compile(r"[a-z][a-z-]*")
NASTY = st.sampled_from(
    [
        *(
            "\u202e",
            "\u200b",
            "\ud800",
            "\x00",
            "\x1b]0;x\x07",
            "](http://e.example)",
            "<b>",
            "```",
            "command:x",
        ),
        *(
            "    return sum(values) / len(value)",
            "def mean(values):",
            "\t",
            "\r",
            "\r\n",
            "www.e.example",
            "$1",
        ),
        *(
            "REDACTED_SECRET_1_X",
            "⟦U+202E⟧",
            "import os",
            "eval(x)",
            "12| x",
            "{" * 30,
            "[" * 30,
            "1e999",
            "NaN",
        ),
    ]
)
TEXT = st.text(max_size=40) | NASTY | texts | st.lists(NASTY, max_size=4).map("\n".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.just(10**25),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)
KEYS = ("rule", "start_line", "quote", "title", "trigger", "severity", "confidence", "replacement")
ITEMS = JSON | st.fixed_dictionaries(
    dict.fromkeys(KEYS, JSON | st.sampled_from(sorted(RULES)) | st.integers(0, 9))
)
CODE = "def mean(values):\n    return sum(values) / len(value)\n\n\nclass A:\n    x = 'é\u202e'\n"
LANGUAGES = st.sampled_from(["python", "go", "javascript", "shellscript", "plaintext", "none-such"])
FAST = settings(max_examples=150, deadline=None)


@FAST
@given(st.text() | JSON.map(lambda value: json.dumps(value)[:5000]) | NASTY | st.binary().map(repr))
def test_2_decoding_gives_finite_shallow_json_or_a_reason(raw: str) -> None:
    try:
        value = decode_json(raw)
    except Rejected as rejected:
        assert REASON.fullmatch(rejected.reason)  # noqa: PT017 - either outcome is right
        return
    assert depth(value) <= MAX_DEPTH
    json.dumps(value, allow_nan=False)  # Raises for what is not finite.


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@FAST
@given(JSON | st.fixed_dictionaries({"choices": JSON, "output": JSON, "usage": JSON, "error": JSON}))
def test_3_an_envelope_is_an_answer_or_a_problem(reply: object) -> None:
    for api in ("chat", "responses"):
        answer = wire.read(wire.Dialect(api), reply)
        assert answer.problem is not None or answer.text.strip()
        assert isinstance(wire.json_part(answer.text), str)


@FAST
@given(ITEMS, JSON)
def test_4_an_item_is_a_claim_in_bounds_or_a_reason(item: object, whole: object) -> None:
    claim = items.claim_of(item)
    if isinstance(claim, str):
        assert REASON.fullmatch(claim)
    else:
        assert claim.rule in RULES
        assert 0 <= claim.start_line <= 10_000_000
        assert 0 < len(claim.quote) <= 8_000
    for read in (parse_suggestions, parse_analysis, list_review([Piece(CODE, "python")]).parse):
        try:
            read(whole)
        except Malformed as malformed:
            assert not any(len(word) > 30 for word in str(malformed).split())  # noqa: PT017 - quotes nothing


@FAST
@given(TEXT, st.integers(-5, 10**9), TEXT | st.just(CODE))
def test_5_a_quote_is_found_whole_or_not_at_all(quote: str, hint: int, code: str) -> None:
    lines = LineIndex(code)
    anchor = find(quote, hint, lines)
    if anchor is not None:
        assert 0 <= anchor.first_line <= anchor.last_line < lines.line_count
        span = anchor.span(lines)
        assert 0 <= span.start <= span.end <= len(code)


@FAST
@given(TEXT, TEXT | st.just(CODE), LANGUAGES)
def test_6_to_8_a_fix_holds_or_is_rejected_by_name(replacement: str, code: str, language: str) -> None:
    lines = LineIndex(code)
    quote = code.split("\n")[min(1, code.count("\n"))]
    anchor = find(quote, 2, lines)
    if anchor is None:
        return
    fix = gate(lines, anchor, replacement, language)
    if isinstance(fix, Rejection):
        assert REASON.fullmatch(fix.reason)
        return
    assert fix.span.of(code) == fix.old_text != fix.new_text
    assert len(fix.new_text) <= 2 * MAX_CHARACTERS
    assert not introduces_invisible(fix.old_text, fix.new_text)
    assert not introduces_script(code, fix.new_text)
    assert ADDRESS not in risks(fix.old_text, fix.new_text)
    after = code[: fix.span.start] + fix.new_text + code[fix.span.end :]
    assert parses_as_well(code, after, language) is not False


@FAST
@given(TEXT, TEXT, LANGUAGES, st.booleans())
def test_6_to_8_a_kept_fix_passes_again_or_is_rejected(
    old: str, new: str, language: str, marked: bool
) -> None:
    code = f"x = 1\n{old}\ny = 2\n"
    fix = check_again(LineIndex(code), Fix(Span(6, 6 + len(old)), old, new, marked), language)
    if isinstance(fix, Rejection):
        assert REASON.fullmatch(fix.reason)
    else:
        assert fix.needs_review or not marked
        assert not introduces_invisible(old, fix.new_text)


@FAST
@given(TEXT, TEXT, LANGUAGES)
def test_7_judging_syntax_never_raises(before: str, after: str, language: str) -> None:
    assert parses_as_well(before, after, language) in {True, False, None}


@FAST
@given(TEXT, TEXT)
def test_8_stripping_leaves_nothing_invisible(old: str, new: str) -> None:
    stripped = strip_invisible(new)
    assert not introduces_invisible("", stripped)
    assert not introduces_invisible(new, new)
    assert isinstance(introduces_script(old, new), bool)
    assert strip_invisible(stripped) == stripped


@FAST
@given(TEXT | st.lists(TEXT, max_size=6).map("".join), st.integers(0, 500))
def test_9_text_is_one_plain_line_within_its_limit(text: str, limit: int) -> None:
    shown = plain(text, limit)
    assert len(shown) <= limit
    assert "\n" not in shown
    assert not introduces_invisible("", shown)
    assert not re.search(r"\]\(|://|```|<[a-z/!]|(?:command|file|https?|javascript):\S", shown, re.IGNORECASE)


@FAST
@given(TEXT, TEXT, TEXT, st.none() | TEXT, LANGUAGES)
def test_10_what_a_finding_says_is_of_closed_sets(
    quote: str, title: str, trigger: str, replacement: str | None, language: str
) -> None:
    claim = Claim(
        rule="wrong-value",
        start_line=2,
        quote=quote,
        title=title,
        trigger=trigger,
        severity=Severity.ERROR,
        confidence=Confidence.LIKELY,
        replacement=replacement,
    )
    settled = settle(claim, LineIndex(CODE), language)
    assert all(REASON.fullmatch(reason) for reason in settled.dropped)
    finding = settled.finding
    if finding is None:
        assert settled.dropped
        return
    assert finding.span.of(CODE) == finding.quote
    assert finding.title
    assert finding.fix is None or finding.fix.span.of(CODE) == finding.fix.old_text


@FAST
@given(JSON.map(json.dumps) | TEXT, LANGUAGES)
def test_all_again_for_what_was_kept(raw: str, language: str) -> None:
    """Disk, team and whole files: one way back, for rows that anybody may have written."""
    try:
        answer = stored.decode(raw, CODE, language)
    except stored.Unreadable as unreadable:
        assert raw == "" or len(raw) < 12 or raw not in str(unreadable)  # noqa: PT017 - it quotes nothing
    else:
        assert not isinstance(answer, PieceAnalysis) or all(isinstance(f, Finding) for f in answer.findings)


LINE = "    return sum(values) / len(value)"
AT = CODE.index(LINE)


@FAST
@given(TEXT, TEXT, TEXT, st.integers(0, len(CODE)), LANGUAGES)
def test_a_kept_row_is_held_to_what_a_model_could_say(
    title: str, trigger: str, new: str, shift: int, language: str
) -> None:
    """A row of the right form, with a hash that fits or not, says what it likes."""
    honest = Finding(
        "wrong-value",
        Severity.ERROR,
        Confidence.CERTAIN,
        "t",
        "t",
        Span(AT + 4, AT + len(LINE)),
        LINE.strip(),
        Fix(Span(AT, AT + len(LINE)), LINE, LINE + "s"),
    )
    row = json.loads(stored.encode(PieceAnalysis((honest,))))
    row["findings"][0] |= {"title": title, "trigger": trigger}
    row["findings"][0]["fix"] |= {"new": new, "start": AT if shift % 2 else shift}
    try:
        answer = stored.decode(json.dumps(row), CODE, language)
    except stored.Unreadable:
        return
    assert isinstance(answer, PieceAnalysis)
    for finding in answer.findings:
        assert finding.fix is not None
        assert finding.fix.old_text == finding.fix.span.of(CODE) == LINE
        assert not introduces_invisible(LINE, finding.fix.new_text)
        assert ADDRESS not in risks(LINE, finding.fix.new_text)
        assert finding.fix.needs_review or not risks(LINE, finding.fix.new_text)
        assert finding.title == plain(finding.title, 120)
