"""What is known of a file as a whole, by the hash of its bytes: then it need not be parsed to be looked up.

A record says how many units there were, and where those are in which something was found, with the digests
under which their answers are kept. It is written after a review that left nothing open, and is worth nothing
more than the answers themselves: a file without one is split and looked up unit by unit.

Pure, and light to import: ``kibitz check`` reads ten thousand of them in half a second.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from kibitz.guard.files import BOM
from kibitz.provider.usage import Usage
from kibitz.review.splitting import splitting_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Literal

    from kibitz.cache.key import Identity
    from kibitz.findings.guidance import Guidance
    from kibitz.provider.models import PieceAnalysis
    from kibitz.review.entries import Entry

_FORMAT = 2
"""Raised when the same record would mean something else."""
_KEYS = {"whole", "units", "found", "dropped", "paid"}
_PLACES = 4
_FIGURES = 4
_MAX_KEYS = 4
_MAX_UNITS = 100_000
_MAX_OFFSET = 1 << 30
_MAX_COUNT = 1_000_000_000
_MAX_LENGTH = 262_144
_DIGEST = re.compile(r"[0-9a-f]{64}")
_UNIT = re.compile(r"([0-9a-f]{16})?")
_REASON = re.compile(r"[a-z][a-z-]{0,63}")
_USD = re.compile(r"[0-9]{1,6}(\.[0-9]{1,18})?")
_CLEAN = re.compile(
    r'\{"whole":2,"units":(0|[1-9][0-9]{0,4}),"found":\[\],"dropped":\{\},'
    r'"paid":\[(0|[1-9][0-9]{0,8}),(0|[1-9][0-9]{0,8}),(0|[1-9][0-9]{0,8}),(?:null|"([0-9]{1,6}\.[0-9]{12})")\]\}'
)
"""What nearly all records look like."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose answers a review goes by."""

    identity: Identity
    """Who is asked."""
    accepted: tuple[Identity, ...] = ()
    """Whose answers can be used, best first; empty: only those of ``identity``."""

    @property
    def scope(self) -> str:
        """All of it in short: whatever becomes part of what answers are kept under is part of this."""
        from kibitz.cache.key import EntryKey  # noqa: PLC0415 - whoever only knows a scope need not wait for it

        return " ".join(EntryKey(each, "", "", "").digest() for each in (self.identity, *self.accepted))


@dataclass(frozen=True, slots=True)
class UnitFound:
    """A unit in which something was found."""

    start: int
    end: int
    """Code points of the document."""
    keys: tuple[str, ...]
    """The digests under which its answer may be kept, best first."""
    unit: str = ""
    """What the unit is recognised by; see ``Unit.identity``."""


@dataclass(frozen=True, slots=True)
class WholeFile:
    """What came of a file's units."""

    units: int
    found: tuple[UnitFound, ...] = ()
    """Those in which something was found, in order. In the others there was nothing."""
    dropped: Mapping[str, int] = field(default_factory=Counter)
    """Of the units without findings; see ``PieceAnalysis``."""
    paid: Usage = field(default_factory=Usage)
    """What the answers about the units without findings had cost."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found in it."""
        return not self.found


def whose(
    identity: Identity, verifier: str, mode: Literal["off", "on", "on-demand"], *, asked: bool
) -> Whose:
    """Whose answers a review goes by, and whether that review verifies.

    Args:
        identity: who is asked, without a verifier.
        verifier: who verifies findings, as cache entries know it; empty: nobody.
        mode: the setting ``verify``.
        asked: whether this review was to verify, if the settings leave that to it.
    """
    if not verifier or mode == "off":
        return Whose(identity)
    verified = replace(identity, verifier=verifier)
    # What was refuted once does not come back with the next review that does not verify.
    return Whose(verified if mode == "on" or asked else identity, (verified, identity))


class FileKeys:
    """The digests of whole files. Cheap to make and to use; blocks for some files when it is first made."""

    def __init__(self, whose: Whose | str) -> None:
        """``whose`` answers count, or its ``scope``."""
        scope = whose if isinstance(whose, str) else whose.scope
        begin = json.dumps(["kibitz whole file", _FORMAT, splitting_version(), scope])
        self._begun = hashlib.sha256(begin.encode("ascii") + b"\0")

    def of(self, language: str, content: bytes, guidance: Guidance | None = None) -> str:
        """The digest of a file in a project with ``guidance``; a byte order mark is no part of its bytes."""
        digest = self._begun.copy()
        digest.update(b"%b\0" % language.encode("utf-8", "surrogatepass"))
        digest.update(content.removeprefix(BOM))
        if guidance is None:
            return digest.hexdigest()
        return hashlib.sha256(f"{digest.hexdigest()} {guidance.digest}".encode("ascii")).hexdigest()

    def of_text(self, language: str, text: str, guidance: Guidance | None = None) -> str:
        """The same for a text: that of the file with these characters in UTF-8."""
        return self.of(language, text.encode("utf-8", "surrogatepass"), guidance)


def record_of(entries: Sequence[Entry], known: Mapping[str, PieceAnalysis]) -> WholeFile:
    """The record of a document whose entries are all ``known``, by digest; KeyError if one is not."""
    distinct = {entry.digest: known[entry.digest] for entry in entries}
    clean = [analysis for analysis in distinct.values() if not analysis.findings]
    return WholeFile(
        units=len(entries),
        found=tuple(
            UnitFound(entry.unit.span.start, entry.unit.span.end, entry.keys, entry.unit.identity)
            for entry in entries
            if known[entry.digest].findings
        ),
        dropped=sum((Counter(analysis.dropped) for analysis in clean), start=Counter()),
        paid=_saved(clean),
    )


def entries_found(
    record: WholeFile, text: str, language: str, guidance: Guidance | None = None
) -> tuple[Entry, ...] | None:
    """The entries of the units in which something was found, to be looked up; None if there are no such.

    They are for looking up alone: their pieces have no context to be asked about with.
    """
    from kibitz.provider.models import Piece  # noqa: PLC0415 - these four bring the parser along
    from kibitz.review.entries import Entry  # noqa: PLC0415 - as above
    from kibitz.review.units import Unit  # noqa: PLC0415 - as above
    from kibitz.text.spans import Span  # noqa: PLC0415 - as above

    entries: list[Entry] = []
    for each in record.found:
        if each.end > len(text):
            return None
        span = Span(each.start, each.end)
        unit = Unit(span, "", "code", span.of(text), known_identity=each.unit)
        piece = Piece(unit.text, language, guidance=guidance)
        entries.append(Entry(unit, piece, each.keys[0], accepted=each.keys))
    return tuple(entries)


def encode(record: WholeFile) -> str:
    """The record as ASCII JSON."""
    paid = record.paid
    value = {
        "whole": _FORMAT,
        "units": record.units,
        "found": [[each.start, each.end, list(each.keys), each.unit] for each in record.found],
        "dropped": dict(record.dropped),
        "paid": [
            paid.input_tokens,
            paid.cached_tokens,
            paid.output_tokens,
            None if paid.cost_usd is None else f"{paid.cost_usd:.12f}",
        ],
    }
    return json.dumps(value, separators=(",", ":"))


def decode(raw: str) -> WholeFile | None:
    """The record, checked as if an enemy had written it; None if it is none."""
    if len(raw) > _MAX_LENGTH:
        return None
    if match := _CLEAN.fullmatch(raw):
        units, read, cached, written, usd = match.groups()
        cost = None if usd is None else Decimal(usd)
        paid = Usage(
            input_tokens=int(read), cached_tokens=int(cached), output_tokens=int(written), cost_usd=cost
        )
        return WholeFile(int(units), (), {}, paid)
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    try:
        return _record(value)
    except _UnreadableError:
        return None


class _UnreadableError(ValueError):
    """It is no record."""


def _record(value: object) -> WholeFile:
    # By hand, because patterns take three times as long.
    if type(value) is not dict or value.keys() != _KEYS or type(value["whole"]) is not int:
        raise _UnreadableError
    found, dropped = value["found"], value["dropped"]
    if value["whole"] != _FORMAT or type(found) is not list or type(dropped) is not dict:
        raise _UnreadableError
    units = _count(value["units"], _MAX_UNITS)
    units_found = tuple(map(_unit, found))
    starts = [each.start for each in units_found]
    if len(starts) > units or starts != sorted(starts):
        raise _UnreadableError
    return WholeFile(
        units,
        units_found,
        {_reason(name): _count(count, _MAX_COUNT) for name, count in dropped.items()},
        _usage(value["paid"]),
    )


def _unit(value: object) -> UnitFound:
    if type(value) is not list or len(value) != _PLACES:
        raise _UnreadableError
    start, end, keys, unit = value
    if type(keys) is not list or not 0 < len(keys) <= _MAX_KEYS:
        raise _UnreadableError
    if _count(start, _MAX_OFFSET) > _count(end, _MAX_OFFSET):
        raise _UnreadableError
    if not isinstance(unit, str) or not _UNIT.fullmatch(unit):
        raise _UnreadableError
    return UnitFound(start, end, tuple(map(_digest, keys)), unit)


def _digest(value: object) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise _UnreadableError
    return value


def _reason(value: object) -> str:
    if not isinstance(value, str) or not _REASON.fullmatch(value):
        raise _UnreadableError
    return value


def _usage(value: object) -> Usage:
    if type(value) is not list or len(value) != _FIGURES:
        raise _UnreadableError
    read, cached, written, usd = value
    if usd is not None and (not isinstance(usd, str) or not _USD.fullmatch(usd)):
        raise _UnreadableError
    return Usage(
        input_tokens=_count(read, _MAX_COUNT),
        cached_tokens=_count(cached, _MAX_COUNT),
        output_tokens=_count(written, _MAX_COUNT),
        cost_usd=None if usd is None else Decimal(usd),
    )


def _count(value: object, most: int) -> int:
    # True is an int, too.
    if type(value) is not int or not 0 <= value <= most:
        raise _UnreadableError
    return value


def _saved(analyses: Iterable[PieceAnalysis]) -> Usage:
    # As one request: what requests cost adds up only where each is known.
    return replace(sum((replace(each.paid, requests=1) for each in analyses), start=Usage()), requests=0)
