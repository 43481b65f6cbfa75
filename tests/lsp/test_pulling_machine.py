"""The same conversation with an editor that pulls: it sees what others are sent, and is sent nothing."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from lsprotocol import types
from tests.lsp.test_machine import STEPS, Conversation
from tests.support.hints import without_hints
from tests.support.mirror import Mirror

from kibitz.lsp.capabilities import Client
from kibitz.lsp.publisher import REFRESH_SECONDS
from kibitz.lsp.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.support.mirror import Model

    from kibitz.text.lines import Encoding

pytestmark = pytest.mark.deep
RUNS = 200


@dataclass
class Asking(Mirror):
    """An editor that is to be told when to ask, and nothing else."""

    asks: bool = False

    def publish(self, uri: str, version: int | None, diagnostics: Sequence[types.Diagnostic]) -> None:
        self.untrue.append(AssertionError(f"{uri} {version} was sent {len(diagnostics)} diagnostics"))

    def refresh(self) -> None:
        self.asks = True

    def take(self, uri: str, report: types.DocumentDiagnosticReport) -> str:
        """Show what a report says; what it is called."""
        if isinstance(report, types.RelatedFullDocumentDiagnosticReport):
            self.screen[uri] = report.items
        # What is said to be unchanged has to hold in the text as it is now, too.
        Mirror.publish(self, uri, self.models[uri].version, self.screen[uri])
        assert report.result_id is not None
        return report.result_id


class PullingConversation(Conversation):
    """Asks after each edit, as all such editors do, and when it is told to."""

    mirror: Asking

    def _begin(self, encoding: Encoding) -> None:
        super()._begin(encoding)
        self.mirror = Asking(encoding, self.quotes)
        self.session = without_hints(Session(self.mirror, self.clock, Client(encoding=encoding)))
        self.session.publisher.switch(pulls=True, documents=())
        self.session.use(self.knobs, self.oracle)
        self.results: dict[str, str] = {}
        self.texts: dict[str, object] = {}
        self.asked: dict[str, Model] = {}

    def do(self, something: Callable[[], object]) -> None:
        super().do(something)
        super().do(lambda: self.clock.advance(REFRESH_SECONDS))
        if hasattr(self, "texts"):
            self._pull()

    def _pull(self) -> None:
        asks, self.mirror.asks = self.mirror.asks, False
        for uri in self.mirror.screen.keys() - self.models.keys():
            del self.mirror.screen[uri], self.results[uri], self.texts[uri]
        for uri, model in self.models.items():
            text = (model.text, model.version, model.synced)
            document = self.session.documents.get(uri)
            if document is not None and (asks or self.texts.get(uri) != text or self.asked[uri] is not model):
                self.texts[uri], self.asked[uri] = text, model
                report = self.session.publisher.report(document, self.results.get(uri))
                self.results[uri] = self.mirror.take(uri, report)


def test_what_is_pulled_is_true(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "kibitz")
    each = settings(
        max_examples=RUNS,
        stateful_step_count=STEPS,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    machine = type("PullingConversation", (PullingConversation,), {})
    run_state_machine_as_test(seed(0)(machine), settings=each)
