"""The process that makes a usage report for a language server: ``python -m kibitz.app.usagereport.worker``.

It reads an order from standard input, and answers with a line: where the page is, or why there is none.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from typing import Any

from kibitz.app.usage_overview import usage
from kibitz.app.usagereport.page import save
from kibitz.telemetry.caps import Cap
from kibitz.telemetry.tables import local_day


def _made(days: int, caps: list[list[Any]]) -> dict[str, str]:
    today = local_day()
    found = asyncio.run(usage(today - timedelta(days - 1), today, [Cap(*cap) for cap in caps]))
    if found.problem:
        return {"error": found.problem}
    try:
        return {"path": str(save(found))}
    except OSError as error:
        return {"error": f"{error.filename}: {error.strerror}"}


if __name__ == "__main__":
    print(json.dumps(_made(**json.loads(sys.stdin.readline()))))  # noqa: T201 - the answer
