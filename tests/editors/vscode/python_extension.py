"""Stands in for the Python extension, which no package registry has: it says which environment is active."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MANIFEST = {
    "name": "python",
    "publisher": "ms-python",
    "version": "2026.1.0",
    "engines": {"vscode": "^1.96.0"},
    "main": "./main.js",
    "activationEvents": [],
}
_MAIN = """\
const vscode = require('vscode');
exports.activate = () => ({ environments: {
  onDidChangeActiveEnvironmentPath: new vscode.EventEmitter().event,
  getActiveEnvironmentPath: () => ({ path: PYTHON }),
  resolveEnvironment: async ({ path }) => ({ executable: { uri: vscode.Uri.file(path) } }),
} });
"""
_PACKAGE = """\
<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata><Identity Language="en-US" Id="python" Version="2026.1.0" Publisher="ms-python"/></Metadata>
  <Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
  <Assets>
    <Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/>
  </Assets>
</PackageManifest>
"""


def python_extension(folder: Path, python: str) -> Path:
    """An extension that has ``python`` as its active environment, as a file to install it from."""
    vsix = folder / "python.vsix"
    with zipfile.ZipFile(vsix, "w") as archive:
        archive.writestr("extension.vsixmanifest", _PACKAGE)
        archive.writestr("extension/package.json", json.dumps(_MANIFEST))
        archive.writestr("extension/main.js", _MAIN.replace("PYTHON", json.dumps(python)))
    return vsix
