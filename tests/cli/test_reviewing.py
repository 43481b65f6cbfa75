from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from kibitz.cli import reviewing
from kibitz.cli.reviewing import Plan, Target, review_all
from kibitz.review.result import Review

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from kibitz.cli.report import FileReport
    from kibitz.review.result import Source
    from kibitz.review.reviewer import Reviewer as WholeReviewer

FILES = 20


class Reviewer:
    """Is done with all files at once but the first, which waits."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.go_on = asyncio.Event()

    async def review(self, source: Source, **_: Any) -> Review:
        self.seen.append(source.name)
        if source.name == "0.py":
            await self.go_on.wait()
        return Review()


async def test_only_so_many_files_are_done_while_one_before_them_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewing, "_AHEAD", 5)
    targets = [Target(tmp_path / f"{number}.py", f"{number}.py") for number in range(FILES)]
    for target in targets:
        target.path.write_text("x = 1\n")
    reviewer = Reviewer()
    reports: list[FileReport] = []
    plan, all_of_it = Plan(2, 1000), cast("WholeReviewer", reviewer)
    work = asyncio.create_task(review_all(targets, all_of_it, plan, on_report=reports.append))
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(reviewer.seen) == 7
    assert reports == []
    reviewer.go_on.set()
    await work
    assert [report.path for report in reports] == [target.shown for target in targets]
