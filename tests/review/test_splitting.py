from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import kibitz
from kibitz.review.splitting import MODULES, splitting_version

PACKAGE = Path(kibitz.__file__).parent
ANSWERS_OWN = {"cache", "findings", "provider/models", "provider/usage", "_version", "_working_folder"}
"""What splitting imports, and each unit's own key goes by already; or that only names things."""


def test_all_that_splits_has_a_say() -> None:
    program = (
        "import sys, kibitz.review.entries\nfrom kibitz.text.syntax import parse\nparse('x = 1', 'python')\n"
        "print(*(n for n, m in sys.modules.items() if 'kibitz.' in n and not hasattr(m, '__path__')))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    names = {name.removeprefix("kibitz.").replace(".", "/") for name in run.stdout.split()}
    others = {name for name in names if name not in ANSWERS_OWN and name.split("/")[0] not in ANSWERS_OWN}
    assert others | {"findings/code_lines"} == set(MODULES)
    assert names >= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_another_way_to_split_is_another_version(name: str, tmp_path: Path) -> None:
    for each in MODULES:
        path = tmp_path / f"{each}.py"
        path.parent.mkdir(exist_ok=True)
        shutil.copy(PACKAGE / f"{each}.py", path)
    before = splitting_version.__wrapped__(tmp_path)
    assert before == splitting_version()
    with (tmp_path / f"{name}.py").open("a") as file:
        file.write("# changed\n")
    assert splitting_version.__wrapped__(tmp_path) != before


def test_without_its_sources_kibitzs_own_version_counts(tmp_path: Path) -> None:
    assert splitting_version.__wrapped__(tmp_path) != splitting_version()
