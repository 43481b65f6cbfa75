"""What CI installs is pinned with hashes, all of it, and names no place to fetch it from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements" / "ci.txt").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pinned() -> dict[str, set[Version]]:
    """Each package of the lock file with its versions: some have others for other Pythons."""
    found: dict[str, set[Version]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", LOCK, re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(Version(version))
    return found


def wanted() -> list[Requirement]:
    """All that the project asks for by itself."""
    project = PROJECT["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    groups += [PROJECT["dependency-groups"][name] for name in ("dev", "supply", "docs")]
    return [Requirement(each) for group in groups for each in group]


def test_all_that_is_asked_for_is_pinned_to_a_version_that_will_do() -> None:
    versions = pinned()
    for requirement in wanted():
        of = versions.get(canonicalize_name(requirement.name), set())
        assert of, f"{requirement.name} is not in the lock file: make lock"
        assert all(requirement.specifier.contains(version, prereleases=True) for version in of), requirement


def test_every_pin_has_hashes() -> None:
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    assert len(blocks) > 50
    for block in blocks:
        assert re.match(r"[A-Za-z0-9._-]+==\S+", block), block.splitlines()[0]
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}", block), block.splitlines()[0]


def test_it_names_no_place_and_no_option() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^-", LOCK, re.MULTILINE)


def test_the_threat_model_names_tests_that_are_there() -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", (ROOT / "docs" / "threat-model.md").read_text())
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []
