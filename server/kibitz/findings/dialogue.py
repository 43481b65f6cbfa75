"""What is said to a model in turns, independent of the API that carries it, and how it weighed its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a dialogue, after the static instructions."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One request of rewrite mode, independent of the API that carries it."""

    instructions: str
    """Static: the system message (Chat Completions) or ``instructions`` (Responses)."""
    turns: tuple[Turn, ...]
    """After a last turn of the assistant the model goes on with that, where the API can (see ``forks``)."""
    max_output_tokens: int
    """No honest answer is longer. The smaller of this and the configured maximum counts."""
    schema_name: str = ""
    schema: Mapping[str, object] | None = None
    """Strict JSON schema of the answer, or None where it is plain text with one code block."""
    weigh: bool = False
    """Have the probability of each token reported, where the API can."""
    raw: bool = False
    """The only turn is text to go on with, as it is, and no dialogue."""
    stop: str = ""
    """The answer ends before this, if it says it."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token of an answer: its bytes in UTF-8, and the natural logarithm of its probability."""

    text: bytes
    logprob: float
    others: tuple[Token, ...] = ()
    """What could have stood there, the most probable first, without others of their own."""


@dataclass(frozen=True, slots=True)
class Marks:
    """How a model wants a gap to be put to it: what stands before each part."""

    before: str
    after: str
    gap: str
    """Behind it the model writes."""
