"""For tests of all else: a session whose hints do not come in between, from threads, whenever they like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.lsp.hinting import Hinting

if TYPE_CHECKING:
    from kibitz.lsp.documents import Document
    from kibitz.lsp.session import Session


class NoHinting(Hinting):
    """Never looks."""

    def look(self, document: Document) -> None:
        """See ``Hinting``."""

    def later(self, document: Document) -> None:
        """See ``Hinting``."""


def without_hints(session: Session) -> Session:
    """The session, which sees nothing by itself from now on."""
    session.hinting = NoHinting(
        session.documents,
        session._clock,
        publish=session.publisher.publish,
        knobs_of=session.knobs_of,
    )
    return session
