"""`kibitz serve`, which writes down what each message takes.

    python benchmarks/timed.py FILE

A line of FILE is a method and milliseconds by the clock, from where the message is cut out of what has come
until it is dealt with. A request that is answered at once is so when its answer is handed to the system: that
wakes the editor up, maybe on the processor that we are on.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibitz.lsp.framing import Oversize


def times_in(file: Path) -> list[tuple[str, float]]:
    """The method and the milliseconds of each message so far, in order; none without the file."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [(method, float(took)) for method, took in map(str.split, lines)]


def main(file: Path) -> None:
    """Serve until the editor leaves."""
    from kibitz.cli import main as kibitz  # noqa: PLC0415 - whoever reads such a file needs no server
    from kibitz.lsp.framing import Frame  # noqa: PLC0415 - as above
    from kibitz.lsp.protocol import KibitzProtocol  # noqa: PLC0415 - as above
    from kibitz.lsp.transport import PipeWriter  # noqa: PLC0415 - as above

    # A line is written after its message was timed, at once: the process may end without looking back.
    log = file.open("w", encoding="utf-8", buffering=1)
    handle, write = KibitzProtocol.handle_frame, PipeWriter.write
    handed = list[float]()

    def timed(self: KibitzProtocol, frame: Frame | Oversize) -> None:
        handed.clear()
        began = time.perf_counter()
        handle(self, frame)
        took = ([*handed, time.perf_counter()][0] - began) * 1000
        if isinstance(frame, Frame):
            log.write(f"{json.loads(frame.body).get('method', 'answer')} {took:.4f}\n")

    def noted(self: PipeWriter, data: bytes) -> None:
        handed.append(time.perf_counter())
        write(self, data)

    PipeWriter.write = noted  # type: ignore[method-assign]  # the point of this program
    KibitzProtocol.handle_frame = timed  # type: ignore[method-assign]  # as above
    sys.argv = ["kibitz", "serve"]
    kibitz()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
