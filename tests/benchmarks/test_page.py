"""The page of benchmarks says what was measured, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from benchmarks.page import BENCHMARKS, IMAGES, PAGE, RESULTS, page, rounded, sections, where
from benchmarks.plots import bars, powers
from benchmarks.sections import SECTIONS
from hypothesis import given, settings
from hypothesis import strategies as st

KEPT: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
PLOTS = {name: drawn for each in sections(KEPT).values() for name, drawn in each.plots.items()}
NAMES = st.dictionaries(st.text(st.characters(categories=("L", "N")), min_size=1), st.floats(1e-4, 1e6))
SVG = "{http://www.w3.org/2000/svg}"


def test_the_page_is_made_from_the_results() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(KEPT)


def test_all_benchmarks_are_on_it() -> None:
    assert set(KEPT) == set(BENCHMARKS) == set(SECTIONS)
    assert all(each["results"] for each in KEPT.values())


def test_the_plots_are_there_and_no_others() -> None:
    assert {path.name for path in IMAGES.glob("bench-*.svg")} == set(PLOTS)
    linked = re.findall(r"\]\(images/(bench-\S+)\)", PAGE.read_text(encoding="utf-8"))
    assert sorted(linked) == sorted(PLOTS)


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_small_and_has_both_themes_and_no_scripts(name: str) -> None:
    text = (IMAGES / name).read_text(encoding="utf-8")
    assert len(text) < 10_000
    assert "prefers-color-scheme: dark" in text
    tags = {each.tag.removeprefix(SVG) for each in ET.fromstring(text).iter()}  # noqa: S314 - our own
    assert {"script", "foreignObject", "image"} & tags == set()
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_a_missed_limit_is_said() -> None:
    changed = json.loads(json.dumps(KEPT))
    for each in changed.values():
        each["exit"] = 0
    assert "**no**" not in where(changed)
    changed["peers"]["exit"] = 1
    assert where(changed).count("**no**") == 1
    changed["session"]["exit"] = -9
    assert where(changed).count("**it failed**") == 1


def test_it_is_said_whether_ai_lsp_was_measured_in_the_same_run() -> None:
    changed = json.loads(json.dumps(KEPT))
    results = changed["economy"]["results"]
    for now, said in ((True, {"in this run"}), (False, {"not in this run", "ai-lsp, measured before"})):
        results["beside"]["in this run"] = now
        told = " ".join(page(changed).split())
        assert all(each in told for each in said)
        assert ("measured before" in told) is not now
    results["beside"] = None
    for part in ("openings", "sessions", "limits"):
        results[part] = {name: each for name, each in results[part].items() if "ai-lsp" not in name}
    assert not any("ai-lsp" in part for part in sections(changed)["economy"].parts)


def test_a_benchmark_that_wrote_nothing_has_no_section() -> None:
    assert set(sections({**KEPT, "peers": {**KEPT["peers"], "results": None}})) == set(KEPT) - {"peers"}


@settings(deadline=None, max_examples=25)
@given(NAMES.filter(bool))
def test_bars_say_each_name_and_value(values: dict[str, float]) -> None:
    drawn = ET.fromstring(bars("key", "title", "ms", values))  # noqa: S314 - our own
    told = drawn.findtext(f"{SVG}desc") or ""
    assert all(f"{name}: " in told for name in values)
    assert len(drawn.findall(f".//{SVG}rect[@class='rect reactive tooltip-trigger']")) <= len(values)


@settings(deadline=None, max_examples=25)
@given(st.dictionaries(st.integers(1, 10**6), st.floats(1e-4, 1e5), min_size=2, max_size=9))
def test_powers_are_drawn_whatever_they_are(values: dict[int, float]) -> None:
    values = dict(sorted(values.items()))
    drawn = ET.fromstring(powers("key", "title", "ms", values, {}))  # noqa: S314 - our own
    assert len(drawn.findall(f".//{SVG}circle")) == len(values)


def test_numbers_are_kept_short() -> None:
    assert rounded({"a": [1.23456789, 3], "b": {"c": 0.000123456789}, "d": "1.23456789"}) == {
        "a": [1.2346, 3],
        "b": {"c": 0.00012346},
        "d": "1.23456789",
    }
