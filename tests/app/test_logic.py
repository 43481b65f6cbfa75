from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

import kibitz
from kibitz.app.identities import identity, verifier
from kibitz.app.logic import ASKING, VERIFYING, asking_version, verifying_version
from kibitz.provider.config import OpenAIConfig

PACKAGE = Path(kibitz.__file__).parent
EVERY = sorted({*chain(*ASKING.values()), *VERIFYING})
NAMES_ONLY = {
    "_version",
    "_working_folder",
    "telemetry/security",
    *(f"provider/{name}" for name in ("errors", "models", "tokens", "usage")),
}
"""What is imported where questions are written and answers read, and has no say in them."""
REWRITING = {"findings/dialogue"}
"""Of this, asking for a list knows the names only."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package, as far as it counts."""
    for name in EVERY:
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        shutil.copy(PACKAGE / f"{name}.py", path)
    return tmp_path


def versions(package: Path) -> dict[str, str]:
    found = {mode: asking_version.__wrapped__(mode, package) for mode in ASKING}
    return {**found, "verify": verifying_version.__wrapped__(package)}


def imported(*modules: str) -> set[str]:
    """Which of kibitz's modules these need, themselves included."""
    program = (
        f"import sys, {', '.join(modules)}\nfrom kibitz.text.syntax import parse\nparse('x = 1', 'python')\n"
        "print(*(n for n, m in sys.modules.items() if 'kibitz.' in n and not hasattr(m, '__path__')))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.removeprefix("kibitz.").replace(".", "/") for name in run.stdout.split()}


def test_all_that_asks_and_understands_has_a_say() -> None:
    reading = ("kibitz.provider.landing", "kibitz.provider.questions", "kibitz.provider.shield")
    listing = imported("kibitz.findings.prompt", "kibitz.findings.wire", *reading)
    rewriting = imported("kibitz.findings.forks", "kibitz.findings.repair", *reading)
    assert {*listing, "provider/listing"} - NAMES_ONLY - REWRITING == set(ASKING["list"])
    assert {*rewriting, "provider/rewriting"} - NAMES_ONLY == set(ASKING["rewrite"])


@pytest.mark.parametrize("name", EVERY)
def test_another_way_to_ask_or_understand_is_another_version(name: str, copy: Path) -> None:
    before = versions(copy)
    with (copy / f"{name}.py").open("a") as file:
        file.write("# changed\n")
    after = versions(copy)
    having_a_say = {mode for mode, modules in {**ASKING, "verify": VERIFYING}.items() if name in modules}
    assert {mode for mode in before if before[mode] != after[mode]} == having_a_say


@pytest.mark.parametrize(
    ("name", "old", "new", "changed"),
    [
        ("findings/prompt", "Report defects", "Report the defects", {"list", "verify"}),
        (
            "findings/prompt",
            'quote={"type": "string"}',
            'quote={"type": ["string", "null"]}',
            {"list", "verify"},
        ),
        ("findings/rules", "permission", "right", {"list", "rewrite"}),
        ("findings/verify", "Judge the claims", "Judge all claims", {"verify"}),
        ("findings/rewrite", "You repair source code.", "You mend source code.", {"rewrite"}),
        ("findings/kinds", "def plausible", "def likely", {"rewrite"}),
        ("findings/difference", "def compare", "def differ", {"rewrite"}),
    ],
)
def test_a_change_of_what_is_asked_needs_no_thought(
    name: str, old: str, new: str, changed: set[str], copy: Path
) -> None:
    before, path = versions(copy), copy / f"{name}.py"
    source = path.read_text("utf-8")
    assert old in source
    path.write_text(source.replace(old, new), "utf-8")
    after = versions(copy)
    assert {mode for mode in before if before[mode] != after[mode]} == changed


def test_a_copy_that_is_the_same_has_the_same_version_whatever_its_line_ends(copy: Path) -> None:
    for path in copy.rglob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert versions(copy) == versions(PACKAGE)


def test_without_its_sources_kibitzs_own_version_counts(tmp_path: Path) -> None:
    assert versions(tmp_path) != versions(PACKAGE)
    assert all(versions(tmp_path).values())


def test_an_identity_carries_the_version() -> None:
    config = OpenAIConfig(base_url="http://127.0.0.1:1/v1", verify="on")
    assert identity(config).logic_version == asking_version("list")
    rewriting = config.model_copy(update={"review": "rewrite"})
    assert identity(rewriting).logic_version == asking_version("rewrite")
    assert verifying_version() in verifier(config)
