"""Recall and false alarms of the search for secrets, on sets whose figures are in docs/privacy.md."""

from __future__ import annotations

import sysconfig
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.secret_formats import FORMATS, FRAMES, NAMED, NEGATIVES, labelled, made, named

from kibitz.guard.redact import Refused, redact
from kibitz.guard.secrets import MAX_SECONDS, find_secrets

pytestmark = pytest.mark.deep
SEEDS = range(3)
UNKNOWN = {"discord", "mailchimp", "maxmind"}
"""Forms without a beginning to look for; with a name beside them they are found all the same."""
SLACK_S = 0.25
"""Beyond the budget: what is not divided into steps, on a machine that does other things, too."""


def hidden(text: str, secret: str) -> bool:
    at = text.index(secret)
    return any(found.span.start <= at and at + len(secret) <= found.span.end for found in find_secrets(text))


def test_forms_of_many_providers_are_hidden_whole() -> None:
    missed = Counter(
        provider for seed in SEEDS for provider, text, secret in labelled(seed) if not hidden(text, secret)
    )
    assert set(missed) <= UNKNOWN
    assert len(FORMATS) - len(missed) >= 60


@pytest.mark.parametrize("provider", FORMATS)
def test_a_name_beside_it_gives_any_form_away(provider: str) -> None:
    for form in FORMATS[provider]:
        token = made(form)
        text = f'service_token = "{token}"\n'
        assert hidden(text, token.rpartition("Q~")[2] if provider == "azure" else token[-20:])


def test_what_stands_around_gives_credentials_away() -> None:
    missed = [text for seed in SEEDS for text, secret in named(seed) if not hidden(text, secret)]
    assert all(text.startswith("<add key=") for text in missed)
    assert len(NAMED) >= 30


@pytest.mark.parametrize("form", NEGATIVES)
def test_what_only_looks_so_is_left_alone(form: str) -> None:
    for seed in range(10):
        assert find_secrets(made(form, seed)) == ()


def test_there_is_none_in_the_standard_library() -> None:
    root = Path(sysconfig.get_path("stdlib"))
    left_out = {"test", "tests", "idle_test", "site-packages"}  # Tests hold keys that are meant to be found.
    looked = 0
    for path in sorted(root.rglob("*.py")):
        if left_out & set(path.parts):
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        looked += 1
        found = find_secrets(text, clock=lambda: 0.0)
        assert not found, f"{path}: {[each.span.of(text) for each in found]}"
    assert looked > 500


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(FORMATS)), st.sampled_from(FRAMES), st.integers(0, 10_000), st.text(max_size=30)
)
def test_no_planted_credential_is_sent(provider: str, frame: str, seed: int, around: str) -> None:
    if provider in UNKNOWN:
        return
    for form in FORMATS[provider]:
        token = made(form, seed)
        try:
            sent = redact(f"{around}\n{frame.replace('{}', token)}\n{around}").text
        except Refused:
            continue
        assert token not in sent


PIECES = st.sampled_from(
    [
        *(
            "key=",
            "token",
            "secret" + "a" * 39,
            "sk-",
            "eyJ",
            "://",
            ":",
            "pat.",
            "SK0",
            "re_",
            "sha256~",
            "'",
            '"',
        ),
        *(
            "-----BEGIN PRIVATE KEY-----",
            "=",
            " ",
            "\n",
            "a",
            "1",
            "[",
            "access_token$production$",
            "REDACTED_SECRET_",
        ),
    ]
)


@settings(max_examples=25, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=8).map("".join), st.sampled_from([20_000, 200_000, 500_000]))
def test_no_text_takes_much_longer_than_the_budget(piece: str, size: int) -> None:
    text = piece * (size // len(piece))
    began = time.thread_time()
    try:
        redact(text)
    except Refused as refused:
        assert refused.reason in {"too-costly", "too-many-secrets", "mostly-secret"}  # noqa: PT017 - or sent
    assert time.thread_time() - began < MAX_SECONDS + SLACK_S


def test_a_text_that_takes_too_long_is_not_sent() -> None:
    ticks = iter(range(10_000))
    with pytest.raises(Refused) as caught:
        redact("token = 1\n" * 100, clock=lambda: next(ticks) / 1000)
    assert caught.value.reason == "too-costly"
    assert "so it is not sent" in str(caught.value)
