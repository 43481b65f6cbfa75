"""What the embedded model finds by rewriting: run over pairs of code, with one planted bug and without.

    python benchmarks/rewrite.py [--model NAME] [--split tune|held] [--pairs FILE] [--raw FILE]

Each version is reviewed alone, through the real client and endpoint (the engine, HTTP, the SDK, anchor and
gate). A small model on small code: the figures say how it compares with itself under other prompts, and
nothing about a large one.

Last run: Qwen2.5-Coder 1.5B Q4_K_M, prompt b5a5787ff0da, 44 pairs in seven languages, two cores shared with
other work. As shown by default: 22 bugs named, 4 correct versions flagged, 20 named and silent when correct,
19 mended exactly; with the unsure ones 31, 8, 25 and 24; 7.8 seconds for each version. The thresholds of
confidence were chosen on pairs of both splits.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.app import Choice, local_config
from kibitz.config import Settings
from kibitz.findings import rewrite
from kibitz.findings.finding import Confidence
from kibitz.local.engine import Engine
from kibitz.local.weights import DEFAULT_MODEL, find, path_of
from kibitz.provider.client import OpenAIClient

if TYPE_CHECKING:
    from kibitz.findings.finding import Finding

PAIRS = Path(__file__).parent / "data" / "rewrite_pairs.jsonl"
ANY = tuple(Confidence)
SHOWN = (Confidence.CERTAIN, Confidence.LIKELY)


@dataclass(frozen=True, slots=True)
class Pair:
    id: str
    language: str
    kind: str
    split: str
    buggy: str
    fixed: str

    def bug_lines(self) -> set[int]:
        """The lines of the buggy version, from 0, that differ from the correct one."""
        hunks = rewrite.compare(self.buggy, self.fixed, self.language)
        assert not isinstance(hunks, rewrite.Dropped), self.id
        return {hunk.start_line - 1 + i for hunk in hunks for i in range(hunk.quote.count("\n") + 1)}


@dataclass(frozen=True, slots=True)
class Outcome:
    pair: Pair
    buggy: tuple[Finding, ...]
    fixed: tuple[Finding, ...]
    seconds: float
    """Both versions together."""

    def named(self, shown: tuple[Confidence, ...]) -> bool:
        return self._near(self.pair.buggy, self.buggy, shown)

    def false_alarm(self, shown: tuple[Confidence, ...]) -> bool:
        return any(finding.confidence in shown for finding in self.fixed)

    def paired(self, shown: tuple[Confidence, ...]) -> bool:
        return self.named(shown) and not self._near(self.pair.fixed, self.fixed, shown)

    def mended(self, shown: tuple[Confidence, ...]) -> bool:
        """Whether a fix that is offered gives the correct version, but for looks."""
        for finding in self.buggy:
            if finding.fix is None or finding.confidence not in shown:
                continue
            span = finding.fix.span
            text = self.pair.buggy[: span.start] + finding.fix.new_text + self.pair.buggy[span.end :]
            difference = rewrite.compare(text, self.pair.fixed, self.pair.language)
            if difference == rewrite.Dropped("unchanged"):
                return True
        return False

    def _near(self, text: str, findings: tuple[Finding, ...], shown: tuple[Confidence, ...]) -> bool:
        lines = {
            line
            for finding in findings
            if finding.confidence in shown
            for line in range(
                text.count("\n", 0, finding.span.start), text.count("\n", 0, finding.span.end) + 1
            )
        }
        return any(abs(line - bug) <= 1 for line in lines for bug in self.pair.bug_lines())


def interval(hits: int, total: int) -> str:
    """Wilson's 95 % interval, in percent."""
    z, p = 1.96, hits / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return f"{hits:3}/{total} ({100 * (middle - half):.0f}-{100 * (middle + half):.0f} %)"


def report(outcomes: list[Outcome]) -> None:
    total = len(outcomes)
    for label, shown in (
        ("as shown by default (likely or certain)", SHOWN),
        ("unsure ones too", tuple(Confidence)),
    ):
        print(f"\n{label}:")
        print(f"  bug's line named (±1)          {interval(sum(o.named(shown) for o in outcomes), total)}")
        print(
            f"  correct versions flagged       {interval(sum(o.false_alarm(shown) for o in outcomes), total)}"
        )
        print(f"  named, and silent when correct {interval(sum(o.paired(shown) for o in outcomes), total)}")
        print(f"  mended exactly by the fix      {interval(sum(o.mended(shown) for o in outcomes), total)}")
    seconds = sorted(outcome.seconds / 2 for outcome in outcomes)
    print(f"\nseconds for each version: mean {sum(seconds) / total:.1f}, median {seconds[total // 2]:.1f}")


async def run(arguments: argparse.Namespace) -> None:
    pairs = [Pair(**json.loads(line)) for line in arguments.pairs.read_text(encoding="utf-8").splitlines()]
    pairs = [pair for pair in pairs if arguments.split in {None, pair.split}]
    model = find(arguments.model)
    engine = Engine(path_of(model), model.name, warm=rewrite.STATIC_PREFIX)
    endpoint = await engine.start()
    config = local_config(Settings(), Choice("local", "rewrite"), endpoint)
    outcomes: list[Outcome] = []
    dropped: Counter[str] = Counter()
    async with OpenAIClient(config) as client:
        for pair in pairs:
            started = time.monotonic()
            buggy = await client.process_code(pair.buggy, language=pair.language)
            fixed = await client.process_code(pair.fixed, language=pair.language)
            dropped.update(buggy.dropped)
            dropped.update(fixed.dropped)
            outcome = Outcome(pair, buggy.findings, fixed.findings, time.monotonic() - started)
            outcomes.append(outcome)
            named = (
                "named "
                if outcome.named(SHOWN)
                else "unsure"
                if outcome.named(tuple(Confidence))
                else "missed"
            )
            drops = f"{dict(buggy.dropped)} {dict(fixed.dropped)}"
            alarm = "false alarm" if outcome.false_alarm(SHOWN) else ""
            print(f"{pair.id:20} {named:6} {alarm:11} {drops}", flush=True)
            if arguments.raw:
                with arguments.raw.open("a", encoding="utf-8") as raw:
                    found = {"buggy": buggy.findings, "fixed": fixed.findings}
                    listed = {side: [asdict(f) for f in findings] for side, findings in found.items()}
                    raw.write(json.dumps({"id": pair.id, **listed}) + "\n")
    await engine.stop()
    report(outcomes)
    print(f"dropped: {dict(dropped)}; prompt {rewrite.REWRITE_VERSION}; {model.title}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--split", choices=["tune", "held"])
    parser.add_argument("--pairs", type=Path, default=PAIRS)
    parser.add_argument("--raw", type=Path, help="append each pair's findings to this file, as JSON lines")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
