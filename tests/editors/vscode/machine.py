"""A user's machine with VS Code on it: code-server, with folders of its own and the extension installed."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.editors.spending import spend
from tests.editors.terminal import EDITORS, until
from tests.support import canary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPOSITORY = Path(__file__).parents[3]
EXTENSION = REPOSITORY / "editors/vscode"
NODE = EDITORS / "node/bin/node"
CODE_SERVER = EDITORS / "code-server/node_modules/code-server/out/node/entry.js"
_PATIENCE = 60.0
_FOREIGN = ("OPENAI_", "KIBITZ_", "XDG_", "PYTHON", "VSCODE_", "VIRTUAL_ENV")
_QUIET: Mapping[str, object] = {
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.reduceMotion": "on",
    "chat.disableAIFeatures": True,
    "telemetry.telemetryLevel": "off",
    "extensions.autoUpdate": False,
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "update.mode": "none",
    "files.autoSave": "off",
    "remote.autoForwardPorts": False,
    "git.enabled": False,
    "editor.minimap.enabled": False,
    "editor.cursorBlinking": "solid",
}


def npm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run npm in the folder of the extension."""
    path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [NODE.with_name("npm"), *arguments],
        cwd=EXTENSION,
        env=os.environ | {"PATH": path, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def package(output: Path) -> Path:
    """Build the extension as it is given away."""
    done = npm("run", "package", "--", output)
    assert done.returncode == 0, done.stdout + done.stderr
    return output


class Machine:
    """One user, one code-server. Nothing of the user who runs the tests is read or touched."""

    def __init__(self, home: Path, vsix: Path) -> None:
        self.home = home
        self.data, self._extensions = home / "data", home / "extensions"
        self.project = home / "project"
        for folder in (self.project, self.data / "User", self.data / "Machine", self._extensions):
            folder.mkdir(parents=True)
        self.user: dict[str, object] = dict(_QUIET)
        self.own: dict[str, object] = {}
        """Settings of the machine that code-server runs on, where alone those of scope ``machine`` count."""
        (home / "config.yaml").write_text("auth: none\ncert: false\n")
        self.installs = [vsix]
        """The extensions that are installed when it is started."""
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        self.environment = kept | {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "xdg"),
            "XDG_DATA_HOME": str(home / "xdg"),
            "TMPDIR": str(home),
            # A Python, but none that has kibitz.
            "PATH": os.pathsep.join((f"{sys.base_prefix}/bin", "/usr/bin", "/bin")),
            "PIP_CACHE_DIR": str(EDITORS / "pip"),
            "KIBITZ_MODEL_DIR": str(home / "models"),
            "KIBITZ_STATE_DIR": str(home / "state"),
            "KIBITZ_DEBOUNCE_MS": "100",
            "KIBITZ_MAX_RETRIES": "0",
        }
        """Add to it before the machine is started."""

    def set(self, changes: Mapping[str, object]) -> None:
        """Change settings of the machine while VS Code runs; None takes one away."""
        self.own |= changes
        self._write("Machine", self.own)

    def _write(self, place: str, values: Mapping[str, object]) -> None:
        text = json.dumps({name: value for name, value in values.items() if value is not None})
        # Whoever reads it meanwhile must not see half of it.
        part = self.data / place / "settings.part"
        part.write_text(text)
        part.replace(part.with_name("settings.json"))

    def __enter__(self) -> Self:
        """Install the extension, and start."""
        self._write("User", self.user)
        self._write("Machine", self.own)
        wanted = [word for vsix in self.installs for word in ("--install-extension", vsix)]
        told = subprocess.run(
            [*self._command(), *wanted],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        said = told.stdout + told.stderr
        assert said.count("successfully installed") == len(self.installs), said
        self._port = _free_port()
        with (self.home / "code-server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(*self._command(), "--bind-addr", f"127.0.0.1:{self._port}", "--auth", "none"),
                    *("--disable-telemetry", "--disable-update-check", "--disable-getting-started-override"),
                ],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self._answers, "code-server answers", _PATIENCE)
        return self

    def __exit__(self, *exc: object) -> None:
        """End all of it: VS Code would let its extensions live on for a while."""
        assert self._process is not None
        processes = list(_descendants(self._process.pid))
        self._process.terminate()
        self._process.wait(_PATIENCE)
        for pid in processes:
            _kill(pid)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes), "all processes are gone")

    @property
    def address(self) -> str:
        """Where the window is."""
        return f"http://127.0.0.1:{self._port}"

    def servers(self) -> list[int]:
        """The processes of kibitz that serve this machine's editor."""
        assert self._process is not None
        return [pid for pid in _descendants(self._process.pid) if "serve" in command_line(pid)]

    def server(self) -> int:
        """The only one; waits for it."""
        until(lambda: len(self.servers()) == 1, "one server", _PATIENCE)
        return self.servers()[0]

    def kill(self) -> int:
        """End it as the system does when memory runs out; which one it was."""
        server = self.server()
        _kill(server)
        until(lambda: server not in self.servers(), "the server is gone")
        return server

    def spend(self, usd: str) -> None:
        """Have spent so much today, in another window."""
        spend(self.home / "state", usd)

    def search(self) -> None:
        """Fail if the canary key is in any file of the machine, or in what can be read of its processes."""
        assert self._process is not None
        assert list(canary.files_that_show_it(self.home)) == []
        canary.search_processes(self._process.pid)

    def _command(self) -> list[str | Path]:
        where = ("--user-data-dir", self.data, "--extensions-dir", self._extensions)
        return [NODE, CODE_SERVER, *where, "--config", self.home / "config.yaml"]

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()


def bring_settings(folder: Path, values: Mapping[str, Any]) -> None:
    """What a repository brings along for whoever opens it."""
    (folder / ".vscode").mkdir()
    (folder / ".vscode/settings.json").write_text(json.dumps(values))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _descendants(pid: int) -> Iterator[int]:
    for task in sorted(Path("/proc").glob(f"{pid}/task/*/children")):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            yield child
            yield from _descendants(child)


def command_line(pid: int) -> list[str]:
    """The program that a process runs, and its arguments; nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")
    except OSError:
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
