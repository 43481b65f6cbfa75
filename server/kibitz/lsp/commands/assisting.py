"""Other code for a place, and explanations, for clients that cannot have them otherwise, and for keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pygls.exceptions import JsonRpcInvalidParams

from kibitz.lsp.actions import complaint, fix_of, titled
from kibitz.lsp.commands.named import named_finding
from kibitz.lsp.edits import workspace_edit
from kibitz.lsp.place import Place, decode
from kibitz.lsp.rendering import identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.server import KibitzServer


async def fix(ls: KibitzServer, arguments: Sequence[object]) -> dict[str, Any]:
    """Mend a finding, or write a place anew; the outcome is told, and returned."""
    named = named_finding(ls, arguments)
    if named is not None:
        document, shown = named
        own = fix_of(shown, document.snapshot.text)
        if own is not None:
            edit = workspace_edit([own], document.snapshot, ls.client)
            return await _apply(ls, edit, shown.finding.title)
        place = Place.of(document.snapshot, shown.span, (complaint(shown.finding),))
    else:
        place = _place(arguments)
    proposal = await ls.assistance.edit(place, "Fix with kibitz")
    return await _apply(ls, proposal.edit, proposal.title)


async def _apply(ls: KibitzServer, edit: Any, title: str) -> dict[str, Any]:
    refusal = await ls.editor.apply(edit, title)
    if refusal is None:
        return {"applied": True, "title": title}
    ls.editor.show(f"kibitz: the edit was not made: {refusal}")
    return {"applied": False, "title": title, "reason": refusal}


async def explain(ls: KibitzServer, arguments: Sequence[object]) -> dict[str, Any]:
    """Say what a finding, or a place, is about; the hover on the finding tells it from now on."""
    named = named_finding(ls, arguments)
    if named is not None:
        document, shown = named
        place = Place.of(document.snapshot, shown.span, (complaint(shown.finding),))
        title, name = titled("Explain", shown.finding.title), identity(shown.finding)
    else:
        place, title, name = _place(arguments), "Explain selection", ""
    analysis = await ls.assistance.explain(place, title, name)
    ls.editor.tell("kibitz: " + " ".join(filter(None, (analysis.summary, analysis.explanation))))
    return {
        "summary": analysis.summary,
        "reliesOn": list(analysis.relies_on),
        "breaksWhen": list(analysis.breaks_when),
        "explanation": analysis.explanation,
    }


def _place(arguments: Sequence[object]) -> Place:
    place = decode(arguments[0] if arguments else None)
    if place is None:
        raise JsonRpcInvalidParams(
            "the argument should be {uri, id}, or what a code action of kibitz carries"
        )
    return place
