"""What was asked and what it cost, as a page to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcInvalidParams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.server import KibitzServer

_DAYS, _MOST_DAYS = 30, 400


async def usage_report(ls: KibitzServer, arguments: Sequence[object]) -> dict[str, object]:
    """Write the usage report into the state folder, open it if the editor can, and say where it is.

    The argument may be ``{"days": 30, "show": true}``; who does not want it shown shows it without our help.
    """
    days, show = _wanted(arguments)
    try:
        path = await ls.setup.usage_report(days)
    except OSError as error:
        said = f"the usage report could not be written: {error.strerror or str(error)}"
        ls.editor.show(f"kibitz: {said}")
        return {"path": None, "uri": None, "text": said}
    said, uri = f"the usage report is in {path}", path.as_uri()
    if show and not await ls.editor.open(uri):
        ls.editor.tell(f"kibitz: {said}")
    return {"path": str(path), "uri": uri, "text": said}


def _wanted(arguments: Sequence[object]) -> tuple[int, bool]:
    first = arguments[0] if arguments else None
    if first is None:
        return _DAYS, True
    if isinstance(first, dict):
        days, show = first.get("days", _DAYS), first.get("show", True)
        if type(days) is int and 1 <= days <= _MOST_DAYS and isinstance(show, bool):
            return days, show
    raise JsonRpcInvalidParams(
        f'the argument should be {{"days": 30, "show": true}}, with 1 to {_MOST_DAYS} days, or left out'
    )
