from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.cache.key import EntryKey, Identity

IDENTITY = Identity(
    endpoint="https://api.openai.com/v1",
    model="gpt-6-luna",
    mode="list",
    prompt_version="p",
    schema_version="s",
    rules_version="r",
    parameters=(("temperature", None), ("reasoning_effort", "low")),
)
KEY = EntryKey(IDENTITY, "python", "def f(): ...", "import os")


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, language="ruby"),
        replace(KEY, text="def g(): ..."),
        replace(KEY, context="import io"),
        replace(KEY, eol="\r\n"),
        replace(KEY, guidance="0a1b"),
        replace(KEY, text="", context="def f(): ...import os"),
        *(
            replace(KEY, identity=identity)
            for identity in (
                replace(IDENTITY, endpoint="other"),
                replace(IDENTITY, model="other"),
                replace(IDENTITY, mode="other"),
                replace(IDENTITY, prompt_version="other"),
                replace(IDENTITY, schema_version="other"),
                replace(IDENTITY, rules_version="other"),
                replace(IDENTITY, verifier="other"),
                replace(IDENTITY, logic_version="other"),
            )
        ),
        replace(KEY, identity=replace(IDENTITY, parameters=())),
    ],
    ids=str,
)
def test_every_input_of_an_answer_changes_its_key(other: EntryKey) -> None:
    assert other.digest() != KEY.digest()


def test_the_key_is_stable_and_parameters_have_no_order() -> None:
    again = replace(KEY, identity=replace(IDENTITY, parameters=IDENTITY.parameters[::-1]))
    assert again.digest() == KEY.digest()
    assert len(KEY.digest()) == 64


def test_the_key_has_no_place_for_path_or_position() -> None:
    assert {field for cls in (EntryKey, Identity) for field in cls.__slots__} == {
        *("identity", "language", "text", "context", "eol", "guidance"),
        *("endpoint", "model", "mode", "prompt_version", "schema_version", "rules_version", "parameters"),
        *("verifier", "logic_version"),
    }


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_has_a_key_and_different_texts_have_different_ones(one: str, two: str) -> None:
    digests = {EntryKey(IDENTITY, "c", one, two).digest(), EntryKey(IDENTITY, "c", two, one).digest()}
    assert len(digests) == (1 if one == two else 2)
    assert EntryKey(IDENTITY, "c", one + "\ud800", two).digest() not in digests
