"""Brings the server up after ``initialized``, and again whenever the editor's settings change."""

from __future__ import annotations

import asyncio
import logging
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from kibitz.app.choice import NOTHING_SET
from kibitz.lsp.faults import describe
from kibitz.lsp.first_run import FirstRun
from kibitz.lsp.folders import Folders, folder_of
from kibitz.lsp.sections import Sections
from kibitz.provider.errors import OpenAIError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kibitz.app.doctor import Line
    from kibitz.lsp.service import Backend, Knobs, Loading, Report, ReviewService
    from kibitz.lsp.session import Session

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
"""How long a service that is replaced may take to let go."""


class Ask(Protocol):
    """Asks the editor for its section ``kibitz``."""

    async def __call__(self, scopes: Sequence[str]) -> Sequence[object] | None:
        """The section for all folders, then that for each of ``scopes``, by URI, as far as the editor says.

        None if it cannot be asked, or does not answer in time.
        """


class Pull(IntEnum):
    """What the editor is to be asked for."""

    NOTHING = 0
    FOLDERS = 1
    """It has just said what holds for all folders."""
    ALL = 2


class Setup:
    """Owns the one service that the session uses. One bring-up at a time; the newest settings win."""

    def __init__(
        self,
        session: Session,
        backend: Backend,
        *,
        cli: Mapping[str, object],
        roots: Sequence[str],
        ask: Ask,
        tidy: Callable[[], None],
        renewed: Callable[[], None] = lambda: None,
        first_run: FirstRun | None = None,
    ) -> None:
        self.roots = roots
        """URIs of the folders that are open."""
        self._session = session
        self._backend = backend
        self._cli = cli
        self._ask = ask
        self._tidy = tidy
        self._renewed = renewed
        """Is told when the session may have another service, or none."""
        self._first_run = first_run or FirstRun()
        self.trouble = ""
        """Why nobody reviews, if that is so."""
        self.problems: Sequence[str] = ()
        """What is wrong with the settings that were loaded last."""
        self._asked = False
        """Whether the user waits for it."""
        self._sections = Sections()
        self._pull = Pull.NOTHING
        self._anew = False
        """Whether other files than those with settings changed that reviews go by."""
        self._knobs: Folders[Knobs] = Folders(session.knobs)
        self._task: asyncio.Task[str] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def starting(self) -> bool:
        """Whether it is not known yet if there will be a service."""
        return self._task is None or not self._task.done()

    def start(self, options: object) -> None:
        """Bring the server up; ``options`` are the ``initializationOptions``."""
        self._sections.begin(options)
        self.refresh(pull=True)

    def push(self, settings: object) -> None:
        """The editor's settings changed, and ``settings`` is what it sent with the news."""
        mine = self._sections.push(settings)
        if mine:
            self._pull = Pull.FOLDERS
        self.refresh(pull=not mine)

    def reread(self) -> None:
        """Files changed that settings or reviews go by."""
        self._anew = True
        self.refresh(pull=False)

    def retry(self) -> None:
        """Load the settings again, and tell why nobody reviews by them even if that is no news."""
        self._session.notices.forget("setup")
        self._asked = True
        self.refresh(pull=True)

    def move(self, roots: Sequence[str]) -> None:
        """Other folders are open now."""
        self.roots = roots
        if self._session.service is not None:
            self._session.service.set_roots(roots)
        self._anew = True
        self.refresh(pull=True)

    def refresh(self, *, pull: bool) -> None:
        """Load the settings again, asking the editor for its own if ``pull``."""
        # Whatever an older run was to ask for, and did not come to, is asked for now.
        self._pull = Pull.ALL if pull else self._pull
        older, self._task = (
            self._task,
            asyncio.get_running_loop().create_task(self._run(self._task)),
        )
        if older is not None:
            older.cancel()

    async def reload(self) -> str:
        """Load the settings again, and wait until they hold; why nobody reviews by them, or nothing."""
        self.refresh(pull=True)
        while True:
            task = self._task
            assert task is not None  # noqa: S101 - refresh has made one
            await asyncio.wait([task])
            if task is self._task:
                return "kibitz is ending" if task.cancelled() else task.result()

    async def examine(self, *, offline: bool) -> Sequence[Line]:
        """See ``Backend``."""
        return await self._backend.examine(offline=offline)

    async def report(self, server: Mapping[str, object]) -> Report:
        """See ``Backend``."""
        folders = [Path(path) for uri in self.roots if (path := folder_of(uri)) is not None]
        return await self._backend.report(server, folders)

    async def usage_report(self, days: int) -> Path:
        """See ``Backend``."""
        return await self._backend.usage_report(days)

    async def aclose(self, seconds: float) -> None:
        """Stop, and close the service, in at most ``seconds``."""
        if self._task is not None:
            self._task.cancel()
        service = self._session.service
        self._session.use(self._knobs.default, None, self._knobs.at)
        self._retire(service)
        waiting = [task for task in (self._task, *self._closing) if task is not None]
        if waiting:
            await asyncio.wait(waiting, timeout=seconds)

    async def _run(self, older: asyncio.Task[str] | None) -> str:
        """Bring the server up; why that failed, or nothing."""
        if older is not None:
            await asyncio.wait([older])
        if self._pull:
            await self._inquire()
        try:
            await self._bring_up()
            self._tidy()
        except OpenAIError as error:
            self._swap(None)
            await self._cannot(error)
            return error.message
        except Exception as error:  # noqa: BLE001 - our own mistake: say so, and go on without reviews
            self._swap(None)
            return self._mistaken(error)
        why = await self._get_ready()
        if self._session.service is not None:
            await self._first_run.over()
        return why

    async def _inquire(self) -> None:
        """Ask the editor. What it said before holds until it says something else."""
        scopes = [uri for uri in self.roots if folder_of(uri) is not None]
        answer = await self._ask(scopes)
        if answer is not None:
            self._sections.answer(scopes, answer, only_folders=self._pull is Pull.FOLDERS)
        self._pull = Pull.NOTHING

    async def _get_ready(self) -> str:
        """Have the service ready before somebody waits for it; why it will not be, or nothing."""
        service = self._session.service
        if service is None:
            return ""
        try:
            await service.ready()
        except OpenAIError as error:
            # It stays: what is known is shown all the same.
            self._session.notices.failure(error)
            return error.message
        except Exception as error:  # noqa: BLE001 - as above
            return self._mistaken(error)
        self._tidy()
        return ""

    async def _cannot(self, error: OpenAIError) -> None:
        """Nobody can review. That nothing was ever configured is no fault: it is said once."""
        self.trouble = error.message
        asked, self._asked = self._asked, False
        if error.code == NOTHING_SET and not await self._first_run.is_first() and not asked:
            logger.warning("%s", error.message)
        else:
            self._session.notices.once(("setup", str(error)), error.message)

    def _mistaken(self, error: Exception) -> str:
        logger.error("the reviewer could not be built: %s", describe(error))
        why = "it could not start for a reason of its own; see its log."
        self.trouble = why
        self._session.notices.once(("setup", why), why)
        return why

    async def _bring_up(self) -> None:
        said = self._sections
        loading = await self._backend.load(said.common, self._cli, said.folders)
        self._tell(loading)
        session, knobs, anew = self._session, Folders(loading.knobs, loading.folders), self._anew
        self._anew = False
        changed = [
            each for each in session.documents if anew or session.knobs_of(each) != knobs.at(each.path)
        ]
        self._knobs = knobs
        if not any(each.enabled for each in (knobs.default, *knobs.by_path.values())):
            self._swap(None)
        elif session.service is not None and not loading.rebuild:
            for document in changed:
                document.outdate()  # Other findings may be shown now; their answers are all kept.
            session.use(knobs.default, session.service, knobs.at)
            self._renewed()
        else:
            self._swap(await self._backend.build(self.roots, self._session))

    def _tell(self, loading: Loading) -> None:
        self.problems = loading.wrong
        for problem in loading.problems:
            logger.warning("%s", problem)
        if loading.problems:
            more = len(loading.problems) - 1
            suffix = f" ({more} more in the log)" if more else ""
            self._session.notices.once(loading.problems, loading.problems[0] + suffix)

    def _swap(self, service: ReviewService | None) -> None:
        old = self._session.service
        self.trouble = ""
        self._session.notices.trouble = None
        self._session.use(self._knobs.default, service, self._knobs.at)
        self._renewed()
        self._retire(old)

    def _retire(self, service: ReviewService | None) -> None:
        if service is None:
            return
        task = asyncio.get_running_loop().create_task(_close(service))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _close(service: ReviewService) -> None:
    try:
        await asyncio.wait_for(service.aclose(), CLOSE_SECONDS)
    except Exception as error:  # noqa: BLE001 - it is gone either way
        logger.warning("a reviewer did not close cleanly: %s", type(error).__name__)
