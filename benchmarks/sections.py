"""The parts of docs/benchmarks.md, each of what one benchmark wrote down: results in, text and plots out."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.measures import digits, markdown
from benchmarks.plots import bars, powers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Json = dict[str, Any]
OURS, AI_LSP = "kibitz", "ai-lsp"


@dataclass
class Section:
    """What a part of the page says, and its plots by the name of their file."""

    title: str
    parts: list[str] = field(default_factory=list)
    plots: dict[str, str] = field(default_factory=dict)

    def say(self, *texts: str) -> None:
        text = " ".join(texts)
        self.parts.append(textwrap.fill(text, 118, break_long_words=False, break_on_hyphens=False))

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.parts.append(markdown(head, rows))

    def plot(self, name: str, told: str, drawn: str) -> None:
        self.plots[f"bench-{name}.svg"] = drawn
        self.parts.append(f"![{told}](images/bench-{name}.svg)")


def half(spread: Json) -> str:
    """The median and where the middle half lies."""
    return f"{digits(spread['median'])} ({digits(spread['lower'])} to {digits(spread['upper'])})"


def times(value: float, of: float) -> str:
    return f"{value / of:,.2f}x"


def kept(is_kept: bool) -> str:  # noqa: FBT001 - that is all there is
    return "kept" if is_kept else "**missed**"


def start(results: Json) -> Section:
    found = Section("Start")
    servers, limit = results["servers"], results["limit"]
    base = servers["bare pygls"]
    found.say(
        f"From the start of the process to the answer of `initialize`, {results['runs']} times each, in",
        "turn. The last two are the same server, started in two ways. x is how many times bare pygls it",
        "is. kibitz starts sooner, though it is built on pygls, too: attrs writes the methods of the",
        "protocol's 554 classes as text, and compiles them at each start; kibitz keeps what was compiled",
        "(`lsp/compiled.py`). `-X importtime` showed 71 % of the start in that one module; before, kibitz",
        "took 1.00 times as long as bare pygls.",
    )
    rows = []
    for name, each in servers.items():
        row = [name]
        for what in ("wall", "cpu"):
            row += [half(each[what]), times(each[what]["median"], base[what]["median"])]
        rows.append(row)
    found.table(["", "wall, ms (middle half)", "x", "CPU, ms (middle half)", "x"], rows)
    worst = max(
        each[what]["median"] / base[what]["median"]
        for name, each in servers.items()
        if name != "bare pygls"
        for what in ("wall", "cpu")
    )
    found.say(f"Limit: {limit}x, of wall and CPU. It is {worst:.2f}x: {kept(worst <= limit)}.")
    return found


def peers(results: Json) -> Section:
    found = Section("Beside other servers")
    servers = results["servers"]
    ours = servers[OURS]
    packages = ", ".join(f"`{package}`" for package in results["packages"].values())
    few = min(each["actions"] for each in servers.values()), max(each["actions"] for each in servers.values())
    found.say(
        f"The others are {packages}, each in an environment of its own. All of them were started",
        f"{results['starts']} times, in turn; then all of them had the same file open, of 2,000 lines with",
        "50 names that are not defined, and were asked in turn. x is how many times kibitz's value it is.",
        "kibitz shows what a fake provider found; so this compares what an editor waits for, not what the",
        "findings are worth.",
    )
    rows = []
    for name, each in servers.items():
        row = [name]
        for what in ("start", "start_cpu", "memory_mb"):
            said = digits(each[what]["median"]) if what == "memory_mb" else half(each[what])
            row += [said, times(each[what]["median"], ours[what]["median"])]
        rows.append([*row, str(each["shown"])])
    found.table(
        ["", "start, ms (middle half)", "x", "CPU, ms (middle half)", "x", "resident, MB", "x", "shows"], rows
    )
    found.say(
        f"A change is one of {results['changes']} that were sent as fast as they were taken, with the time",
        "until a request behind all of them was answered; a code action and a hover were asked for at the",
        f"place of such a name, {few[0]} to {few[1]} times (fewer where they take long; bare pygls refuses",
        "them). CPU is that of all threads of the server.",
    )
    rows = []
    for name, each in servers.items():
        row = [name]
        for what in ("change", "action", "hover"):
            took = each[what]
            tail = "" if what == "change" else f" / {digits(took['p99'])}"
            row += [f"{digits(took['median'])}{tail}", times(took["median"], ours[what]["median"])]
            row.append(digits(each[f"{what}_cpu"]["median"]))
        rows.append(row)
    two = "median / p99"
    found.table(
        ["ms", "change", "x", "CPU", f"code action, {two}", "x", "CPU", f"hover, {two}", "x", "CPU"], rows
    )
    rows = [
        [said, f"{limit['is']:.2f}x", f"{limit['of CPU']:.2f}x", *_bound(limit), kept(limit["kept"])]
        for said, limit in results["limits"].items()
    ]
    found.table(["limit", "is", "of CPU", "allowed", ""], rows)
    for what, title, unit in (
        ("start", "Start to the answer of initialize", "ms"),
        ("memory_mb", "Resident memory with the file open", "MB"),
        ("change", "A change", "ms"),
        ("action", "A code action", "ms"),
        ("hover", "A hover", "ms"),
    ):
        values = {name: each[what]["median"] for name, each in servers.items()}
        told = f"{title}, {unit}"
        found.say(f"{told}:")
        found.plot(f"peers-{what.partition('_')[0]}", told, bars(what, told, unit, values))
    return found


def _bound(limit: Json) -> tuple[str]:
    bound = "at most" if "at most" in limit else "at least"
    return (f"{bound} {limit[bound]}x",)


def session(results: Json) -> Section:
    found = Section("An editing session")
    asked, memory, opening = results["requests"], results["memory_mb"], results["opening"]
    found.say(
        "A file of 2,900 lines in a real server, with a provider on loopback that takes 200 ms: a bug is",
        f"typed in, found, looked up and undone, {asked['edits']} times.",
    )
    rows = [
        [name, half(each), digits(each["p99"]), digits(each["limit"]), kept(each["median"] <= each["limit"])]
        for name, each in results["rows"].items()
    ]
    found.table(["", "median (middle half)", "worst", "limit", ""], rows)
    found.say(
        f"Requests: {opening['requests']} when the file was opened, {asked['for edits']} for",
        f"{asked['edits']} edits, {asked['for undos']} for as many undos. Memory: {memory['most']:.1f} MB",
        f"at most (limit {memory['limit']} MB, {kept(memory['most'] < memory['limit'])}).",
    )
    return found


def economy(results: Json) -> Section:
    found = Section("What is asked for")
    beside = results["beside"]
    found.say(
        f"A file of {results['lines']:,} lines (Python's own `tarfile.py`) is opened; then a comparison is",
        f"turned round, that is found and undone, {results['edits']} times, each in another function. Beside",
        "kibitz's server are some that look at the whole file whenever the typing pauses:",
        f"{'ai-lsp, ' if beside else ''}kibitz's engine with the same prompt, and the file without a word of",
        "instructions, which is the least that any reviewer of whole files asks for. The provider is the",
        "same fake one. Tokens are o200k's; cached is what a provider can take from its cache, because a",
        "request before began the same (in steps of 128 tokens, from 1,024 on).",
    )
    if beside:
        found.say(_beside(beside))
    columns = ("requests", "instructions", "schema", "code", "answers", "all", "cached")
    head = ["", *columns[:-1], "of it cached"]
    before = "" if beside and beside["in this run"] else ", measured before"
    asked = [(f"{name}, when it is opened", each) for name, each in results["openings"].items()]
    asked += list(results["sessions"].items())
    rows = [
        [name.replace(AI_LSP, AI_LSP + before), *(f"{each[part]:,}" for part in columns)]
        for name, each in asked
    ]
    found.table(head, rows)
    rows = [
        [name, f"1/{1 / limit['is']:.1f}", f"1/{1 / limit['at most']:.0f}", kept(limit["kept"])]
        for name, limit in results["limits"].items()
    ]
    found.table(["limit", "is", "at most", ""], rows)
    found.say(
        "This is how long a finding takes to show after its edit, without the pause that is waited for",
        f"({results['pause_ms']:,} ms) and the provider's latency ({results['latency_ms']} ms).",
    )
    rows = [[OURS, half(results["shown_ms"])]] if before else []
    rows += [[name + before, half(each)] for name, each in (beside or {"shown_ms": {}})["shown_ms"].items()]
    found.table(["", "ms (middle half)"], rows)
    found.say(
        "And `kibitz check` with modules of Python's library that nobody has seen. The code of a request has",
        "its lines numbered, and what it relies on beside it.",
    )
    rows = []
    for name, each in results["files"].items():
        of = f"{each['all'] / each['units']:,.0f}", f"{each['all'] / each['tokens']:.1f}x"
        sizes = [f"{each[part]:,}" for part in ("lines", "tokens", "units")]
        rows.append([f"`{name}`", *sizes, *(f"{each[part]:,}" for part in columns), *of])
    more = ["all for a unit", "all for a token of the file"]
    found.table(["", "lines", "its tokens", "units", *head[1:], *more], rows)
    return found


def _beside(beside: Json) -> str:
    """What ai-lsp is, and when it was measured."""
    when = "in this run" if beside["in this run"] else f"on {beside['date']}, not in this run"
    packages = ", ".join(f"`{package}`" for package in beside["packages"])
    return (
        f"ai-lsp is <https://github.com/benomahony/ai-lsp> at `{beside['commit'][:12]}`, with Python "
        f"{beside['python']} and {packages}. It is not on PyPI. It was measured {when}; "
        "`benchmarks/ai_lsp.json` keeps what it took, and `python -m benchmarks.economy --ai-lsp FOLDER` "
        "measures it anew, with a checkout of it in that folder."
    )


def engine(results: Json) -> Section:
    found = Section("The engine")
    found.say(
        "CPU for one request, in milliseconds, with a provider in memory: of the SDK alone, of the engine",
        "around it, and of a whole review. x is how many times the SDK it is.",
    )
    wide = {width: results[f"cpu_ms_{width}_wide"] for width in (1, 64)}
    rows = []
    for name in wide[1]:
        row = [name]
        for each in wide.values():
            base = each["the SDK alone"]["median"]
            row += [half(each[name]), times(each[name]["median"], base)]
        rows.append(row)
    found.table(["", "one after the other", "x", "64 side by side", "x"], rows)
    stalls = {
        name.removeprefix("stall_ms "): sorted(each) for name, each in results.items() if "stall" in name
    }
    said = "; ".join(
        f"{name}: {digits(each[len(each) // 2])} ({digits(each[0])} to {digits(each[-1])})"
        for name, each in stalls.items()
    )
    found.say(
        "The longest stall of the event loop with 64 calls under way, of seven runs, in milliseconds:",
        f"{said}.",
    )
    return found


def growth(results: Json) -> Section:
    found = Section("How it grows")
    found.say(
        "The exponent is the slope of the least squares on logarithms: 0 is constant, 1 is linear. In the",
        "plots the broken line is the fit, values go up by powers of ten, and each size is one step.",
        "Where there is clearly less growth between the two smallest sizes than between the others, what",
        "they take is constant for the most part; they are left out of the fit then.",
    )
    rows = [
        [each["what"], each["fitted"], *_rule(each["time"]), *_rule(each["memory"])]
        for each in results.values()
    ]
    found.table(["", "fitted", "exponent", "R²", "exponent of memory", "R²"], rows)
    for part, each in results.items():
        cpu = "cpu" in each["rows"][0]
        head = ["size", f"{each['unit']} (middle half)", "p99", *(["CPU, ms"] if cpu else []), MEMORY[part]]
        rows = []
        for row in each["rows"]:
            more = [digits(row["cpu"])] if cpu else []
            cells = [f"{row['size']:,}", half(row["time"]), digits(row["time"]["p99"]), *more]
            rows.append([*cells, digits(row["memory_mb"])])
        found.say(f"### {each['what'].capitalize()}")
        found.table(head, rows)
        values = {row["size"]: row["cpu"] if cpu else row["time"]["median"] for row in each["rows"]}
        fit, unit = each["time"], each["unit"].partition(" ")[0]
        some = list(values)[fit["left_out"] :]
        fitted = {size: fit["factor"] * size ** fit["exponent"] for size in some}
        told = f"{each['what'].capitalize()}: {each['fitted']}, {unit}"
        found.plot(f"growth-{part}", told, powers(part, told, unit, values, fitted))
    return found


MEMORY = {
    "lines": "allocated by Python, MB",
    "documents": "resident, MB",
    "answers": "file, MB",
    "queue": "allocated by Python, MB",
}


def _rule(fit: Json) -> tuple[str, str]:
    left = " (without the two smallest)" if fit["left_out"] else ""
    return f"{fit['exponent']:.2f}{left}", f"{fit['r_squared']:.2f}"


def plain(title: str, about: str) -> Callable[[Json], Section]:
    """Of a benchmark that wrote down some figures by name."""

    def told(results: Json) -> Section:
        found = Section(title)
        found.say(about)
        found.table(["", ""], [[name, digits(value)] for name, value in results.items()])
        return found

    return told


SECTIONS: dict[str, Callable[[Json], Section]] = {
    "start": start,
    "peers": peers,
    "session": session,
    "economy": economy,
    "engine": engine,
    "growth": growth,
    "redaction": plain(
        "Looking for secrets", "How many are hidden, how many texts wrongly, and what it takes."
    ),
    "metrics": plain("Counting", "What metrics cost, and how large they can become."),
}
"""By benchmark, in the order of the page."""
