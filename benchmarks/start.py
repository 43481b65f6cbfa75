"""From process start to the answer of `initialize`: kibitz beside a pygls server without any feature.

    python -m benchmarks.start [--runs 20] [--json FILE]

The two are started in turn, so that whatever else the machine does meets both. CPU is user and system time of
the process until the answer is there; wall is what the editor waits.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measures import Spread

LIMIT = 1.3
BARE = """
from pygls.lsp.server import LanguageServer
LanguageServer("bare", "1").start_io()
"""
SERVERS = {
    "bare pygls": [sys.executable, "-c", BARE],
    "kibitz serve": [str(Path(sys.executable).with_name("kibitz")), "serve", "--stdio"],
    "python -m kibitz.lsp": [sys.executable, "-m", "kibitz.lsp"],
}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "processId": os.getpid(),
        "clientInfo": {"name": "benchmark"},
        "rootUri": None,
        "capabilities": {
            "general": {"positionEncodings": ["utf-16"]},
            "textDocument": {
                "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}}}
            },
            "workspace": {"configuration": True, "workspaceEdit": {"documentChanges": True}},
        },
    },
}


def measure(command: list[str]) -> tuple[float, float]:
    """CPU and wall, in milliseconds."""
    body = json.dumps(INITIALIZE).encode()
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        process.stdin.flush()
        header = process.stdout.readline()
        if not header:
            raise SystemExit(f"{' '.join(command)[:60]} ended without an answer")
        wall = time.perf_counter() - began
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        sched = Path(f"/proc/{process.pid}/schedstat")
        if sched.exists():
            cpu = max(cpu, int(sched.read_text().split()[0]) / 1e9)
    finally:
        process.kill()
        process.communicate()
    return cpu * 1000, wall * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    runs = given.runs
    servers = {name: command for name, command in SERVERS.items() if Path(command[0]).exists()}
    for command in servers.values():
        measure(command)  # compiled files and page cache
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
    for _ in range(runs):
        for name, command in servers.items():
            seen[name].append(measure(command))
    cpu = {name: statistics.median(value[0] for value in values) for name, values in seen.items()}
    wall = {name: statistics.median(value[1] for value in values) for name, values in seen.items()}
    base = "bare pygls"
    print(f"start to `initialize` answered, medians of {runs}")
    print(f"{'':<30}{'cpu ms':>9}{'x':>7}{'wall ms':>10}{'x':>7}")
    for name in servers:
        print(
            f"{name:<30}{cpu[name]:>9.0f}{cpu[name] / cpu[base]:>7.2f}"
            f"{wall[name]:>10.0f}{wall[name] / wall[base]:>7.2f}"
        )
    worst = max(max(cpu[name] / cpu[base], wall[name] / wall[base]) for name in servers if name != base)
    print(f"limit {LIMIT}: {'kept' if worst <= LIMIT else 'EXCEEDED'}")
    if given.json:
        results = {
            name: {
                what: asdict(Spread.of(all_of))
                for what, all_of in zip(("cpu", "wall"), zip(*values, strict=True), strict=True)
            }
            for name, values in seen.items()
        }
        given.json.write_text(json.dumps({"runs": runs, "limit": LIMIT, "servers": results}, indent=2) + "\n")
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    raise SystemExit(main())
