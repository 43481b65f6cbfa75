from __future__ import annotations

import ast
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.texts import texts

from kibitz.guard.redact import MAX_SECRETS, Redacted, Refused, environment_secrets, home_folder, redact
from kibitz.text.lines import LineIndex
from kibitz.text.spans import Span

KEY = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
OTHER = "ghp_9876543210abcdefghijABCDEFGHIJ012345"


def test_text_without_secrets_is_the_same() -> None:
    assert redact("x = 1\n") == Redacted("x = 1\n")


def test_a_secret_becomes_a_tag_as_long_as_it_was() -> None:
    text = f"é = '😀'; token = '{KEY}'  # same: {KEY}\r\nother = '{OTHER}'\r\n"
    redacted = redact(text)
    assert KEY not in redacted.text
    assert OTHER not in redacted.text
    assert redacted.text.count("REDACTED_SECRET_1_XXX") == 2
    assert redacted.text.count("REDACTED_SECRET_2_XXX") == 1
    assert len(redacted.hits) == 3
    assert [len(line) for line in redacted.text.split("\r\n")] == [len(line) for line in text.split("\r\n")]
    ast.parse(redacted.text)


def test_an_edit_gets_its_secret_back() -> None:
    redacted = redact(f"token = '{KEY}'\nurl = 'x://u:pa55-w@h'\n")
    first, second = redacted.text.splitlines()
    assert redacted.restore(f"if ok:\n    {first}") == f"if ok:\n    token = '{KEY}'"
    assert redacted.restore(second) == "url = 'x://u:pa55-w@h'"
    assert redacted.restore("nothing = 0") == "nothing = 0"


@pytest.mark.parametrize(
    "edit",
    [
        "token = 'REDACTED_SECRET_1_'",
        "token = 'REDACTED_SECRET_1_XXXX'",
        "token = 'REDACTED_SECRET_7_XXXXXXXXXXXXXXXXXXXXXX'",
        "token = 'redacted_secret_1_xxxxxxxxxxxxxxxxxxxxxx'",
        "token = REDACTED_SECRET",
        "token = 'XREDACTED_SECRET_1_XXXXXXXXXXXXXXXXXXXXXX'",
        "token = RDCT1XX",
    ],
)
def test_a_part_of_a_tag_or_a_changed_one_restores_nothing(edit: str) -> None:
    assert redact(f"token = '{KEY}'\n").restore(edit) is None


def test_code_that_speaks_of_tags_itself_can_be_edited() -> None:
    text = f"LONG = 'REDACTED_SECRET_9_'\nOLD = 'RDCT1XX'\ntoken = '{KEY}'\n"
    redacted = redact(text)
    assert redacted.restore("OLD = 'RDCT1XX'") == "OLD = 'RDCT1XX'"
    assert redacted.restore("LONG = 'REDACTED_SECRET_9_'") == "LONG = 'REDACTED_SECRET_9_'"
    assert redacted.restore("LONG = 'REDACTED_SECRET_1_'") is None
    assert redact("x = 'RDCT1XX'").restore("x = 'RDCT1XX'") == "x = 'RDCT1XX'"


def test_a_tag_that_stands_in_the_text_is_not_used() -> None:
    tag = "REDACTED_SECRET_1_".ljust(len(KEY), "X")
    text = f"a = '{tag}'\nb = '{KEY}'\n"
    redacted = redact(text)
    assert "REDACTED_SECRET_2_" in redacted.text
    assert redacted.restore(redacted.text) == text


def test_short_secrets_have_short_tags() -> None:
    redacted = redact("password = 'kX9#mm'\npasswd = 'a1B2c3'\n")
    assert redacted.text == "password = 'RDCT1X'\npasswd = 'RDCT2X'\n"
    assert redacted.restore("passwd = 'RDCT2X'") == "passwd = 'a1B2c3'"


def test_what_is_too_short_for_a_tag_is_hidden_and_not_restored() -> None:
    redacted = redact("u = 'x://u:k9z@h'\n")
    assert redacted.text == "u = 'x://u:RED@h'\n"
    assert redacted.touches(Span(0, 15))


def test_a_secret_of_several_lines_is_hidden_and_not_restored() -> None:
    body = "MIIEpAIBAAKCAQEA1234567890abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL\r\nQ==\r\n"
    text = f'K = """-----BEGIN PRIVATE KEY-----\r\n{body}-----END PRIVATE KEY-----"""\r\nx = 1\r\n'
    redacted = redact(text)
    assert "MIIE" not in redacted.text
    assert "Q==" not in redacted.text
    lines, original = LineIndex(redacted.text), LineIndex(text)
    assert lines._starts == original._starts
    assert redacted.restore(redacted.text) is None
    assert redacted.restore("x = 1") == "x = 1"
    assert redacted.text.startswith('K = """-----BEGIN PRIVATE KEY-----\r\n')


def test_spans_that_touch_a_secret_are_known() -> None:
    redacted = redact(f"token = '{KEY}'\nx = 1\n")
    assert redacted.touches(Span(0, 12))
    assert redacted.touches(Span(10, 11))
    assert not redacted.touches(Span(0, 9))
    assert not redacted.touches(Span(len(KEY) + 10, len(KEY) + 14))


def test_literals_are_always_hidden() -> None:
    redacted = redact("home = '/home/alice/x'; k = 'live-key'", literals=["/home/alice", "live-key", "x"])
    assert "alice" not in redacted.text
    assert "live-key" not in redacted.text
    assert redacted.restore(redacted.text) == "home = '/home/alice/x'; k = 'live-key'"


def test_a_text_full_of_secrets_is_refused() -> None:
    lines = [f"k{n} = 'ghp_{n:02}234567890abcdefghijABCDEFGHIJ01234'\n" for n in range(MAX_SECRETS + 1)]
    with pytest.raises(Refused, match="21 different secrets") as caught:
        redact("".join(lines))
    assert caught.value.reason == "too-many-secrets"
    assert "ghp_" not in str(caught.value)
    assert len(redact("".join(lines[:-1])).hits) == MAX_SECRETS


def test_one_secret_many_times_is_not_many_secrets() -> None:
    assert len(redact(f"use('{KEY}', 'something else that is longer than the key')\n" * 50).hits) == 50


def test_a_key_file_is_refused() -> None:
    text = (
        "-----BEGIN PRIVATE KEY-----\n"
        + "MIIEpAIBAAKCAQEA1234567890abcdef\n" * 60
        + "-----END PRIVATE KEY-----\n"
    )
    with pytest.raises(Refused) as caught:
        redact(text)
    assert caught.value.reason == "mostly-secret"


def test_a_redacted_text_prints_no_secret() -> None:
    assert KEY not in repr(redact(f"token = '{KEY}'"))


def test_environment_secrets() -> None:
    environ = {
        "OPENAI_API_KEY": "sk-0123456789",
        "MY_PASSWORD": "short",
        "SSH_KEY_FILE": "/home/alice/.ssh/id",
        "PATH": "/usr/bin:/bin:/usr/local/bin",
        "github_token": "0123456789abcdef",
    }
    assert environment_secrets(environ) == ("sk-0123456789", "0123456789abcdef")


pieces = st.lists(
    texts
    | st.sampled_from(
        [KEY, OTHER, "password='a1B2c3'", "x://u:k9z@h ", "REDACTED_SECRET_1_X", "RDCT1X", "'"]
    ),
    max_size=8,
).map("\n".join)


@given(pieces)
def test_redacting_keeps_every_place_and_restoring_brings_back_the_text(text: str) -> None:
    redacted = redact(text)
    assert len(redacted.text) == len(text)
    assert LineIndex(redacted.text)._starts == LineIndex(text)._starts
    at = 0
    for hit in redacted.hits:
        assert redacted.text[at : hit.span.start] == text[at : hit.span.start]
        at = hit.span.end
    assert redacted.text[at:] == text[at:]
    restored = redacted.restore(redacted.text)
    assert restored in {text, None} or "x://u:k9z@h" in text
    assert f"{KEY}\n" not in redacted.text + "\n"


@pytest.mark.parametrize(
    ("home", "hidden"),
    [
        ("/home/alice", True),
        ("/Users/bob", True),
        ("C:\\Users\\bob", True),
        ("/root", False),
        ("", False),
        ("/", False),
    ],
)
def test_the_home_folder_is_hidden_if_it_is_one_persons(home: str, hidden: bool) -> None:
    assert home_folder({"HOME": home}) == ((home,) if hidden else ())
    assert home_folder({"USERPROFILE": home}) == ((home,) if hidden else ())


def test_a_long_word_is_restored_in_linear_time() -> None:
    redacted = redact(f"token = '{KEY}'")
    began = time.process_time()
    assert redacted.restore("a" * 1_000_000) == "a" * 1_000_000
    assert time.process_time() - began < 2  # It takes 40 ms; from each character on it took hours.
