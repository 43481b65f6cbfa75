from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from kibitz.findings import rule_pages
from kibitz.findings.rule_pages import PAGES


def test_the_pages_are_those_of_the_catalogue() -> None:
    there = {path.stem: path.read_text("utf-8") for path in rule_pages.FOLDER.glob("*.md")}
    assert there == {code: rule_pages.markdown(rule) for code, rule in PAGES.items()}


def test_the_list_is_that_of_the_catalogue() -> None:
    listed = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
    assert listed == rule_pages.listing(), "run: python -m kibitz.findings.rule_pages > docs/rules.md"
    assert [code for code in PAGES if f"/{code}.md)" not in listed] == []


def test_each_rule_has_an_address_that_leads_to_its_page() -> None:
    for code, rule in PAGES.items():
        address = rule_pages.address(code)
        assert address is not None
        page = Path(unquote(urlsplit(address).path)).read_text("utf-8")
        assert rule.definition in page
        assert rule.example in page
    assert rule_pages.address("project/../../etc/passwd") is None


def test_writing_removes_what_is_no_rule_any_more(tmp_path: Path) -> None:
    (tmp_path / "gone.md").write_text("old")
    rule_pages.write(tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == set(PAGES)
