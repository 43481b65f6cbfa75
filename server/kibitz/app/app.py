"""Everything behind the ways in: one client, one cache, one reviewer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kibitz.app import gauges
from kibitz.app.choice import choice_of
from kibitz.app.configs import known_config
from kibitz.app.dismissals import suppression
from kibitz.app.identities import identity, verifier
from kibitz.app.knowledge import knowledge
from kibitz.app.projects import Projects, trust_of_user
from kibitz.app.spending import Spending
from kibitz.app.trails import Trails
from kibitz.app.views import review_settings
from kibitz.config import default_user_file
from kibitz.provider.errors import ConfigError
from kibitz.provider.keys.consent import FILE_NAME as CONSENTS_FILE
from kibitz.provider.keys.consent import Consents
from kibitz.provider.recorder import Recorder
from kibitz.review.reviewer import Reviewer
from kibitz.state.database import Database
from kibitz.state.places import database_path
from kibitz.telemetry.cachebook import CacheBook
from kibitz.telemetry.cachecounts import total
from kibitz.telemetry.catalogue import Metrics
from kibitz.telemetry.history import History
from kibitz.telemetry.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from kibitz.app.asking import Asking
    from kibitz.app.choice import Choice
    from kibitz.app.knowledge import Knowledge, Team
    from kibitz.config import Settings
    from kibitz.provider.client import OpenAIClient
    from kibitz.provider.models import BatchAnalysis, Piece, PieceAnalysis
    from kibitz.provider.status import EngineStatus
    from kibitz.telemetry.cachecounts import CacheCounts


class App:
    """Everything behind the ways in. Belongs to one event loop."""

    def __init__(
        self,
        settings: Settings,
        choice: Choice,
        where: Callable[[str], str] = "setting {}".format,
        metrics: Metrics | None = None,
    ) -> None:
        self.settings = settings
        self.choice = choice
        self.metrics = metrics or Metrics()
        """What happens, in numbers."""
        self.database = Database(database_path())
        """What all kibitz processes of this machine remember together; opened when it is first used."""
        self.ledger = Ledger(self.database)
        """What was asked and what it cost, by this process and by all of them."""
        self.spending = Spending(settings, self.ledger, self.database, cache=self._cache_lately)
        """What may be spent, and on whose behalf it is."""
        self.cachebook = CacheBook(self.database)
        """What the cache knew, and what that saved, likewise."""
        self.history = History(self.database, self.metrics)
        """What is measured, by all processes and by day."""
        self.recorder = Recorder(self.metrics)
        """Is told about every request, and tells on what somebody should know."""
        self.consents = Consents(default_user_file().parent / CONSENTS_FILE)
        self.projects = Projects(trust_of_user())
        """What projects say about their code."""
        self.dismissals = suppression(self.projects)
        """What is not shown, since somebody said so."""
        self.on_starting: Callable[[], None] | None = None
        """Is told before the client is built, which may take seconds."""
        self.unusable: ConfigError | None = None
        """Why nobody can be asked, once that is known."""
        self._logs = Trails(settings)
        self._where = where
        self._asking: Asking | None = None
        self._known: Knowledge | None = None
        self._reviewer: Reviewer | None = None
        self._building = asyncio.Lock()

    @classmethod
    def create(
        cls,
        settings: Settings,
        where: Callable[[str], str] = "setting {}".format,
        metrics: Metrics | None = None,
    ) -> App:
        """Decide who reviews; starts nothing. Takes CPU for imports: call it in a thread.

        Args:
            settings: all of them.
            where: tells where the setting of a name was set, for messages (``Loaded.where``).
            metrics: where to count; None: from nothing.

        Raises:
            ConfigError: nobody can review; the message says what to do.
        """
        app = cls(settings, choice_of(settings), where, metrics)
        app.spending.look()
        return app

    def describe(self) -> str:
        """Who reviews, in a few words."""
        if self.choice.provider == "local":
            return f"{self.settings.local_model} on this machine"
        config = known_config(self.settings, self.choice)
        return f"{config.model} at {config.endpoint.name}"

    async def client(self) -> OpenAIClient:
        """The client; the first call loads the embedded model if that is who reviews (2 to 7 s).

        Raises:
            ConfigError: a setting is wrong, or the embedded model cannot be loaded.
        """
        async with self._building:
            if self._asking is None:
                if self.on_starting is not None:
                    self.on_starting()
                self._asking = await asyncio.to_thread(self._ask)
            try:
                return await self._asking.client()
            except ConfigError as error:
                self.unusable = error
                raise

    async def reviewer(self) -> Reviewer:
        """The reviewer, with its cache. Its client is built when it has the first question.

        Raises:
            ConfigError: settings that are each right do not go together.
        """
        if self._reviewer is None:
            settings = self.settings
            config = known_config(settings, self.choice)
            self._known = knowledge(settings, self.database, self._looked_up)
            self.history.begin()
            gauges.watch(self.metrics, self.engine)
            self._reviewer = Reviewer(
                _FirstAsked(self),
                self._known.answers,
                identity(config, self._model_name),
                review_settings(settings, self.dismissals),
                verifier=verifier(config),
                claims=self._known.claims,
                guiding=self.projects,
                landed=self._landed,
            )
            if self._team is not None:
                # What the team has paid for must be known to the first review.
                await self._team.remote.ready()
        return self._reviewer

    def engine(self) -> EngineStatus | None:
        """What the client is doing; None as long as nothing was asked. Waits for nothing."""
        return None if self._asking is None else self._asking.status()

    @property
    def shares_answers(self) -> bool:
        """Whether a team's server has a part in what is known."""
        return self._team is not None

    def cache_problems(self) -> tuple[str, ...]:
        """Why answers are not remembered, or not shared, in words for people, and what to do."""
        problems = (self.database.problem, self._team.tier.problem if self._team is not None else "")
        return tuple(filter(None, problems))

    async def written(self) -> None:
        """Write what was counted by now, if that can be."""
        for book in (self.cachebook, self.history, self.ledger):
            await book.written()

    async def aclose(self) -> None:
        """Stop what runs, in the order of the trip. Safe in every state."""
        if self._reviewer is not None:
            await self._reviewer.aclose()
        if self._asking is not None:
            await self._asking.aclose()
        if self._team is not None:
            await self._team.aclose()
        await self.cachebook.aclose()
        await self.history.aclose()
        await self.spending.aclose()
        await self.ledger.aclose()
        await self.database.aclose()
        if self._asking is not None:
            await self._asking.stop()
        await asyncio.to_thread(self._logs.close)

    def _looked_up(self, tier: str, counts: CacheCounts) -> None:
        self.cachebook.add(tier, counts)
        self.metrics.looked_up(tier, counts)

    def _landed(self, analysis: PieceAnalysis) -> None:
        """Something was asked for and answered."""
        for gate, count in analysis.dropped.items():
            self.metrics.dropped.add(gate, amount=count)

    def _ask(self) -> Asking:
        from kibitz.app.asking import Asking  # noqa: PLC0415 - 0.2 s; in a thread, and only to ask

        return Asking(
            self.settings,
            self.choice,
            where=self._where,
            database=self.database,
            recorder=self.recorder,
            purse=self.spending.purse,
            consents=self.consents,
        )

    async def _cache_lately(self) -> tuple[CacheCounts, CacheCounts]:
        """What the cache had today, and in this week up to today."""
        today, week = await self.cachebook.since(1), await self.cachebook.since(7)
        return total(today.values()), total(week.values())

    @property
    def _team(self) -> Team | None:
        return self._known.team if self._known is not None else None

    @property
    def _model_name(self) -> str:
        """What cache entries know the endpoint by: the embedded model's port changes with every start."""
        return "embedded" if self.choice.provider == "local" else ""


class _FirstAsked:
    """The client of an app, built by the first question; what keeps it from that fails the question."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def process_pieces(self, pieces: Sequence[Piece], **how: Any) -> BatchAnalysis:
        """See ``OpenAIClient``."""
        return await (await self._app.client()).process_pieces(pieces, **how)
