"""The server as pytest-lsp's client meets it: a whole client library, not our own idea of one.

It introduces itself as real editors do, and reads every message by the protocol's types.
"""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest
from lsprotocol import types
from lsprotocol.converters import get_converter
from pytest_lsp import ClientServerConfig, LanguageClient
from tests.support import canary
from tests.support.captured import introduction
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.lsp_process import clean_environment

SOURCE = "def mean(values):\n    return sum(values) / len(value)\n"
SERVER = str(Path(sysconfig.get_path("scripts")) / "kibitz")


@dataclass
class Opened:
    """A document with one finding in it."""

    client: LanguageClient
    uri: str
    found: types.Diagnostic


async def opened(name: str, project: Path, environment: dict[str, str]) -> Opened:
    """Start a server as the captured client ``name``, and open a file with a bug."""
    config = ClientServerConfig(server_command=[SERVER, "serve", "--stdio"], server_env=environment)
    client = await config.start()
    assert isinstance(client, LanguageClient)
    client.feature(types.CLIENT_REGISTER_CAPABILITY)(lambda _params: None)
    client.set_configuration({"kibitz": {"debounceMs": 10}})
    params = get_converter().structure(introduction(name), types.InitializeParams)
    params.root_uri, params.root_path, params.workspace_folders = project.as_uri(), None, None
    await client.initialize_session(params)
    uri = (project / "mean.py").as_uri()
    document = types.TextDocumentItem(uri, types.LanguageKind.Python, 0, SOURCE)
    client.text_document_did_open(types.DidOpenTextDocumentParams(document))
    await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    (found,) = client.diagnostics[uri]
    return Opened(client, uri, found)


@pytest.mark.parametrize("name", ["vscode-11", "neovim-0.11", "eglot-1.9", "eglot-1.17"])
async def test_a_client_library_is_served(name: str, tmp_path: Path) -> None:
    bug = Bug("len(value)", "len(values)", title="Undefined name")
    async with FakeProvider(reviewer(bug)) as fake:
        environment = clean_environment(
            tmp_path, {"OPENAI_BASE_URL": fake.base_url, "OPENAI_API_KEY": canary.KEY}
        )
        there = await opened(name, tmp_path, environment)
        client, found = there.client, there.found
        assert found.message.startswith("Undefined name")
        document = types.TextDocumentIdentifier(there.uri)
        actions = await client.text_document_code_action_async(
            types.CodeActionParams(document, found.range, types.CodeActionContext([found]))
        )
        fix = next(each for each in actions or () if isinstance(each, types.CodeAction) and each.edit)
        assert fix.kind == types.CodeActionKind.QuickFix
        assert list(fix.diagnostics or ()) == [found]
        hover = await client.text_document_hover_async(types.HoverParams(document, found.range.start))
        assert hover
        assert "Undefined name" in str(hover.contents)
        client.text_document_did_close(types.DidCloseTextDocumentParams(document))
        await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        assert list(client.diagnostics[there.uri]) == []
        await client.shutdown_session()
        assert client.error is None
        assert client.messages == []
        await client.stop()  # type: ignore[no-untyped-call]  # pytest-lsp leaves it untyped
