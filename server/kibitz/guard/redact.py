"""Takes secrets out of what is sent, and puts them back into the edits that come in.

A secret is replaced by a tag of the same length, so that every line and column stays where it was and the
code still parses. Only an edit is restored, and only from whole tags; a message never is, so that no secret
gets into a diagnostic or a log.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kibitz.guard.secrets import Refused, Secret, find_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kibitz.text.spans import Span

__all__ = ["Redacted", "Refused", "Secret", "environment_secrets", "home_folder", "redact"]

MAX_SECRETS = 20
"""Different secrets in one text; with more, it is a file of secrets and stays here as a whole."""
MIN_LENGTH = 6
"""Characters of a literal; a shorter one would be found everywhere."""
_MIN_VARIABLE = 12
_SMALL = 1000
"""Characters; a snippet that is mostly one key may still be code, a larger text is a key file."""

_MAX_NUMBER = 100
_LONG = "REDACTED_SECRET_{}_"
_SHORT = "RDCT{}"
_TAG_LIKE = re.compile(r"(?<!\w)\w*(?:REDACTED_SECRET|RDCT\d)\w*", re.IGNORECASE | re.ASCII)
# From the start of a word only: from each of its characters it would be quadratic.
_LINES = re.compile(r"[^\r\n]+")
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without its secrets. Lives as long as the request it was made for, and prints none of them."""

    text: str
    """As long as the original, line by line, with tags in place of the secrets."""
    hits: tuple[Secret, ...] = ()
    """Where secrets stood, in the original as in ``text``."""
    _secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Tag -> what it stands for; of secrets on one line only."""

    def restore(self, text: str) -> str | None:
        """The model's ``text`` with the secrets back in place of their tags.

        None if it holds a part of a tag, a changed one, or one that stands for several lines: then nobody
        can say what was meant.
        """
        parts, at = [], 0
        for match in _TAG_LIKE.finditer(text):
            secret = self._secrets.get(match[0])
            if secret is None and not self._is_own_word(match[0]):
                return None
            parts += [text[at : match.start()], match[0] if secret is None else secret]
            at = match.end()
        return "".join([*parts, text[at:]])

    def touches(self, span: Span) -> bool:
        """Whether ``span`` of the text shares a character with a secret."""
        return any(hit.span.overlaps(span) for hit in self.hits)

    def _is_own_word(self, word: str) -> bool:
        """Whether the code itself uses a word that looks like a tag."""
        ours = [tag for hit in self.hits for tag in _LINES.findall(hit.span.of(self.text))]
        return not any(word in tag or tag in word for tag in ours) and any(
            match[0] == word for match in _TAG_LIKE.finditer(self.text)
        )


def redact(
    text: str, *, literals: Iterable[str] = (), clock: Callable[[], float] = time.thread_time
) -> Redacted:
    """``text`` with every secret that is found in it replaced, those in ``literals`` in any case.

    Takes about 10 ms for 100 KB, and at most 50 ms. ``clock`` gives seconds of processor time.

    Raises:
        Refused: ``too-large`` or ``too-costly`` (it could not be checked in full), ``too-many-secrets``, or
            ``mostly-secret``: the text must not be sent at all.
    """
    known = sorted({literal for literal in literals if len(literal) >= MIN_LENGTH}, key=len, reverse=True)
    hits = find_secrets(text, literals=known, clock=clock)
    if not hits:
        return Redacted(text)
    distinct = len({hit.span.of(text) for hit in hits})
    if distinct > MAX_SECRETS:
        raise Refused(
            "too-many-secrets",
            f"the text holds {distinct} different secrets, so none of it is sent; move them out of the code,"
            " or exclude the file",
        )
    if len(text) > _SMALL and sum(len(hit.span) for hit in hits) * 2 > len(text):
        raise Refused("mostly-secret", "most of the text is secret, so none of it is sent; exclude the file")
    return _replaced(text, hits)


def environment_secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values of variables that are named like secrets, for ``literals``. Paths are none."""
    return tuple(
        value
        for name, value in environ.items()
        if _SECRET_NAME.search(name) and len(value) >= _MIN_VARIABLE and not value.startswith(("/", "~"))
    )


def home_folder(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The user's home folder, for ``literals``: it mostly says who they are. None that many share."""
    home = environ.get("HOME") or environ.get("USERPROFILE") or ""
    return (home,) if re.fullmatch(r"(?:/[^/]+){2,}|[A-Za-z]:(?:\\[^\\]+){2,}", home) else ()


def _replaced(text: str, hits: tuple[Secret, ...]) -> Redacted:
    tags: dict[str, str] = {}
    parts, at = [], 0
    for hit in hits:
        secret = hit.span.of(text)
        if secret not in tags:
            tags[secret] = _tag(len(secret), text, tags) if _restorable(secret) else _filler(secret)
        parts += [text[at : hit.span.start], tags[secret]]
        at = hit.span.end
    restorable = {tag: secret for secret, tag in tags.items() if _restorable(secret)}
    return Redacted("".join([*parts, text[at:]]), hits, restorable)


def _restorable(secret: str) -> bool:
    """Whether a tag of its length can be told from others, and stands on one line."""
    return len(secret) >= MIN_LENGTH and _LINES.fullmatch(secret) is not None


def _tag(length: int, text: str, taken: Mapping[str, str]) -> str:
    """A tag of that length that neither stands in the text nor for another secret."""
    form = _LONG if length >= len(_LONG.format(MAX_SECRETS)) else _SHORT
    used = set(taken.values())
    for number in range(1, _MAX_NUMBER):
        tag = form.format(number).ljust(length, "X")[:length]
        if tag not in used and tag not in text:
            return tag
    raise Refused("too-many-secrets", "no tag is left that the text does not hold itself, so it is not sent")


def _filler(secret: str) -> str:
    """For what cannot be restored: as long as it was, line by line."""
    return _LINES.sub(lambda line: "REDACTED_SECRET_LINES_".ljust(len(line[0]), "X")[: len(line[0])], secret)
