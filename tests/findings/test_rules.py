import re

import pytest

from kibitz.findings.rules import RULES, RULES_VERSION, Rule, catalogue

FAMILIES = {
    "logic",
    "boundary",
    "null",
    "resource",
    "concurrency",
    "error-handling",
    "security",
    "api-misuse",
    "data-loss",
    "performance",
}


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.code)
def test_a_rule_is_complete(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.code)
    assert rule.family in FAMILIES
    assert rule.name
    assert not rule.name.endswith(".")
    for line in (rule.name, rule.definition, rule.example):
        assert line
        assert "\n" not in line
        assert line == line.strip()


def test_the_catalogue_is_closed_and_covers_every_family() -> None:
    assert 20 <= len(RULES) <= 30
    assert {rule.family for rule in RULES.values()} == FAMILIES
    assert all(code == rule.code for code, rule in RULES.items())
    with pytest.raises(TypeError):
        RULES["new"] = RULES["off-by-one"]  # type: ignore[index]  # that it cannot is the point


def test_the_catalogue_for_models_names_every_code_and_is_short() -> None:
    assert [line.partition(":")[0] for line in catalogue().splitlines()] == list(RULES)
    assert len(catalogue()) < 1600


def test_the_version_is_a_stable_short_hash() -> None:
    assert re.fullmatch(r"[0-9a-f]{12}", RULES_VERSION)
