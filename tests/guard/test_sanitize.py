from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.guard.sanitize import MAX_CHARACTERS, MAX_DEPTH, Rejected, decode_json, plain

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_honest_json_is_read(value: object) -> None:
    assert decode_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "not-json"),
        ("{", "not-json"),
        ("[1] trailing", "not-json"),
        ("'a'", "not-json"),
        ("\ufeff{}", "not-json"),
        ("9" * 5000, "not-json"),
        ('{"a": 1, "a": 2}', "duplicate-key"),
        ('[{"a": {"b": 1, "b": 1}}]', "duplicate-key"),
        ("[NaN]", "not-finite"),
        ("-Infinity", "not-finite"),
        ("[[1e999]]", "not-finite"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "too-deep"),
        ("[" * 200_000 + "]" * 200_000, "too-deep"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "too-deep"),
        (" " * (MAX_CHARACTERS + 1), "too-large"),
    ],
)
def test_json_that_is_refused(raw: str, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        decode_json(raw)
    assert caught.value.reason == reason


def test_as_deep_as_allowed_is_read() -> None:
    assert decode_json("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None


@given(
    st.text()
    | st.lists(st.sampled_from(["[", "]", "{", "}", '"a"', ":", ",", "1", "NaN", "\\", '"'])).map("".join)
)
def test_any_text_is_read_or_rejected(raw: str) -> None:
    reason = None
    try:
        decode_json(raw)
    except Rejected as rejected:
        reason = rejected.reason
    assert reason in {None, "not-json", "duplicate-key", "not-finite"}


def test_a_refusal_does_not_quote_the_answer() -> None:
    with pytest.raises(Rejected) as caught:
        decode_json('{"secret sauce": ')
    assert "sauce" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a plain title", "a plain title"),
        ("  two\n\nlines\there ", "two lines here"),
        ("loops while i < n and a<b", "loops while i < n and a< b"),
        ("`len(value)` is wrong", "`len(value)` is wrong"),
        ("see https://evil.example/a?b=c#d now", "see evil.example now"),
        ("![img](https://evil.example/x.png)", "img"),
        ("[click](command:evil)", "click"),
        ("handlers[key](value)", "handlers[key] (value)"),
        ("<img src='https://evil.example/x'>", ""),
        ("<b>bold</b> List<String>", "bold List< String>"),
        ("```python\nx = 1\n```", "x = 1"),
        ("run command:workbench.quit", "run command: workbench.quit"),
        ("file:///etc/passwd", ""),
        ("error in file: not found", "error in file: not found"),
        ("www.evil.example", "evil.example"),
        ("a\u202eb\u200bc\x00d\ud800e", "abcde"),
        ("red \x1b[31mtext\x1b[0m \x1b]8;;http://x\x07link", "red text link"),
        ("page\x0cbreak\u2028line", "page break line"),
        ("", ""),
    ],
)
def test_plain_text(text: str, result: str) -> None:
    assert plain(text, 200) == result


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert plain("word " * 100, 12) == "word word w…"
    assert plain("exactly ten", 11) == "exactly ten"
    assert plain("abc", 0) == ""


HOSTILE = (
    *(
        "http",
        "https",
        "HTTP",
        ":",
        "//",
        "/",
        "://",
        "www",
        ".",
        "evil.example",
        "[",
        "]",
        "(",
        ")",
        "<",
        ">",
    ),
    *(
        "!",
        "a",
        "img",
        "script",
        "`",
        "```",
        "~~~",
        "command",
        "file",
        "javascript",
        "data",
        "vscode",
        "\x1b",
    ),
    *("[31m", "\u202e", "\u200b", "\ud800", " ", "\n", "x", "\x00", "@", "?", "#"),
)
DANGEROUS = re.compile(
    r"://|\]\(|\]\[|<[a-z/!?]|www\.|```|~~~|(?:command|file|javascript|data|https?|vscode):\S", re.IGNORECASE
)
INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


@given(st.lists(st.sampled_from(HOSTILE), max_size=25).map("".join) | st.text(), st.integers(0, 60))
def test_no_text_gets_a_link_or_markup_through(text: str, limit: int) -> None:
    result = plain(text, limit)
    assert len(result) <= limit
    assert not DANGEROUS.search(result)
    assert not INVISIBLE.search(result)
    assert result == " ".join(result.split())


@pytest.mark.parametrize(
    "piece", ["[", "![", "<a ", "a:/", "`", "http://", "\x1b]", "[a](", "www.", "vscode-"]
)
def test_hostile_text_is_read_in_no_time(piece: str) -> None:
    began = time.process_time()
    plain(piece * 200_000, 500)
    # Takes 1 to 20 ms; the bound only catches a pattern that is not linear.
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("raw", "reason", "message"),
    [
        ("x" * (MAX_CHARACTERS + 1), "too-large", "the answer has 1048577 characters; 1048576 are read"),
        ("{", "not-json", "the answer is not valid JSON"),
        ('{"a": 1, "a": 1}', "duplicate-key", "the answer has an object with the same key twice"),
        ("[1e999]", "not-finite", "the answer has a number that is not finite"),
        ("[NaN]", "not-finite", "the answer has a number that is not finite"),
        ("[" * 21 + "]" * 21, "too-deep", "the answer is nested more than 20 levels deep"),
        ('{"a": ' * 21 + "1" + "}" * 21, "too-deep", "the answer is nested more than 20 levels deep"),
        ("[" * 100_000, "too-deep", "the answer is nested more than 20 levels deep"),
    ],
)
def test_what_is_refused_says_why_and_quotes_nothing(raw: str, reason: str, message: str) -> None:
    with pytest.raises(Rejected) as caught:
        decode_json(raw)
    assert (caught.value.reason, str(caught.value)) == (reason, message)


def test_an_answer_of_the_largest_size_is_read() -> None:
    assert decode_json('"' + "x" * (MAX_CHARACTERS - 2) + '"') == "x" * (MAX_CHARACTERS - 2)
    assert decode_json('{"a": ' * 20 + "1" + "}" * 20)


def test_a_cut_leaves_no_blank_before_its_mark() -> None:
    assert plain("aaaa bbbb", 6) == "aaaa…"
    assert plain("aaaa bbbb", 7) == "aaaa b…"
    assert plain("command:0 command:0", 20) == "command: 0 command…"
