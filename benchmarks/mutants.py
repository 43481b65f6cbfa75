"""Mutation testing of what holds secrets and places: which changes of the code no test notices.

    python -m benchmarks.mutants [--only redact|secrets|sanitize|keys|anchor] [--folder FOLDER]

mutmut changes one thing at a time and runs the tests that touch it. It works on a copy of the package and
the tests in FOLDER, and continues there when it is started again, since all of it takes an hour on one core.
The last lines name the mutants that survived; docs/mutants.md explains them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = {
    "redact": (
        ["kibitz/guard/redact.py"],
        ["tests/guard/test_redact.py", "tests/guard/test_redact_edges.py"],
    ),
    "secrets": (["kibitz/guard/secrets.py"], ["tests/guard/test_secrets.py"]),
    "sanitize": (["kibitz/guard/sanitize.py"], ["tests/guard/test_sanitize.py"]),
    "keys": (["kibitz/provider/keys/*.py"], ["tests/provider/keys"]),
    "anchor": (["kibitz/findings/anchor.py"], ["tests/findings/test_anchor.py"]),
}
"""What is mutated, and the fast tests of it."""
_CONFIG = """
[tool.mutmut]
source_paths = ["kibitz"]
only_mutate = {mutated}
also_copy = ["tests", "pyproject.toml"]
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:randomly", "-q", "-x", "-n0", "--timeout=60"]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", choices=sorted(PARTS))
    parser.add_argument("--folder", type=Path, default=ROOT / ".mutants")
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    survivors: dict[str, list[str]] = {}
    for name in [args.only] if args.only else PARTS:
        folder = args.folder / name
        prepare(folder, *PARTS[name])
        run(folder, args.jobs)
        survivors[name] = report(name, folder)
    for name, left in survivors.items():
        for mutant in left:
            print(f"survived: {name}: {mutant}")


def prepare(folder: Path, mutated: list[str], tests: list[str]) -> None:
    """A copy in which the package stands at the top, as mutmut wants it."""
    folder.mkdir(parents=True, exist_ok=True)
    for source, name in ((ROOT / "server" / "kibitz", "kibitz"), (ROOT / "tests", "tests")):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    there = [test for test in tests if (ROOT / test).exists()]
    config = _CONFIG.format(mutated=mutated, tests=there).replace("'", '"')
    settings = (ROOT / "pyproject.toml").read_text("utf-8").replace('"--strict-config", ', "") + config
    tomllib.loads(settings)
    (folder / "pyproject.toml").write_text(settings, "utf-8")


def run(folder: Path, jobs: int) -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (".", os.environ.get("PYTHONPATH"))))}
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(jobs)]
    subprocess.run(command, cwd=folder, env=environ, check=False)


def report(name: str, folder: Path) -> list[str]:
    """Say how many of each outcome there were; the names of those that survived."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (".", os.environ.get("PYTHONPATH"))))}
    command = [sys.executable, "-m", "mutmut", "results", "--all", "true"]
    said = subprocess.run(command, cwd=folder, env=environ, check=False, capture_output=True, text=True)
    outcomes = dict(line.strip().rsplit(": ", 1) for line in said.stdout.splitlines() if ": " in line)
    counts = Counter(outcomes.values())
    print(f"{name}: {len(outcomes)} mutants: " + ", ".join(f"{n} {what}" for what, n in counts.items()))
    # One that makes the tests run for ever was noticed, too.
    return [mutant for mutant, outcome in outcomes.items() if outcome not in {"killed", "timeout"}]


if __name__ == "__main__":
    main()
