"""All files of the open folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.server import KibitzServer


async def analyze_workspace(ls: KibitzServer, arguments: Sequence[object]) -> dict[str, object]:
    """Begin a review of all files in the open folders; it is shown, and what comes of it told.

    What is more than a few requests to somebody who charges for them is done with the user's word only, or
    at once with the argument ``{"confirmed": true}``. Answered at once: some clients wait for nothing else.
    """
    first = arguments[0] if arguments else None
    confirmed = isinstance(first, dict) and first.get("confirmed") is True
    refusal = ls.workspace_review.start(confirmed=confirmed)
    if refusal:
        ls.editor.show(f"kibitz: the workspace is not reviewed: {refusal}")
    return {"started": not refusal, "text": refusal}
