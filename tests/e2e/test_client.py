"""The server as pytest-lsp's client meets it: a whole client library, not our own idea of one."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.lsp_process import clean_environment

SOURCE = "def mean(values):\n    return sum(values) / len(value)\n"
SERVER = str(Path(sysconfig.get_path("scripts")) / "kibitz")


@pytest.mark.parametrize("name", ["visual_studio_code", "neovim@0.11", "emacs"])
async def test_a_client_library_is_served(name: str, tmp_path: Path) -> None:
    uri = (tmp_path / "mean.py").as_uri()
    bug = Bug("len(value)", "len(values)", title="Undefined name")
    async with FakeProvider(reviewer(bug)) as fake:
        environment = clean_environment(
            tmp_path, {"OPENAI_BASE_URL": fake.base_url, "OPENAI_API_KEY": canary.KEY}
        )
        config = ClientServerConfig(server_command=[SERVER, "serve", "--stdio"], server_env=environment)
        client = await config.start()
        assert isinstance(client, LanguageClient)

        client.feature(types.CLIENT_REGISTER_CAPABILITY)(lambda _params: None)
        client.set_configuration({"kibitz": {"debounceMs": 10}})
        await client.initialize_session(
            types.InitializeParams(capabilities=client_capabilities(name), root_uri=tmp_path.as_uri())
        )
        client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, types.LanguageKind.Python, 1, SOURCE))
        )
        await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        (found,) = client.diagnostics[uri]
        assert found.message.startswith("Undefined name")
        actions = await client.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(uri), found.range, types.CodeActionContext([found])
            )
        )
        assert actions
        (action,) = actions
        assert isinstance(action, types.CodeAction)
        assert action.edit
        assert list(action.diagnostics or ()) == [found]
        await client.shutdown_session()
        assert client.error is None
        assert client.messages == []
        await client.stop()  # type: ignore[no-untyped-call]  # pytest-lsp leaves it untyped
