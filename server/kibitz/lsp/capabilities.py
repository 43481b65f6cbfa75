"""What the client can do, reduced once to a handful of facts. Everything else reads those.

It is read from the JSON as it came, field by field: a client that sends nonsense in one corner of its
capabilities can still be served, and `initialize` need not wait for every type of the protocol to be built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNNECESSARY = 1
_LLM_GENERATED = 1
_KNOWN_ENCODINGS = {encoding.value: encoding for encoding in Encoding}


@dataclass(frozen=True, slots=True)
class Client:
    """The facts about the editor at the other end."""

    name: str = ""
    version: str = ""
    encoding: Encoding = Encoding.UTF16
    """What its columns count: the first of its choices that is known, as the protocol has it."""
    versioned_edits: bool = False
    """It applies `documentChanges`, and refuses them for a version it does not have."""
    annotated_edits: bool = False
    """It can ask the user before it applies an edit."""
    progress: bool = False
    """It shows progress that the server begins."""
    configuration: bool = False
    """It answers `workspace/configuration`."""
    registers_configuration: bool = False
    """It sends `didChangeConfiguration` only after a registration."""
    watches_files: bool = False
    """It tells about changes of files, whoever makes them, if it is asked to."""
    relative_patterns: bool = False
    """It can be asked so for files in a folder that is not open."""
    shows_documents: bool = False
    """It opens a file that a server names, in whatever program the user has for it."""
    applies_edits: bool = False
    """It makes edits that a server asks for."""
    action_literals: bool = False
    """It takes code actions; else only commands."""
    resolves_edits: bool = False
    """It asks for the edit of a code action once that is chosen, and gives back what it was told with it."""
    marks_generated: bool = False
    """It tells the user which actions are a model's."""
    markdown: bool = False
    """Its hovers render Markdown."""
    code_descriptions: bool = False
    """It makes a link of a diagnostic's code."""
    related_information: bool = False
    """It shows what else belongs to a diagnostic."""
    fades: bool = False
    """It fades what is unnecessary."""
    refreshes: bool = False
    """It asks for diagnostics again when it is told to: it can pull them, and need not miss any."""
    registers_diagnostics: bool = False
    """It begins to pull them, and stops, when it is asked to."""
    pulls_from_start: bool = False
    """It has to be told at once that it may pull diagnostics, and its user wants that."""
    notebooks: bool = False
    """It says what happens in notebooks."""
    process_id: int | None = None
    roots: tuple[str, ...] = ()
    """URIs of the folders it works in."""
    trace: object = None
    """How much of `$/logTrace` it wants to hear, unchecked."""
    options: object = None
    """`initializationOptions`, unchecked."""


def reduce(params: Mapping[str, Any]) -> Client:
    """The facts of an `initialize` request's parameters, whatever they hold."""
    capabilities = params.get("capabilities")
    name, version = (_at(params, "clientInfo", what) for what in ("name", "version"))
    process_id = params.get("processId")
    refreshes = (
        isinstance(_at(capabilities, "textDocument", "diagnostic"), dict)
        and _at(capabilities, "workspace", "diagnostics", "refreshSupport") is True
    )
    registers_diagnostics = _at(capabilities, "textDocument", "diagnostic", "dynamicRegistration") is True
    return Client(
        name=name if isinstance(name, str) else "",
        version=version if isinstance(version, str) else "",
        encoding=_encoding(_at(capabilities, "general", "positionEncodings")),
        # Neovim does not say so, but applies them and checks the version (notes: "Buffer newer than edits").
        versioned_edits=_at(capabilities, "workspace", "workspaceEdit", "documentChanges") is True
        or name == "Neovim",
        annotated_edits=isinstance(
            _at(capabilities, "workspace", "workspaceEdit", "changeAnnotationSupport"), dict
        ),
        progress=_at(capabilities, "window", "workDoneProgress") is True,
        configuration=_at(capabilities, "workspace", "configuration") is True,
        registers_configuration=_at(
            capabilities, "workspace", "didChangeConfiguration", "dynamicRegistration"
        )
        is True,
        shows_documents=_at(capabilities, "window", "showDocument", "support") is True,
        applies_edits=_at(capabilities, "workspace", "applyEdit") is True,
        action_literals=isinstance(
            _at(capabilities, "textDocument", "codeAction", "codeActionLiteralSupport"), dict
        ),
        resolves_edits=_at(capabilities, "textDocument", "codeAction", "dataSupport") is True
        and _holds(_at(capabilities, "textDocument", "codeAction", "resolveSupport", "properties"), "edit"),
        marks_generated=_holds(
            _at(capabilities, "textDocument", "codeAction", "tagSupport", "valueSet"), _LLM_GENERATED
        ),
        # Neovim says so, but shows the backslashes that keep text from becoming markup.
        markdown=_holds(_at(capabilities, "textDocument", "hover", "contentFormat"), "markdown")
        and name != "Neovim",
        code_descriptions=_at(capabilities, "textDocument", "publishDiagnostics", "codeDescriptionSupport")
        is True,
        related_information=_at(capabilities, "textDocument", "publishDiagnostics", "relatedInformation")
        is True,
        fades=_holds(
            _at(capabilities, "textDocument", "publishDiagnostics", "tagSupport", "valueSet"), _UNNECESSARY
        ),
        refreshes=refreshes,
        registers_diagnostics=registers_diagnostics,
        pulls_from_start=refreshes and not registers_diagnostics and _wants_to_pull(params),
        notebooks=isinstance(_at(capabilities, "notebookDocument", "synchronization"), dict),
        watches_files=_at(capabilities, "workspace", "didChangeWatchedFiles", "dynamicRegistration") is True,
        relative_patterns=_at(capabilities, "workspace", "didChangeWatchedFiles", "relativePatternSupport")
        is True,
        process_id=process_id if type(process_id) is int and process_id > 0 else None,
        roots=_roots(params),
        trace=params.get("trace"),
        options=params.get("initializationOptions"),
    )


def _encoding(offered: object) -> Encoding:
    for name in offered if isinstance(offered, list) else ():
        if isinstance(name, str) and name in _KNOWN_ENCODINGS:
            return _KNOWN_ENCODINGS[name]
    return Encoding.UTF16


def _holds(values: object, wanted: object) -> bool:
    return isinstance(values, list) and wanted in values


def _wants_to_pull(params: Mapping[str, Any]) -> bool:
    options = params.get("initializationOptions")
    return "pull" in (_at(options, "kibitz", "diagnostics"), _at(options, "diagnostics"))


def _roots(params: Mapping[str, Any]) -> tuple[str, ...]:
    folders = params.get("workspaceFolders")
    uris = [_at(folder, "uri") for folder in folders] if isinstance(folders, list) else []
    uris = [uri for uri in uris if isinstance(uri, str)] or [params.get("rootUri")]
    return tuple(uri for uri in uris if isinstance(uri, str))


def _at(value: object, *path: str) -> object:
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
