"""Two editors and a `kibitz check` write one database at once, and one of them is killed, again and again.

    python benchmarks/crash.py [--kills 200] [--seed 4]

Half of the kills come at any moment, half right when the database is written. After each the database is
looked through, and all that it held before has to be there. Meanwhile both editors ask for code actions,
and so does one that shares nothing and is not killed, which shows what the machine alone does.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.striking import Crowd, Found

MAX_WAIT_S = 1.0
"""By which the longest request may take longer than where nothing is shared."""


async def session(home: Path, kills: int, random: Random) -> Found:
    async with Crowd(home, random, apart=True) as crowd:
        for number in range(1, kills + 1):
            await crowd.strike()
            if number % 20 == 0:
                print(f"{number} kills", file=sys.stderr)
    return crowd.found


def report(found: Found) -> bool:
    """Print what was found; whether it is as it should be."""
    print(f"kills: {dict(found.kills)}")
    print(f"looks at the database that found damage: {len(found.damaged)}")
    print(f"answers lost: {len(found.lost)} of {found.entries}")
    print(f"messages shown: {len(found.shown)}; lines logged: {len(found.logged)}")
    for name, waits in ("editors that share it", found.waits), ("an editor apart", found.waits_apart):
        some = sorted(1000 * wait for wait in waits)
        print(
            f"{name}: {len(some)} requests, median {some[len(some) // 2]:.1f} ms, "
            f"99.9 % within {some[len(some) * 999 // 1000]:.1f} ms, longest {some[-1]:.1f} ms"
        )
    for line in (*found.damaged, *found.shown, *found.logged):
        print(f"  {line}")
    longest = max(found.waits) - max(found.waits_apart)
    return not (found.damaged or found.lost or found.shown or found.logged) and longest <= MAX_WAIT_S


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=4)
    given = parser.parse_args()
    random = Random(given.seed)  # noqa: S311 - the same moments each time
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kibitz-bench-") as home:
        found = asyncio.run(session(Path(home), given.kills, random))
    print(f"{given.kills} kills in {time.monotonic() - began:.0f} s")
    sys.exit(not report(found))


if __name__ == "__main__":
    main()
