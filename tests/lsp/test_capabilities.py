from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kibitz.lsp.capabilities import Client, reduce
from kibitz.text.lines import Encoding

NAMES = st.sampled_from(
    [
        "capabilities",
        "general",
        "positionEncodings",
        "workspace",
        "workspaceEdit",
        "documentChanges",
        "window",
        "workDoneProgress",
        "clientInfo",
        "name",
        "processId",
        "workspaceFolders",
        "rootUri",
        "uri",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)


def test_vscode() -> None:
    client = reduce(
        {
            "processId": 7,
            "clientInfo": {"name": "Visual Studio Code", "version": "1"},
            "capabilities": {
                "general": {"positionEncodings": ["utf-16"]},
                "workspace": {
                    "configuration": True,
                    "didChangeConfiguration": {"dynamicRegistration": True},
                    "workspaceEdit": {
                        "documentChanges": True,
                        "changeAnnotationSupport": {"groupsOnLabel": True},
                    },
                },
                "window": {"workDoneProgress": True},
            },
            "workspaceFolders": [{"uri": "file:///w", "name": "w"}, {"name": "no uri"}],
            "initializationOptions": {"debounceMs": 5},
        }
    )
    assert client == Client(
        name="Visual Studio Code",
        version="1",
        encoding=Encoding.UTF16,
        versioned_edits=True,
        annotated_edits=True,
        progress=True,
        configuration=True,
        registers_configuration=True,
        process_id=7,
        roots=("file:///w",),
        options={"debounceMs": 5},
    )


def test_neovim_applies_versioned_edits_though_it_does_not_say_so() -> None:
    client = reduce(
        {
            "clientInfo": {"name": "Neovim"},
            "capabilities": {"general": {"positionEncodings": ["utf-8", "utf-16"]}},
            "rootUri": "file:///r",
        }
    )
    assert client.versioned_edits
    assert client.encoding is Encoding.UTF8
    assert client.roots == ("file:///r",)


def test_a_client_that_says_nothing_counts_in_utf_16() -> None:
    assert reduce({}) == Client(encoding=Encoding.UTF16)


def test_the_first_known_encoding_wins() -> None:
    capabilities = {"general": {"positionEncodings": ["utf-7", 8, "utf-32", "utf-8"]}}
    assert reduce({"capabilities": capabilities}).encoding is Encoding.UTF32


def test_true_is_no_process() -> None:
    assert reduce({"processId": True}).process_id is None
    assert reduce({"processId": -1}).process_id is None


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_nothing_a_client_sends_is_refused(params: dict[str, object]) -> None:
    assert isinstance(reduce(params), Client)
