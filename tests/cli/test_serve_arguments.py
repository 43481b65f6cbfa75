from __future__ import annotations

import pytest

from kibitz.cli.serve_arguments import parse


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ([], {}),
        (["--stdio"], {}),
        (
            ["--model", "m", "--stdio", "--base-url=http://localhost/v1"],
            {"model": "m", "base_url": "http://localhost/v1"},
        ),
        (["--max-findings=3"], {"max_findings": "3"}),
        (["--help"], None),
        (["file.py"], None),
        (["--model"], None),
        (["--model", "--stdio"], None),
        (["-h"], None),
        (["--"], None),
    ],
)
def test_settings_are_read_without_click(arguments: list[str], settings: dict[str, str] | None) -> None:
    assert parse(arguments) == settings
