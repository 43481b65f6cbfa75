"""Reads what a project says about itself: its rules, one Markdown file each, and its context. Pure.

A rule looks like this; the part between the dashes may be missing::

    ---
    severity: warning
    languages: python, typescript
    globs: src/**, *.pyi
    ---
    # No print in library code

    Report calls of `print`, except below `if __name__ == "__main__"`.

Whoever can write to the repository wrote it: it is bounded, and refused as a whole where it has characters
that a reader does not see.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from kibitz.findings.finding import Severity
from kibitz.findings.guidance import PREFIX, Guidance, ProjectRule, guidance_of
from kibitz.findings.request import split_lines
from kibitz.guard.ignore_file import parse
from kibitz.guard.invisible import strip_invisible
from kibitz.guard.sanitize import plain

if TYPE_CHECKING:
    from kibitz.guard.ignore_file import IgnoreFile

MAX_RULES = 20
MAX_RULE = 2_000
"""Characters of one rule."""
MAX_ALL_RULES = 8_000
"""Characters of all rules together: about 2,000 tokens, which every request about the project costs."""
MAX_CONTEXT = 4_000
"""Characters; the rest is left out."""
MAX_NAME = 80
_MAX_VALUES = 20
"""Languages, or globs, of one rule."""
_FENCE = "---"
_STEM = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LANGUAGE = re.compile(r"[a-z][a-z0-9_+#.-]{0,39}")
_GLOB = re.compile(r"[^#!\s][^\r\n]{0,199}")
_HEADING = re.compile(r"#{1,6}\s+(\S.*)")
_VARIATIONS = str.maketrans("", "", "\ufe0e\ufe0f")
"""Says whether an emoji is coloured: common, harmless, and left out."""


class Unusable(ValueError):  # noqa: N818 - says what the file is
    """A file cannot be used as it is; the message says why, as what follows its name, and never quotes it."""


@dataclass(frozen=True, slots=True)
class Project:
    """What a folder says about the code in it."""

    rules: tuple[ProjectRule, ...] = ()
    context: str = ""
    context_file: str = ""
    """Where the context comes from, relative to the folder."""
    problems: tuple[str, ...] = field(default=())
    """What of it is not used, and why; a sentence each, without its full stop."""

    def __bool__(self) -> bool:
        """Whether there is anything to add to a review."""
        return bool(self.rules or self.context)

    def guidance(self, path: str, language: str) -> Guidance | None:
        """What to add to the questions about a file; None: nothing.

        Args:
            path: relative to the project, with ``/`` between its parts.
            language: an LSP language id.
        """
        return guidance_of(tuple(rule for rule in self.rules if _is_for(rule, path, language)), self.context)


def rule_of(stem: str, text: str) -> ProjectRule:
    """The rule in the file ``stem``.md.

    Raises:
        Unusable: it is none, or is too long.
    """
    if not _STEM.fullmatch(stem):
        raise Unusable("should be named in lower-case letters, digits and dashes, at most 40")
    fields, lines = _front_matter(split_lines(_readable(text)))
    while lines and not lines[0].strip():
        lines.pop(0)
    heading = _HEADING.fullmatch(lines[0].rstrip()) if lines else None
    name = plain(heading[1], MAX_NAME) if heading else ""
    if not name:
        raise Unusable("should begin with a heading: the name of the rule")
    body = "\n".join(line.rstrip() for line in lines[1:]).strip()
    if not body:
        raise Unusable("has nothing below its heading: say there what to report")
    if len(body) > MAX_RULE:
        raise Unusable(f"has {len(body):,} characters; a rule may have {MAX_RULE:,}")
    return ProjectRule(
        code=PREFIX + stem,
        name=name,
        body=body,
        severity=_severity(fields.pop("severity", "")),
        languages=_values(fields.pop("languages", ""), _LANGUAGE, "languages"),
        globs=_values(fields.pop("globs", ""), _GLOB, "globs"),
    )


def context_of(text: str) -> tuple[str, bool]:
    """The context in a file's text, and whether that is all of it.

    Raises:
        Unusable: it has characters that nobody sees.
    """
    text = _readable(text).strip()
    if len(text) <= MAX_CONTEXT:
        return text, True
    return text[:MAX_CONTEXT].rpartition("\n")[0].rstrip() or text[:MAX_CONTEXT], False


def within_bounds(rules: list[ProjectRule]) -> tuple[tuple[ProjectRule, ...], tuple[ProjectRule, ...]]:
    """Those of the rules that fit into a question, and the others; in order."""
    room, used = MAX_ALL_RULES, 0
    for rule in rules[:MAX_RULES]:
        room -= len(rule.name) + len(rule.body)
        if room < 0:
            break
        used += 1
    return tuple(rules[:used]), tuple(rules[used:])


def _readable(text: str) -> str:
    """The text with the line ends of here.

    Raises:
        Unusable: part of it cannot be seen.
    """
    text = "\n".join(split_lines(text.removeprefix("\ufeff").translate(_VARIATIONS)))
    if strip_invisible(text) != text:
        raise Unusable("has characters that nobody sees, such as zero-width or bidirectional ones")
    return text


def _front_matter(lines: list[str]) -> tuple[dict[str, str], list[str]]:
    """The fields before the text, and the text."""
    if not lines or lines[0].rstrip() != _FENCE:
        return {}, lines
    end = next((number for number, line in enumerate(lines[1:], start=1) if line.rstrip() == _FENCE), 0)
    if not end:
        raise Unusable(f"has no second {_FENCE} to end what stands before its heading")
    fields: dict[str, str] = {}
    for line in filter(str.strip, lines[1:end]):
        key, colon, value = line.partition(":")
        key = key.strip()
        if not colon or key not in {"severity", "languages", "globs"} or key in fields:
            raise Unusable("may say severity, languages and globs before its heading, each once")
        fields[key] = value.strip()
    return fields, lines[end + 1 :]


def _severity(value: str) -> Severity | None:
    value = value.strip("\"'")
    if not value:
        return None
    if value not in {severity.value for severity in Severity}:
        raise Unusable("may have the severity error, warning or info")
    return Severity(value)


def _values(value: str, pattern: re.Pattern[str], what: str) -> tuple[str, ...]:
    """The values of a list, in brackets or not, quoted or not."""
    inner = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    values = tuple(part for each in inner.split(",") if (part := each.strip().strip("\"'").strip()))
    if len(values) > _MAX_VALUES or not all(map(pattern.fullmatch, values)):
        raise Unusable(f"has {what} that cannot be used, or more than {_MAX_VALUES}")
    return values


def _is_for(rule: ProjectRule, path: str, language: str) -> bool:
    if rule.languages and language not in rule.languages:
        return False
    if not rule.globs:
        return True
    said = _patterns(rule.globs).verdict(path)
    return said is not None and said[0]


@lru_cache(maxsize=64)
def _patterns(globs: tuple[str, ...]) -> IgnoreFile:
    return parse("globs", "\n".join(globs), negation=False)
