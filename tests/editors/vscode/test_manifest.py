"""The extension for VS Code agrees with the server: settings, commands, and what it makes of messages."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz._version import __version__
from kibitz.app.choice import NOBODY
from kibitz.config.settings import is_secret, setting_names
from kibitz.lsp.commands import COMMANDS

if TYPE_CHECKING:
    from types import ModuleType

EXTENSION = Path(__file__).parents[3] / "editors/vscode"
MANIFEST = EXTENSION / "package.json"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("manifest", EXTENSION / "scripts/manifest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_manifest_is_current() -> None:
    written = MANIFEST.read_text(encoding="utf-8")
    made: str = script().text(script().current(json.loads(written)))
    assert written == made, "run: make manifest"


def test_both_have_one_version() -> None:
    lock = json.loads((EXTENSION / "package-lock.json").read_text(encoding="utf-8"))
    assert json.loads(MANIFEST.read_text(encoding="utf-8"))["version"] == lock["version"] == __version__


def test_no_secret_is_a_setting() -> None:
    configuration = json.loads(MANIFEST.read_text(encoding="utf-8"))["contributes"]["configuration"]
    names = {name for group in configuration for name in group["properties"]}
    secrets = {name for name in setting_names() if is_secret(name)}
    assert secrets
    assert not {name.lower() for name in names} & {f"kibitz.{name.replace('_', '')}" for name in secrets}


def test_every_command_of_the_server_is_registered_by_the_extension() -> None:
    source = (EXTENSION / "src/commandNames.ts").read_text(encoding="utf-8")
    listed = source.partition("SERVER_COMMANDS = [")[2].partition("]")[0]
    assert set(COMMANDS) <= set(re.findall(r"'(kibitz\.\w+)'", listed))


def test_the_message_without_a_key_is_known_by_its_words() -> None:
    buttons = (EXTENSION / "src/buttons.ts").read_text(encoding="utf-8")
    (words,) = re.findall(r"NOBODY = '([^']+)'", buttons)
    assert words in NOBODY
    assert ". Set OPENAI_API_KEY" in NOBODY
    assert r"\. Set OPENAI_API_KEY" in buttons


def test_the_lock_names_no_registry_of_ours() -> None:
    lock = (EXTENSION / "package-lock.json").read_text(encoding="utf-8")
    hosts = set(re.findall(r'"resolved": "https?://([^/"]+)', lock))
    assert hosts <= {"registry.npmjs.org"}
