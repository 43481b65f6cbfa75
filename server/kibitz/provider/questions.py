"""From the questions of ``findings`` to those of the wire, and from raw answers to decoded ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kibitz.findings.request import Malformed
from kibitz.guard.sanitize import Rejected, decode_json
from kibitz.provider.errors import InvalidResponse
from kibitz.provider.wire import Message, Question, json_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.findings.dialogue import Dialogue
    from kibitz.findings.request import Request
    from kibitz.provider.wire import Answer

T = TypeVar("T")


def question_of(request: Request, language: str = "") -> Question:
    """A question that is answered in one go, about source in ``language``."""
    return Question(
        request.instructions,
        (Message("user", request.input),),
        request.schema_name,
        request.schema,
        request.max_output_tokens,
        language=language,
    )


def turn_of(dialogue: Dialogue, language: str = "") -> Question:
    """The next turn of a dialogue about source in ``language``."""
    return Question(
        dialogue.instructions,
        tuple(Message(turn.role, turn.content) for turn in dialogue.turns),
        dialogue.schema_name,
        dialogue.schema,
        dialogue.max_output_tokens,
        dialogue.weigh,
        language,
        dialogue.raw,
        dialogue.stop,
    )


def decoded(read: Callable[[object], T]) -> Callable[[Answer], T]:
    """A parser of raw answers from one of decoded answers.

    It raises ``InvalidResponse``, worth another attempt, where the answer is not JSON or not in the schema.
    """

    def parse(answer: Answer) -> T:
        try:
            return read(decode_json(json_part(answer.text)))
        except Rejected as error:
            raise _off_schema(str(error)) from error
        except Malformed:
            # Its message names keys of the answer, and those may be anything.
            cause = Malformed("another shape than asked for")
            raise _off_schema(str(cause)) from cause

    return parse


def _off_schema(why: str) -> InvalidResponse:
    return InvalidResponse(
        f"the model's answer does not follow its schema ({why}); if this happens often, use another "
        "model, or set review to rewrite",
        code="malformed",
        retryable=True,
    )
