"""What is known of the documents and what that took, in sentences without full stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibitz.lsp.documents import Document, Documents


def summary(documents: Documents, state: str) -> str:
    """All documents, and what goes on with them."""
    shown = [each for document in documents for each in document.shown]
    stale = sum(bool(each.stale) for each in shown)
    doubts = f" ({stale} not re-checked)" if stale else ""
    return f"{len(documents)} documents, {len(shown)} findings{doubts}, {state}"


def account(document: Document) -> str:
    """What the reviews of one document took since it was opened; empty if nothing."""
    spent = document.spent
    if not spent.requests:
        return ""
    cost = "" if spent.cost_usd is None else f", ${spent.cost_usd:.4f}"
    return (
        f"{document.name}: {spent.requests} requests, {spent.input_tokens} tokens in, "
        f"{spent.output_tokens} out{cost} since it was opened"
    )
