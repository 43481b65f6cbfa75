"""What helps to find a fault, as an archive."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.server import KibitzServer

_NOT_SHOWN = ("options", "process_id", "roots", "trace")
"""Of what the client said: what may hold anything."""


async def bug_report(ls: KibitzServer, _arguments: Sequence[object]) -> dict[str, object]:
    """Write a report of what may be at fault into the state folder, and say where it is.

    It asks no model, sends nothing, and holds neither source code nor keys.
    """
    try:
        report = await ls.setup.report(_server(ls))
    except OSError as error:
        said = f"the report could not be written: {error.strerror or type(error).__name__}"
        ls.editor.show(f"kibitz: {said}")
        return {"path": None, "parts": [], "text": said}
    said = f"the report is in {report.path}; look through it before you give it to anybody"
    ls.editor.log("kibitz: a report was written\n" + "\n".join(report.parts))
    ls.editor.tell(f"kibitz: {said}")
    return {"path": str(report.path), "parts": list(report.parts), "text": said}


def _server(ls: KibitzServer) -> dict[str, object]:
    """What this server does, and for whom. No names of documents."""
    client = {name: value for name, value in asdict(ls.client).items() if name not in _NOT_SHOWN}
    documents = [*ls.session.documents]
    return {
        "editor": client,
        "status": ls.reporter.now().as_json(),
        "folders": len(ls.setup.roots),
        "languages": dict(Counter(document.language or "none" for document in documents)),
        "unsynced": sum(not document.synced for document in documents),
        **ls.measuring.as_json(),
    }
