from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kibitz.config.checks import check_ports
from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.document import table
from kibitz.telemetry.otel import otel_name

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")


def test_the_pages_table_is_current() -> None:
    assert f"\n{table()}\n" in PAGE, (
        "run: python -m kibitz.telemetry.document, and put it into docs/monitoring.md"
    )


def test_the_page_names_what_there_is() -> None:
    names = {each.described.name for each in Metrics()}
    assert set(re.findall(r"`(kibitz_[a-z_]+)`", PAGE)) == names
    assert set(re.findall(r"`(kibitz\.[a-z_]+)`", PAGE)) - {"kibitz.metrics", "kibitz.rule"} <= set(
        map(otel_name, names)
    )
    assert json.loads((ROOT / "dashboards" / "kibitz.json").read_text(encoding="utf-8"))["title"] == "kibitz"


@pytest.mark.parametrize("ports", ["any", "1024", "65535", "9464-9473", "9464-9464"])
def test_ports_that_can_be_said(ports: str) -> None:
    assert check_ports(ports) == ports


@pytest.mark.parametrize(
    "ports",
    ["", "off", "0", "80", "1023", "65536", "99999", "9473-9464", "9464-", "-9464", "1-2", "९४६४", "9464\n"],
)
def test_ports_that_make_no_sense(ports: str) -> None:
    with pytest.raises(ValueError, match="9464-9473"):
        check_ports(ports)
