"""What counts where: the settings of each open folder, and which of its files must not be sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.app.views import review_settings
from kibitz.config.settings import owned, setting_names
from kibitz.guard.ignore import Ignore
from kibitz.lsp.folders import Folders, folder_of, innermost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kibitz.config import Settings
    from kibitz.review.result import Dismissing, ReviewSettings

LIGHT = {name for name in setting_names() if owned(name).folder} | {
    *("diagnostics", "log_level", "log_file", "prometheus_ports", "opentelemetry"),
}
"""Settings that need no new client and no new cache when they change: nothing is asked for again."""


class Scopes:
    """The open folders, and the settings of each. May be asked from threads while it changes."""

    def __init__(
        self,
        settings: Settings,
        folders: Mapping[str, Settings],
        roots: Sequence[str],
        dismissing: Dismissing | None = None,
    ) -> None:
        """``roots`` are the URIs of the open folders, and ``folders`` the settings of those that have any."""
        self._dismissing = dismissing
        self._roots: dict[str, Path] = {}
        self._ignores: dict[Path, Ignore] = {}
        self.use(settings, folders)
        self.move(roots)

    @property
    def roots(self) -> Sequence[Path]:
        """The open folders."""
        return tuple(self._roots.values())

    def move(self, roots: Sequence[str]) -> None:
        """Other folders are open now."""
        self._roots = {path: Path(path) for uri in roots if (path := folder_of(uri)) is not None}
        self._ignores = {}

    def use(self, settings: Settings, folders: Mapping[str, Settings]) -> None:
        """Go by other settings from now on."""
        self.common = settings
        self._settings = Folders(settings, folders)
        views = {path: review_settings(each, self._dismissing) for path, each in folders.items()}
        self._views = Folders(review_settings(settings, self._dismissing), views)
        self._ignores = {}

    def differs(self, settings: Settings) -> bool:
        """Whether ``settings`` ask for another client or another cache than those for all folders."""
        return settings.model_dump(exclude=LIGHT) != self.common.model_dump(exclude=LIGHT)

    def settings_at(self, path: str | None) -> Settings:
        """The settings for a file."""
        return self._settings.at(path)

    def view_at(self, path: str | None) -> ReviewSettings:
        """What a review of a file shows."""
        return self._views.at(path)

    def accepts(self, path: str, language: str) -> bool:
        """Whether the settings let a file be reviewed that nobody has opened."""
        settings = self.settings_at(path)
        return settings.enabled and language in (settings.languages or (language,))

    def ignore_of(self, root: Path) -> Ignore:
        """What must not be reviewed below an open folder."""
        ignores = self._ignores
        ignore = ignores.get(root)
        if ignore is None:
            settings = self.settings_at(str(root))
            ignore = ignores[root] = Ignore(root, exclude=settings.exclude, include=settings.include)
        return ignore

    def refusal(self, path: str) -> str | None:
        """Why a file must not be sent anywhere, or None if it may. Reads the disk: call it in a thread."""
        root = innermost(path, self._roots)
        return self.ignore_of(Path(path).parent if root is None else self._roots[root]).reason(path)
