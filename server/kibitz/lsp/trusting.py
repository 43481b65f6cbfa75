"""Asks the user, once for each folder, whether its word to reviewers may be used. Nothing waits for it."""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING

from kibitz.guard.sanitize import plain
from kibitz.guard.trust import Decision

if TYPE_CHECKING:
    from pathlib import Path

    from kibitz.lsp.permission import Choose
    from kibitz.lsp.service import ReviewService
    from kibitz.lsp.session import Session

TRUST, REFUSE = "Use them", "Do not use them"
_LONGEST = 300


class Trusting:
    """The questions of one session. Belongs to the event loop."""

    def __init__(self, session: Session, choose: Choose) -> None:
        """Asks nothing yet. ``choose`` asks the user."""
        self._session = session
        self._choose = choose
        self._asked: set[Path] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def renew(self) -> None:
        """There may be another service, or other folders: see whether something is to be asked."""
        session = self._session
        if session.service is not None:
            task = asyncio.get_running_loop().create_task(self._look(session.service))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _look(self, service: ReviewService) -> None:
        for root in await service.undecided():
            if root not in self._asked:
                self._asked.add(root)
                await self._ask(root)

    async def _ask(self, root: Path) -> None:
        name = plain(str(root), _LONGEST)
        question = (
            f"kibitz: {name} has rules or notes of its own for reviewers (.kibitz, AGENTS.md). Use them? "
            "They become part of what the model is told; do so only if you trust who wrote them."
        )
        answer = await self._choose(question, (TRUST, REFUSE))
        decision = {TRUST: Decision.TRUSTED, REFUSE: Decision.REFUSED}.get(answer or "", Decision.ASKED)
        session = self._session
        if session.service is None:
            return  # It ends: nobody has seen the question to its end.
        later = f"to use them, run: kibitz trust {shlex.quote(name)}"
        if decision is Decision.ASKED:
            session.notices.once(("trust", root), f"the rules and notes in {name} are not used; {later}")
        try:
            await session.service.decide(root, decision)
        except OSError as error:
            why = f"your answer about {name} could not be kept: {error.strerror}; {later}"
            session.notices.once(("trust", root, "kept"), why)
        else:
            if decision is Decision.TRUSTED:
                session.forget_reviews()
