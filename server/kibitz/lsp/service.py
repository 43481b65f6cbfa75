"""What the server needs of the rest of kibitz, and nothing more; and how to get it once it is wanted.

Importing this module costs nothing: the rooms behind it (the SDK, tree-sitter, pydantic) come when they are
wanted, in a thread, after ``initialize`` was answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    from kibitz.app.doctor import Line
    from kibitz.findings.finding import Finding
    from kibitz.guard.trust import Decision
    from kibitz.lsp.spending import Spending
    from kibitz.provider.errors import OpenAIError
    from kibitz.provider.fallback import Step
    from kibitz.provider.keys.consent import ConsentNeeded
    from kibitz.provider.limits.priority import Urgency
    from kibitz.provider.models import Context, ContextAnalysis, Suggestion, Usage
    from kibitz.review.result import Dismissed
    from kibitz.review.suppress import Suppression
    from kibitz.review.warm import Pace
    from kibitz.telemetry.counts import Counts
    from kibitz.text.spans import Span


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is to be reviewed, and how."""

    text: str
    language: str
    """As the rest of kibitz names it."""
    path: str | None = None
    edited: tuple[Span, ...] = ()
    """What was typed since the last review; a unit that does not parse there waits."""
    ask: bool = True
    """Whether to ask for what is not known; else what is known is all, at once and for nothing."""
    verify: bool = False
    """Whether findings are verified if that is done on demand."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether those who are asked answer as they should."""

    model: str
    """Who is asked, in a few words."""
    problem: str = ""
    """What works less well than it should, in a sentence without its full stop; empty if all is well."""
    action: str = ""
    """What the user can do about it."""
    requests: int = 0
    """So many were sent by this process."""
    paused: bool = False
    """Whether nothing is sent for now, and why is the problem."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was written."""

    path: Path
    parts: tuple[str, ...]
    """What is in it: a file and what it holds, each."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a review of all files in the open folders would take."""

    paths: tuple[str, ...]
    """The files that can be reviewed."""
    asked: int = 0
    """So many of them are not known, wholly or in part."""
    tokens: int = 0
    """What would be sent, about."""
    cost_usd: Decimal | None = None
    """US dollars, about; None where the price is not known."""
    is_free: bool = False
    """Whether the tokens stay on this machine."""
    left_out: int = 0
    """So many files more there are, which are too many at once."""


class Outcome(Protocol):
    """What a review has found so far."""

    @property
    def findings(self) -> Sequence[Finding]:
        """In offsets of the reviewed text."""

    @property
    def unreviewed(self) -> Sequence[Span]:
        """The parts of the text that there is no answer for: failed, or still waited for."""

    @property
    def dismissed(self) -> Sequence[Dismissed]:
        """What the user does not want to see."""

    @property
    def errors(self) -> Sequence[OpenAIError]:
        """What went wrong, for each part that failed."""

    @property
    def usage(self) -> Usage:
        """What was asked and answered for it; no requests when everything was known already."""


class Knobs(Protocol):
    """The settings that the server itself goes by."""

    @property
    def enabled(self) -> bool:
        """Whether to review at all."""

    @property
    def debounce_ms(self) -> int:
        """Milliseconds without typing before a review."""

    @property
    def debounce_max_ms(self) -> int:
        """Milliseconds that the pause grows to for those who type slowly, or whose provider is slow."""

    @property
    def max_delay_ms(self) -> int:
        """Milliseconds of typing after which a review comes anyway."""

    @property
    def max_file_bytes(self) -> int:
        """Larger documents are not reviewed."""

    @property
    def verify(self) -> str:
        """When findings are verified: ``off``, ``on``, or ``on-demand``, if the user asks for the review."""

    @property
    def trigger(self) -> str:
        """What begins a review: ``change``, ``save``, or ``manual``, only when the user asks."""

    @property
    def diagnostics(self) -> str:
        """How the editor gets findings: ``push``, or ``pull`` if it can; of the settings for all folders."""

    @property
    def dismissals(self) -> str:
        """Where new dismissals go: to the ``user``'s file, or to that of the ``team``."""

    @property
    def languages(self) -> Sequence[str]:
        """The language ids that are reviewed; empty: all that kibitz knows."""

    @property
    def rules_off(self) -> Sequence[str]:
        """The codes of what is not reported."""


class Listener(Protocol):
    """Is told what happens between kibitz and its providers."""

    def stepped(self, step: Step) -> None:
        """Something else is asked than before."""

    def unconsented(self, error: ConsentNeeded) -> None:
        """A key was not sent for want of its owner's consent."""

    def warned(self, message: str) -> None:
        """Something that is worth knowing, and changes nothing yet."""

    def forget_reviews(self) -> None:
        """What is shown is not the last word any more: a review would find something else now."""


class ReviewService(Protocol):
    """Reviews texts."""

    async def review(
        self, assignment: Assignment, urgency: Urgency, on_progress: Callable[[Outcome], None]
    ) -> Outcome:
        """Review a text. Says what is there so far when all requests are under way, and as it grows.

        ``urgency`` may rise meanwhile. Cancelling it aborts its requests. Raises OpenAIError if nothing could
        be done at all.
        """

    async def prepare(self, assignment: Assignment) -> None:
        """A review of that is about to come: do what it begins with. Sends nothing."""

    async def suggest(self, place: Context) -> Sequence[Suggestion]:
        """Other ways to write a place, best first; each edit is verified. Somebody waits for it.

        Cancelling it aborts the request. Raises OpenAIError.
        """

    async def explain(self, place: Context) -> ContextAnalysis:
        """What a place does, and why the complaints about it hold. Somebody waits for it; as ``suggest``."""

    async def ready(self) -> None:
        """Wait until it can ask, which may take seconds. What is known already it tells before.

        Raises OpenAIError if it cannot, and why.
        """

    @property
    def dismissals(self) -> Suppression:
        """What was dismissed. Reads and writes the disk: use it in threads."""

    def refusal(self, path: str) -> str | None:
        """Why that file must not be sent anywhere, or None if it may. Reads the disk: call it in a thread."""

    def set_roots(self, roots: Sequence[str]) -> None:
        """The URIs of the folders that are open now."""

    async def allow(self, origin: str, place: str) -> None:
        """From now on, and in all windows, a key from ``place`` may go to ``origin``.

        Raises:
            OSError: that cannot be kept.
        """

    async def undecided(self) -> Sequence[Path]:
        """Projects of the open folders with rules or notes of their own that nobody has decided about."""

    async def decide(self, root: Path, decision: Decision) -> None:
        """From now on, and in all windows, that is what the user says of a project.

        Raises:
            OSError: that cannot be kept.
        """

    async def clear_cache(self) -> str:
        """Forget what this user has kept; what stays all the same, in a sentence, or nothing."""

    async def raise_budget(self) -> str:
        """As much again as the budget allows for may be spent today, in all windows; a sentence about it."""

    async def reload_keys(self) -> Sequence[str]:
        """Look for the keys again, and give each another chance; what there is now, in sentences.

        Raises OpenAIError if there should be a key and none is found.
        """

    async def warm(
        self, pace: Pace, is_open: Callable[[str], bool], on_step: Callable[[int, int], None]
    ) -> str:
        """Prepare for files that changed lately, as far as the settings say; what came of it, for the log.

        Goes by ``pace``, leaves out what ``is_open``, and tells ``on_step`` how many files are done, of how
        many. Cancelling it ends it; what is prepared by then stays.
        """

    async def survey(self, on_step: Callable[[int, int], None]) -> Survey:
        """What there is to review in the open folders. Sends nothing; reads all of it, which takes seconds.

        ``on_step`` is told how many files were looked at, of how many. Raises OpenAIError if the settings
        do not say who would be asked.
        """

    async def assignment(self, path: str) -> Assignment | None:
        """The review of a file of the open folders as it lies on the disk.

        None if it is none of theirs (any more), or there is nothing to review, or it must not be.
        """

    def health(self) -> Health:
        """Whether those who are asked answer as they should. Waits for nothing."""

    async def today(self) -> Counts | None:
        """What all kibitz processes of this machine asked today; None: the state database does not say."""

    async def usage(self) -> Spending:
        """What was asked and what it cost, and what the cache saved of it."""

    async def status(self) -> Sequence[str]:
        """Who reviews, what holds that back, and what it cost so far, in sentences without full stops."""

    async def aclose(self) -> None:
        """Let go of connections and models."""


@dataclass(frozen=True, slots=True)
class Loading:
    """Settings that were read."""

    knobs: Knobs
    problems: tuple[str, ...] = ()
    """What is wrong with them and was not told before, a sentence each."""
    wrong: tuple[str, ...] = ()
    """All that is wrong with them."""
    rebuild: bool = True
    """Whether a service that was built for the settings before does not fit these."""
    folders: Mapping[str, Knobs] = field(default_factory=dict)
    """The settings of open folders that have their own, by absolute path; see ``Folders``."""


class Backend(Protocol):
    """Reads settings and builds services for them."""

    async def load(self, editor: object, cli: Mapping[str, object], folders: Mapping[str, object]) -> Loading:
        """The settings, with the editor's section among their sources, and what it has else for ``folders``.

        These are the open folders' paths, as far as the editor was asked about them.
        """

    async def build(self, roots: Sequence[str], listener: Listener) -> ReviewService:
        """The service for the settings that were loaded last; ``roots`` are the folders that are open.

        Raises OpenAIError (its ConfigError, mostly) if none can work with them.
        """

    async def examine(self, *, offline: bool) -> Sequence[Line]:
        """Whether everything is in order, by the settings that were loaded last; takes seconds.

        ``offline``: ask no model, and look at this machine only.
        """

    async def usage_report(self, days: int) -> Path:
        """Write a page about what was asked in so many days, today included, on this machine; where it is.

        Raises OSError if it cannot be written.
        """

    async def report(self, server: Mapping[str, object], folders: Sequence[Path]) -> Report:
        """Write a report of what may be at fault, with what the server says of itself; takes seconds.

        ``folders`` are open: their paths are not shown. Raises OSError if it cannot be written.
        """
