"""What the server needs of the rest of kibitz, and nothing more; and how to get it once it is wanted.

Importing this module costs nothing: the rooms behind it (the SDK, tree-sitter, pydantic) come when they are
wanted, in a thread, after ``initialize`` was answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kibitz.findings.finding import Finding
    from kibitz.provider.errors import OpenAIError
    from kibitz.provider.limits.priority import Urgency
    from kibitz.text.spans import Span


class Outcome(Protocol):
    """What a review has found so far."""

    @property
    def findings(self) -> Sequence[Finding]:
        """In offsets of the reviewed text."""

    @property
    def unreviewed(self) -> Sequence[Span]:
        """The parts of the text that there is no answer for: failed, or still waited for."""

    @property
    def errors(self) -> Sequence[OpenAIError]:
        """What went wrong, for each part that failed."""

    @property
    def requests(self) -> int:
        """How many requests the provider answered; 0 when everything was known already."""


class Knobs(Protocol):
    """The settings that the server itself goes by."""

    @property
    def enabled(self) -> bool:
        """Whether to review at all."""

    @property
    def debounce_ms(self) -> int:
        """Milliseconds without typing before a review."""

    @property
    def max_delay_ms(self) -> int:
        """Milliseconds of typing after which a review comes anyway."""

    @property
    def max_file_bytes(self) -> int:
        """Larger documents are not reviewed."""


class ReviewService(Protocol):
    """Reviews texts."""

    async def review(
        self,
        text: str,
        language: str,
        path: str | None,
        urgency: Urgency,
        on_progress: Callable[[Outcome], None],
    ) -> Outcome:
        """Review ``text``. Says what is there so far when all requests are under way, and as it grows.

        ``urgency`` may rise meanwhile. Cancelling it aborts its requests. Raises OpenAIError if nothing could
        be done at all.
        """

    def refusal(self, path: str) -> str | None:
        """Why that file must not be sent anywhere, or None if it may. Reads the disk: call it in a thread."""

    def set_roots(self, roots: Sequence[str]) -> None:
        """The URIs of the folders that are open now."""

    async def clear_cache(self) -> None:
        """Forget all kept answers."""

    def status(self) -> str:
        """Who reviews, and what it cost so far, in a sentence or two."""

    async def aclose(self) -> None:
        """Let go of connections and models."""


@dataclass(frozen=True, slots=True)
class Loading:
    """Settings that were read."""

    knobs: Knobs
    problems: tuple[str, ...] = ()
    """What is wrong with them and was not told before, a sentence each."""
    rebuild: bool = True
    """Whether a service that was built for the settings before does not fit these."""


class Backend(Protocol):
    """Reads settings and builds services for them."""

    async def load(self, editor: object, cli: Mapping[str, object]) -> Loading:
        """The settings, with the editor's section among their sources."""

    async def build(self, roots: Sequence[str]) -> ReviewService:
        """The service for the settings that were loaded last; ``roots`` are the folders that are open.

        Raises OpenAIError (its ConfigError, mostly) if none can work with them.
        """
