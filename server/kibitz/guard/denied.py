"""Files that hold secrets by their very name. No setting and no ignore file lets them out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate
from typing import TYPE_CHECKING

from kibitz.text.languages import language_of_name

if TYPE_CHECKING:
    from collections.abc import Iterable

_FILES = (
    *(
        ".env*",
        "*.env",
        "*.pem",
        "*.key",
        "*.p12",
        "*.pfx",
        "*.jks",
        "*.keystore",
        "*.kdbx",
    ),
    *("*.ppk", "*.asc", "*.gpg", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.ovpn"),
    *(
        ".netrc",
        "_netrc",
        ".pypirc",
        ".npmrc",
        ".yarnrc.yml",
        ".htpasswd",
        ".pgpass",
        ".my.cnf",
        ".git-credentials",
    ),
    *(".dockercfg", ".dockerconfigjson", "kubeconfig", "*.kubeconfig", ".vault-token", ".terraformrc"),
    *(
        "*.tfstate",
        "*.tfstate.*",
        "*.tfvars",
        "*.tfvars.json",
        "credentials",
        "credentials.json",
        "credentials.toml",
    ),
    *(
        "client_secret*.json",
        "service-account*.json",
        "service_account*.json",
        "secrets.json",
        "secrets.toml",
    ),
    *("secrets.yml", "secrets.yaml", "*.secrets.yml", "*.secrets.yaml", "master.key"),
)
_FOLDERS = (".aws", ".azure", ".docker", ".gcloud", ".git", ".gnupg", ".kube", ".password-store", ".ssh")
_DATA_FOLDERS = ("secrets", ".secrets")
"""Data in there is secret; code is only about secrets."""


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)), re.IGNORECASE)


_FILE, _FOLDER, _DATA_FOLDER = map(_any_of, (_FILES, _FOLDERS, _DATA_FOLDERS))


@dataclass(frozen=True, slots=True)
class Above:
    """What the folders above a file say about it."""

    why: str = ""
    """Why all files below them are denied; empty if they are not."""
    why_data: str = ""
    """Why files without code are denied; empty if they are not."""

    @classmethod
    def of(cls, folders: Iterable[str]) -> Above:
        """By the folders' names, the outermost first."""
        above = cls()
        for name in folders:
            above = above.into(name)
        return above

    def into(self, name: str) -> Above:
        """What holds in the folder ``name`` below them."""
        if self.why:
            return self
        why_data = self.why_data
        if _FOLDER.fullmatch(name):
            return Above(f"files below {name}/ may hold secrets", why_data)
        if not why_data and _DATA_FOLDER.fullmatch(name):
            why_data = f"data below {name}/ may hold secrets"
        return Above("", why_data)

    def denied(self, name: str, *, folder: bool = False) -> str | None:
        """Why the file or folder ``name`` must never leave the machine, or None if it may."""
        if folder:
            return self.into(name).why or None
        if self.why_data and language_of_name(name) is None:
            return self.why_data
        if self.why:
            return self.why
        return f"{name} may hold secrets, by its name" if _FILE.fullmatch(name) else None


def denied(parts: Iterable[str], *, folder: bool = False) -> str | None:
    """Why the file with these path components must never leave the machine, or None if it may.

    With ``folder`` they are a folder's, which says nothing of the files in it unless all of them are denied.
    """
    # The root has no parts.
    *folders, name = tuple(parts) or ("",)
    return Above.of(folders).denied(name, folder=folder)
