"""`kibitz check` over files that are all known, beside `sha256sum` over the same files, in one run.

    python -m benchmarks.cached_check [--files 10000] [--runs 9] [--folder FOLDER] [--json FILE]

The cache is filled by the real reviewer with a client that answers at once. Then both programs are run in
turn, so that whatever else the machine does meets both. Wall is the whole process; memory its largest
resident set.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT = 3.0
FILL = str(Path(__file__).with_name("fill_cache.py"))
KIBITZ = str(Path(sys.executable).with_name("kibitz"))


def run(command: Sequence[str], cwd: Path) -> tuple[float, float, int, str]:
    """Seconds by the clock, seconds of CPU, the largest resident set in MB, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    out = process.stdout.read()
    _, _, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    process.returncode = 0
    return wall, cpu, usage.ru_maxrss // 1024, out


def measure(folder: Path, runs: int, label: str) -> dict[str, Any]:
    """Print one line; the times, and the ratio of their medians."""
    check = [KIBITZ, "check", "."]
    sums = ["sh", "-c", "find . -type f -print0 | xargs -0 sha256sum"]
    for command in (check, check, sums):
        *_, out = run(command, folder)
        last = out.splitlines()[-2:]
    times: dict[str, list[tuple[float, float]]] = {"check": [], "sums": []}
    memory = 0
    for _ in range(runs):
        wall, cpu, _, _ = run(sums, folder)
        times["sums"].append((wall, cpu))
        wall, cpu, memory, out = run(check, folder)
        times["check"].append((wall, cpu))
        last = out.splitlines()[-2:]
    walls = {name: sorted(wall for wall, _ in each) for name, each in times.items()}
    medians = {name: statistics.median(each) for name, each in walls.items()}
    cpus = {name: statistics.median(cpu for _, cpu in each) for name, each in times.items()}
    ratio = medians["check"] / medians["sums"]
    print(f"{label}: {' | '.join(last)}")
    for name, each in walls.items():
        spread = f"({each[0]:.3f} to {each[-1]:.3f})"
        print(f"  {name:<6} {medians[name]:.3f} s wall {spread}, {cpus[name]:.3f} s CPU")
    print(f"  ratio  {ratio:.2f} wall, {cpus['check'] / cpus['sums']:.2f} CPU; check takes {memory} MB")
    times_of = {name: {"wall": each, "cpu": cpus[name]} for name, each in walls.items()}
    return {"ratio": ratio, "memory_mb": memory, "seconds": times_of}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--folder", type=Path, help="where to work; what is there already is used again")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    base = options.folder or Path(tempfile.mkdtemp(prefix="kibitz-cached-check-"))
    for name in [name for name in os.environ if name.startswith(("KIBITZ_", "OPENAI_"))]:
        del os.environ[name]
    os.environ.update(OPENAI_API_KEY="sk-benchmark-0123456789", XDG_CONFIG_HOME=str(base / "config"))
    results: dict[str, dict[str, Any]] = {}
    try:
        for label, count, functions, bugs in (
            ("100 small files", 100, 6, 0.0),
            (f"{options.files} small files", options.files, 6, 0.0),
            (f"{options.files} larger files", options.files, 40, 0.0),
            (f"{options.files} small files, 2 % with a finding", options.files, 6, 0.02),
        ):
            folder = base / label.replace(" ", "-").replace("%", "").replace(",", "")
            os.environ["KIBITZ_STATE_DIR"] = str(folder.with_suffix(".state"))
            if not folder.exists():
                filling = [sys.executable, FILL, folder, str(count), str(functions), str(bugs)]
                subprocess.run(filling, check=True)
            results[label] = measure(folder, options.runs, label)
    finally:
        if options.folder is None:
            shutil.rmtree(base)
    worst: float = max(each["ratio"] for each in list(results.values())[1:3])
    print(f"worst ratio where all is clean: {worst:.2f} (limit {LIMIT})")
    if options.json:
        options.json.write_text(json.dumps({"limit": LIMIT, "cases": results}, indent=2) + "\n")
    return worst > LIMIT


if __name__ == "__main__":
    sys.exit(main())
