"""Files that hold secrets by their very name. No setting and no ignore file lets them out."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING

from kibitz.text.languages import language_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_FILES = (
    *(
        ".env",
        ".env.*",
        "*.env",
        ".envrc",
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


def denied(parts: Iterable[str], *, folder: bool = False) -> str | None:
    """Why the file with these path components must never leave the machine, or None if it may.

    With ``folder`` they are a folder's, which says nothing of the files in it unless all of them are denied.
    """
    *folders, name = parts
    for above in (*folders, name) if folder else folders:
        if _FOLDER.fullmatch(above):
            return f"files below {above}/ may hold secrets"
        if _DATA_FOLDER.fullmatch(above) and not folder and language_of(name) is None:
            return f"data below {above}/ may hold secrets"
    return f"{name} may hold secrets, by its name" if not folder and _FILE.fullmatch(name) else None
