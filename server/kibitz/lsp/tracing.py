"""What the client hears of the reviews if it wants to (``$/setTrace``): counts and times, never source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from kibitz.lsp.documents import Intent

if TYPE_CHECKING:
    from collections.abc import Callable

    from kibitz.lsp.documents import Document, Run
    from kibitz.lsp.service import Outcome


class Trace:
    """How much the client wants to hear. Nothing until it says so."""

    def __init__(self, send: Callable[[types.LogTraceParams], None]) -> None:
        self._send = send
        self._value = types.TraceValue.Off

    def turn(self, value: object) -> None:
        """From now on that much; what is no such value changes nothing."""
        for each in types.TraceValue:
            if each.value == value:
                self._value = each

    def log(self, message: str, verbose: str = "") -> None:
        """Something happened; ``verbose`` is what only few want to know of it."""
        if self._value is types.TraceValue.Off:
            return
        everything = self._value is types.TraceValue.Verbose and verbose
        self._send(types.LogTraceParams(message=message, verbose=verbose if everything else None))

    def began(self, document: Document, run: Run) -> None:
        """A review begins."""
        looks = ": a look at what is known" if run.intent is Intent.LOOK else ""
        self.log(f"review of {document.name}, version {run.snapshot.version}, began{looks}")

    def ended(self, document: Document, run: Run, outcome: Outcome, seconds: float) -> None:
        """A review ended, whatever came of it."""
        failed = f", {len(outcome.errors)} failed" if outcome.errors else ""
        usage = outcome.usage
        self.log(
            f"review of {document.name}, version {run.snapshot.version}, ended: "
            f"{len(outcome.findings)} findings, {usage.requests} requests{failed}",
            f"{seconds:.3f} s, {usage.input_tokens} tokens in, {usage.output_tokens} out, "
            f"{len(run.snapshot.text)} characters",
        )

    def failed(self, document: Document, run: Run, why: str) -> None:
        """A review came to nothing."""
        self.log(f"review of {document.name}, version {run.snapshot.version}, came to nothing: {why}")
