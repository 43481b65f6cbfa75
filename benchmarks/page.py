"""Runs the benchmarks one after the other, and writes docs/benchmarks.md of what they measured.

    python -m benchmarks.page [--only NAME] [--quick] [--from-results]

Each writes its figures as JSON; all of them are kept in benchmarks/results.json, of which the page and its
plots are made. ``--only`` (as often as needed) runs some of them anew and keeps what is known of the others,
with the machine and the time of theirs; ``--quick`` measures less; ``--from-results`` runs nothing. The exit
code is 1 if a benchmark failed or has missed one of its limits; the page says so, too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measures import markdown
from benchmarks.sections import SECTIONS, Section

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results.json"
PAGE = ROOT / "docs/benchmarks.md"
IMAGES = ROOT / "docs/images"
BENCHMARKS = {
    "start": ["--runs", "11"],
    "peers": ["--folder", "build/peers", "--starts", "11", "--rounds", "5"],
    "session": ["--edits", "5"],
    "economy": ["--edits", "8"],
    "engine": ["--requests", "1000"],
    "growth": ["--rounds", "5"],
    "redaction": [],
    "metrics": ["--events", "20000"],
}
"""What is run, and how; those of SECTIONS."""
QUICK = {
    "start": ["--runs", "5"],
    "peers": ["--folder", "build/peers", "--starts", "5", "--rounds", "2"],
    "session": ["--edits", "3"],
    "economy": ["--edits", "8"],
    "engine": ["--requests", "512"],
    "growth": ["--rounds", "2"],
    "redaction": [],
    "metrics": ["--events", "5000"],
}
"""The same in a third of the time, and less sure."""
_SECONDS = 1200
"""A benchmark that takes longer hangs."""


def run(name: str, arguments: list[str]) -> Json:
    """One of them, in a process of its own; what it prints is seen."""
    command = ["-m", f"benchmarks.{name}", *arguments]
    print(f"\n== python {' '.join(command)}", flush=True)
    began, load = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out.json")
        code = subprocess.run(
            [sys.executable, *command, "--json", out], cwd=ROOT, check=False, timeout=_SECONDS
        ).returncode
        results = json.loads(out.read_text(encoding="utf-8")) if out.exists() else None
    return {
        "command": f"python {' '.join(command)}",
        "exit": code,
        "seconds": round(time.monotonic() - began),
        "load": round(load, 1),
        "machine": machine(),
        "results": rounded(results),
    }


def machine() -> Json:
    """Where and when it is measured."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "Python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()}",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "nice": os.nice(0),
    }


def rounded(value: Any) -> Any:
    """Five digits of each number; more are noise."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, list):
        return [rounded(each) for each in value]
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return value


def sections(kept: Json) -> dict[str, Section]:
    """Of all that were run, and wrote something."""
    return {
        name: make(kept[name]["results"])
        for name, make in SECTIONS.items()
        if kept.get(name, {}).get("results") is not None
    }


HEAD = """# Benchmarks

How fast kibitz starts and answers beside other language servers, what it takes, and how that grows. Every
figure and plot below is made from `benchmarks/results.json`, which the runs wrote; none is typed by hand. To
run all of them again:

```sh
make bench
```

That measures everything anew, fetches the other servers into `build/peers`,
and writes this page. `python -m benchmarks.page --only peers` measures one part anew, and each part is a
program of its own. Compare ratios, which were measured in turn within one run, rather than milliseconds:
those are of one machine on one day."""


def page(kept: Json) -> str:
    """The whole page. Pure."""
    parts = [HEAD, "## Where", where(kept)]
    for name, section in sections(kept).items():
        parts += [f"## {section.title}", f"`{kept[name]['command']}`", *section.parts]
    return "\n\n".join(parts) + "\n"


def where(kept: Json) -> str:
    """The machines, and how it went."""
    rows = []
    for name in SECTIONS:
        if name not in kept:
            continue
        each = kept[name]
        verdict = {0: "yes", 1: "**no**"}.get(each["exit"], "**it failed**")
        rows.append(
            [f"`{name}`", each["machine"]["date"], f"{each['load']:.1f}", str(each["seconds"]), verdict]
        )
    machines = {
        f"{of['processor']}, {of['cores']} cores, Python {of['Python']}, {of['kernel']}"
        + (f", at nice {of['nice']}" if of["nice"] else "")
        for of in (each["machine"] for each in kept.values())
    }
    head = ["", "date", "load at its start", "seconds", "no limit missed"]
    cores = max(each["machine"]["cores"] for each in kept.values())
    told = textwrap.fill(
        f"{'; '.join(sorted(machines))}. The load is how many processes wanted to run in the minute before. "
        f"Where that is more than {cores}, others were in the way, and what is waited for (not CPU) takes "
        "longer than it had to.",
        118,
        break_on_hyphens=False,
    )
    return f"{told}\n\n{markdown(head, rows)}"


def write(kept: Json) -> None:
    """The page and its plots, in place of those there are."""
    PAGE.write_text(page(kept), encoding="utf-8")
    plots = {name: drawn for section in sections(kept).values() for name, drawn in section.plots.items()}
    for old in IMAGES.glob("bench-*.svg"):
        if old.name not in plots:
            old.unlink()
    for name, drawn in plots.items():
        (IMAGES / name).write_text(drawn, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", action="append", default=[], choices=BENCHMARKS)
    parser.add_argument("--from-results", action="store_true")
    parser.add_argument("--quick", action="store_true", help="fewer runs of each")
    given = parser.parse_args()
    kept: Json = {}
    if (given.only or given.from_results) and RESULTS.exists():
        kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    if not given.from_results:
        for name in given.only or BENCHMARKS:
            kept[name] = run(name, (QUICK if given.quick else BENCHMARKS)[name])
            # What was measured is kept even if a later one is interrupted.
            RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    write(kept)
    failed = [name for name, each in kept.items() if each["exit"]]
    print(f"\n{PAGE.relative_to(ROOT)}: {f'not all is well with {failed}' if failed else 'all limits kept'}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
