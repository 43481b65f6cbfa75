from __future__ import annotations

import subprocess
import sys

import pytest

import kibitz


@pytest.mark.parametrize("name", [n for n in kibitz.__all__ if n != "__version__"])
def test_every_public_name_can_be_had(name: str) -> None:
    assert getattr(kibitz, name).__name__ == name


def test_public_names_and_their_homes_agree() -> None:
    assert set(kibitz._HOMES) | {"__version__"} == set(kibitz.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        kibitz.Nothing  # noqa: B018 - the access is the test


def test_importing_kibitz_imports_nothing_heavy() -> None:
    """An editor waits for `initialize`; what it does not need must not be paid for before it."""
    code = (
        "import sys, kibitz; print(sorted({'openai', 'pydantic', 'pygls', 'structlog'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
