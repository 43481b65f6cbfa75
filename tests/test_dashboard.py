from __future__ import annotations

import re

import pytest
from tests.support.dashboard import dashboard, panels, queries

from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.metrics import Histogram

SUFFIXES = ("", "_bucket", "_count", "_sum")


def test_it_is_a_dashboard_as_grafana_wants_it() -> None:
    parsed = dashboard()
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= parsed.keys()
    assert parsed["schemaVersion"] >= 36
    assert "id" not in parsed  # it is Grafana's to give
    ids = [panel["id"] for panel in parsed["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in parsed["panels"]:
        assert panel.keys() >= {"id", "type", "title", "gridPos"}
        assert panel["type"] in {"row", "stat", "timeseries", "barchart"}
        place = panel["gridPos"]
        assert place.keys() == {"h", "w", "x", "y"}
        assert place["x"] + place["w"] <= 24


def test_no_panel_covers_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + column, place["y"] + row)
            for column in range(place["w"])
            for row in range(place["h"])
        }
        assert not taken & cells, panel["title"]
        taken |= cells


def test_every_panel_asks_the_source_that_the_reader_chose() -> None:
    variables = {variable["name"]: variable for variable in dashboard()["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    source = {"type": "prometheus", "uid": "${datasource}"}
    assert variables["instance"]["datasource"] == source
    for panel in panels():
        assert panel["description"].endswith(".")
        assert panel["datasource"] == source
        assert [target["refId"] for target in panel["targets"]] == list("ABC")[: len(panel["targets"])]
        for target in panel["targets"]:
            assert target["datasource"] == source
            assert 'instance=~"$instance"' in target["expr"]
            used = set(re.findall(r"\$\{?(\w+)", target["expr"]))
            assert used <= {"instance", "__rate_interval", "__range"}


LABELS = {
    each.described.name + suffix: {
        *each.described.labels,
        "instance",
        *({"le"} if suffix == "_bucket" else ()),
    }
    for each in Metrics()
    for suffix in (SUFFIXES[1:] if isinstance(each, Histogram) else SUFFIXES[:1])
}


@pytest.mark.parametrize(("title", "expression"), list(queries()))
def test_it_asks_for_nothing_that_is_not_measured(title: str, expression: str) -> None:
    del title
    names = re.findall(r"kibitz_\w+", expression)
    assert names
    allowed = set.intersection(*(LABELS[name] for name in names))
    used = [label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")]
    used += [
        label
        for inside in re.findall(r"\{([^}]*)\}", expression)
        for label in re.findall(r"(\w+)[=!]", inside)
    ]
    assert set(used) <= allowed


def test_all_that_is_measured_is_somewhere() -> None:
    asked = " ".join(expression for _, expression in queries())
    measured = {each.described.name for each in Metrics()}
    # Each has a relative that says more.
    missing = {name for name in measured if name not in asked}
    assert missing == {"kibitz_unpriced_requests_total", "kibitz_saved_tokens_total"}
