"""Takes out of words what is nobody's business: keys, credentials, the home folder, names.

One way: nothing is put back, unlike in ``kibitz.guard.redact``.
"""

from __future__ import annotations

import getpass
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from kibitz.config import environment
from kibitz.guard.invisible import strip_invisible
from kibitz.guard.redact import environment_secrets
from kibitz.guard.secrets import Refused, find_secrets
from kibitz.telemetry.masking import mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kibitz.config import Settings

SECRET = "[secret hidden]"  # noqa: S105 - what is shown in place of one
LEFT_OUT = "[left out: it could not be searched for secrets]"
_HOMES = re.compile(r"(/home/|/Users/|[A-Za-z]:\\+Users\\+)([^/\\\s\"']+)")
"""Of whomever; those of this user are replaced before."""
_NOBODYS = frozenset({"", "kibitz", "localhost", "openai", "python", "root", "user"})
"""Names that say nothing, and words that a report is made of."""
_SHORTEST = 6
"""Characters of a secret; a shorter one would be found everywhere."""


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Replaces what must not be in a report. Prints none of it."""

    secrets: tuple[str, ...]
    places: tuple[tuple[re.Pattern[str], str], ...]
    """Folders and what is said instead, the longest first."""
    names: re.Pattern[str] | None
    """Those of the user and of the machine."""

    @classmethod
    def of_user(cls, settings: Settings, folders: Sequence[Path] = ()) -> Scrubber:
        """For whoever runs this. ``folders`` are open, or worked in: their paths are not shown.

        Blocks: it asks the system who that is.
        """
        environ = environment()
        homes = tuple(_homes_of(environ))
        secrets = {*_secrets_of(settings), *environment_secrets(environ)}
        # The longest first, so that one that contains another is replaced whole.
        known = sorted((each for each in secrets if len(each) >= _SHORTEST), key=len, reverse=True)
        return cls(tuple(known), tuple(_places(homes, folders)), _names_of(environ, homes))

    def text(self, text: str) -> str:
        """``text`` without them, and without what nobody sees."""
        return "\n".join(self._line(line) for line in text.split("\n"))

    def value(self, value: object) -> object:
        """The same for what JSON can hold; anything else as text."""
        if isinstance(value, dict):
            return {self.text(str(name)): self.value(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(inner) for inner in value]
        return value if value is None or isinstance(value, bool | int | float) else self.text(str(value))

    def _line(self, line: str) -> str:
        line = mask(strip_invisible(line))
        try:
            found = find_secrets(line, literals=self.secrets)
        except Refused:
            return LEFT_OUT
        for secret in reversed(found):
            line = line[: secret.span.start] + SECRET + line[secret.span.end :]
        for place, shown in self.places:
            line = place.sub(shown, line)
        line = _HOMES.sub(r"\1<user>", line)
        return line if self.names is None else self.names.sub("<user>", line)


def _secrets_of(settings: Settings) -> Iterator[str]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, SecretStr):
                secret = each.get_secret_value()
                # Of an address, somebody may know the password alone.
                password = urlsplit(secret).password if "://" in secret else ""
                yield from filter(None, (secret, password, unquote(password or "")))


def _places(homes: Iterable[str], folders: Iterable[Path]) -> Iterator[tuple[re.Pattern[str], str]]:
    shown = {str(folder): "<folder>" for folder in folders if folder.parent != folder}
    shown |= dict.fromkeys(homes, "~")
    for place, instead in [*shown.items()]:
        shown[os.path.realpath(place)] = instead
        shown[quote(place)] = instead
    for place in sorted(shown, key=len, reverse=True):
        yield re.compile(rf"(?<!\w){re.escape(place)}(?![\w-])"), shown[place]


def _homes_of(environ: Mapping[str, str]) -> Iterator[str]:
    for home in (environ.get("HOME"), environ.get("USERPROFILE"), os.path.expanduser("~")):  # noqa: PTH111 - never raises
        if home and Path(home).is_absolute() and Path(home).parent != Path(home):
            yield home.rstrip("/\\")


def _names_of(environ: Mapping[str, str], homes: Iterable[str]) -> re.Pattern[str] | None:
    node = platform.node()
    names = {environ.get(name, "") for name in ("LOGNAME", "USER", "USERNAME")}
    names |= {_account(), node, node.partition(".")[0], *(Path(home).name for home in homes)}
    words = sorted((re.escape(name) for name in names if name.lower() not in _NOBODYS), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE) if words else None


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""  # Nobody, in a container.
