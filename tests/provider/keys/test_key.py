from __future__ import annotations

import copy
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.config import fingerprint
from kibitz.provider.keys.key import Key
from kibitz.telemetry.masking import MASK, mask

SECRET = "zz-canary-0123456789abcdef"  # No shape that is masked by itself.
PLACE = "file /x/key"


def test_it_shows_its_fingerprint_and_place_only() -> None:
    key = Key(SECRET, PLACE)
    assert key.secret() == SECRET
    assert key.id == fingerprint(SECRET)
    assert (repr(key), str(key), f"{key}") == (f"Key({key.id}, {PLACE})",) * 3


def test_from_then_on_it_is_masked() -> None:
    Key(SECRET, PLACE)
    assert mask(f"the server says {SECRET}!") == f"the server says {MASK}!"


@pytest.mark.parametrize("copying", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_is_not_copied(copying: object) -> None:
    assert callable(copying)
    for thing in (Key(SECRET, PLACE), [Key(SECRET, PLACE)]):
        if copying is copy.copy and isinstance(thing, list):
            continue
        with pytest.raises(TypeError, match="neither pickled nor copied"):
            copying(thing)


def test_it_is_equal_to_the_same_key_from_elsewhere() -> None:
    assert Key(SECRET, PLACE) == Key(SECRET, "elsewhere")
    assert len({Key(SECRET, PLACE), Key(SECRET, "elsewhere")}) == 1
    assert Key(SECRET, PLACE) != Key(SECRET[:-1] + "0", PLACE)
    assert Key(SECRET, PLACE) != SECRET


def test_a_traceback_with_local_variables_does_not_have_it() -> None:
    def use(key: Key) -> None:
        raise RuntimeError(f"{key}")

    try:
        use(Key(SECRET, PLACE))
    except RuntimeError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "Key(" in shown
    # The source line above names the variable; its value does not appear.
    assert SECRET not in shown


@given(st.text(max_size=600))
def test_what_cannot_be_sent_is_no_key_and_is_not_shown(text: str) -> None:
    good = 8 <= len(text) <= 512 and all("!" <= letter <= "~" for letter in text)
    if good:
        assert Key(text, PLACE).secret() == text
        return
    with pytest.raises(ValueError, match="a key is 8 to 512") as error:
        Key(text, PLACE)
    assert len(text) < 8 or text not in str(error.value)
