"""Whether everything is in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.app.doctor import Line, State
from kibitz.guard.invisible import strip_invisible
from kibitz.lsp.silence import silence_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kibitz.lsp.server import KibitzServer

_WHERE = "(the whole report: this editor's log of language servers)"
_LONGEST = 1000
"""Characters of a line: what others wrote may be in it."""


async def doctor(ls: KibitzServer, arguments: Sequence[object]) -> dict[str, object]:
    """Look at everything, and say what needs the user; the whole report goes to the log of the editor.

    Asks the model one question of a few words, unless the argument is ``{"offline": true}``.
    """
    first = arguments[0] if arguments else None
    offline = isinstance(first, dict) and first.get("offline") is True
    lines = [*await _window(ls), *await ls.setup.examine(offline=offline)]
    text = "\n".join(map(_shown, lines))
    problems = [line for line in lines if line.state is State.PROBLEM]
    ls.editor.log(f"kibitz doctor\n{text}")
    if problems:
        worst = problems[0]
        more = f"; {len(problems) - 1} more" if problems[1:] else ""
        advice = f". {_clean(worst.advice)}" if worst.advice else ""
        ls.editor.show(f"kibitz doctor: {_clean(worst.what)}{more}{advice} {_WHERE}")
    else:
        ls.editor.tell(f"kibitz doctor: all is well {_WHERE}")
    return {"ok": not problems, "lines": [_as_json(line) for line in lines], "text": text}


async def _window(ls: KibitzServer) -> list[Line]:
    """What this very server does, and whether the document in focus is reviewed."""
    session, now = ls.session, ls.reporter.now()
    sort = {"degraded": State.PROBLEM, "off": State.PROBLEM, "paused": State.NOTE}.get(now.state, State.OK)
    lines = [Line(sort, f"this window: {now.message}", now.action)]
    document = session.documents.get(session.attention.focus or "")
    if document is not None and (silence := await silence_of(session, document)):
        lines.append(Line(State.NOTE, f"{document.name} is not reviewed: {silence.why}", silence.action))
    return lines


def _as_json(line: Line) -> dict[str, str]:
    return {"state": line.state.value, "what": _clean(line.what), "advice": _clean(line.advice)}


def _shown(line: Line) -> str:
    advice = f"\n        {_clean(line.advice)}" if line.advice else ""
    return f"{line.state.value:<8}{_clean(line.what)}{advice}"


def _clean(text: str) -> str:
    return " ".join(strip_invisible(text[:_LONGEST]).split())
