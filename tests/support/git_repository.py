"""Real git repositories for tests, with commits at times of their own; and one that wants to run programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed here")


class GitRepository:
    """A working tree at ``top``."""

    def __init__(self, top: Path, *arguments: str) -> None:
        self.top = top
        top.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *arguments)

    def git(self, *arguments: str, when: int = 1_700_000_000) -> str:
        """Run git; ``when`` is the time of what it commits."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        author = {"NAME": "A", "EMAIL": "a@example.org", "DATE": f"{when} +0000"}
        people = {
            f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in author.items()
        }
        own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(
            ["git", *arguments],  # noqa: S607 - whichever git there is
            cwd=self.top,
            env={**kept, **people, **own},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def write(self, files: Mapping[str, str]) -> None:
        for name, content in files.items():
            path = self.top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def commit(self, files: Mapping[str, str], when: int) -> None:
        """Commit ``files`` as they are given."""
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change", when=when)


class Trap:
    """Makes a repository name a program wherever git would take one, and tells which of them ran."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder

    @property
    def sprung(self) -> list[str]:
        """What ran."""
        return sorted(path.name.removesuffix(".ran") for path in self.folder.glob("*.ran"))

    def program(self, name: str) -> str:
        """The path of a program that leaves a trace when it is run."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n: > '{self.folder / name}.ran'\ncat\n")
        path.chmod(0o755)
        return str(path)

    def set(self, repository: GitRepository) -> None:
        """Everywhere in the repository's configuration, hooks and attributes."""
        for key in (
            *(
                "core.fsmonitor",
                "core.pager",
                "core.editor",
                "core.sshCommand",
                "core.askPass",
                "core.gitProxy",
            ),
            *("core.alternateRefsCommand", "core.hooksPath", "diff.external", "diff.evil.textconv"),
            *("diff.evil.command", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process"),
            *("gpg.program", "gpg.ssh.program", "credential.helper", "pager.log", "sequence.editor"),
            *(
                "remote.origin.uploadpack",
                "uploadpack.packObjectsHook",
                "trailer.x.command",
                "merge.evil.driver",
            ),
            *("pager.rev-list", "pager.diff-tree", "pager.ls-files", "interactive.diffFilter"),
        ):
            repository.git("config", key, self.program(key))
        for name, value in (
            ("filter.evil.required", "true"),
            ("log.showSignature", "true"),
            ("core.repositoryFormatVersion", "1"),
            ("extensions.partialClone", "origin"),
            ("remote.origin.promisor", "true"),
            ("remote.origin.url", f"ext::{self.program('remote')}"),
            ("protocol.ext.allow", "always"),
            ("alias.rev-list", f"!{self.program('alias')}"),
            ("core.hooksPath", str(self._hooks())),
        ):
            repository.git("config", name, value)
        (repository.top / ".git" / "info").mkdir(exist_ok=True)
        (repository.top / ".git" / "info" / "attributes").write_text("* filter=evil diff=evil merge=evil\n")

    def _hooks(self) -> Path:
        hooks = self.folder / "hooks"
        hooks.mkdir()
        for name in ("post-index-change", "reference-transaction", "post-checkout", "fsmonitor-watchman"):
            shutil.copy(self.program(name), hooks / name)
        return hooks
