"""The closed catalogue of what kibitz reports.

A code is stable: users switch it off, dismiss it and look it up by it. A model may only answer with one of
these; anything else it says is dropped.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from kibitz.findings.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of defect."""

    code: str
    """Stable id in kebab case: the diagnostic's code."""
    family: str
    name: str
    """For people: a few words, no full stop."""
    definition: str
    """One line: what is reported under this code."""
    example: str
    """The shortest code that shows it."""
    severity: Severity
    """What it is worth when the model does not say better."""
    brief: str = ""
    """What a model has to know of it beyond its code, in few tokens; empty where the code says all."""


_CATALOGUE = (
    Rule(
        "inverted-condition",
        "logic",
        "Inverted or mixed-up condition",
        "a test that is true exactly when it should be false, or mixes up and/or",
        "if not user.active: grant(user)",
        _ERROR,
        "also and/or mixed up",
    ),
    Rule(
        "wrong-value",
        "logic",
        "Wrong variable, operator or argument",
        "the wrong name, operator, literal or argument order",
        "area = width * width",
        _ERROR,
        "name, operator, literal, argument order",
    ),
    Rule(
        "missing-case",
        "logic",
        "Unhandled case",
        "an input that callers can pass falls through or takes the wrong branch",
        "switch without break before the next case",
        _WARNING,
    ),
    Rule(
        "wrong-return",
        "logic",
        "Wrong result on some path",
        "a path returns the wrong value, too early, or nothing",
        "return inside the loop after the first item",
        _ERROR,
    ),
    Rule(
        "infinite-loop",
        "logic",
        "Endless loop or recursion",
        "a loop or recursion that stops making progress for some input",
        "while low < high: low = (low + high) // 2",
        _ERROR,
    ),
    Rule(
        "off-by-one",
        "boundary",
        "Off by one",
        "an index, range or comparison that misses or passes the first or last element",
        "for i in range(len(xs) - 1): total += xs[i]",
        _ERROR,
    ),
    Rule(
        "empty-input",
        "boundary",
        "Fails on empty or zero",
        "fails or is wrong for an empty collection or string, or zero",
        "sum(xs) / len(xs)",
        _WARNING,
    ),
    Rule(
        "numeric-error",
        "boundary",
        "Overflow or lost precision",
        "overflow, truncation, rounding, exact float comparison, signed/unsigned mix-up",
        "int mid = (low + high) / 2;",
        _WARNING,
        "overflow, precision, rounding, sign",
    ),
    Rule(
        "null-dereference",
        "null",
        "Missing value used",
        "a value that can be null, nil or undefined is used unchecked",
        "re.match(p, s).group(1)",
        _ERROR,
    ),
    Rule(
        "falsy-confusion",
        "null",
        "Zero or empty taken for missing",
        "0 or something empty is treated like a missing value",
        "timeout = timeout or 30",
        _WARNING,
        "0 or empty taken for missing",
    ),
    Rule(
        "resource-leak",
        "resource",
        "Resource not released",
        "a file, socket, lock or memory is not released on some path",
        "f = open(p); return parse(f)",
        _WARNING,
    ),
    Rule(
        "use-after-release",
        "resource",
        "Used after release",
        "used, or released again, after it was closed, freed or moved",
        "free(p); return p->next;",
        _ERROR,
    ),
    Rule(
        "race-condition",
        "concurrency",
        "Race",
        "shared state is changed, or checked and then used, without keeping others out",
        "if key not in cache: cache[key] = await load(key)",
        _ERROR,
        "also check, then act",
    ),
    Rule(
        "deadlock",
        "concurrency",
        "Deadlock",
        "locks taken in different orders, twice, or held over a wait for their owner",
        "lock(); callback(); unlock();",
        _ERROR,
    ),
    Rule(
        "missing-await",
        "concurrency",
        "Promise or coroutine not awaited",
        "an asynchronous result is dropped, or used as if it were there",
        "if (isAllowed(user)) ...  // isAllowed is async",
        _ERROR,
    ),
    Rule(
        "swallowed-error",
        "error-handling",
        "Error lost",
        "a failure is hidden, so that what follows works with a wrong state",
        "except Exception: pass",
        _WARNING,
    ),
    Rule(
        "inconsistent-state",
        "error-handling",
        "Half-done on failure",
        "an error or early exit leaves state or a transaction half changed",
        "balance -= x; transfer(x)  # may raise",
        _WARNING,
        "half changed on an early exit",
    ),
    Rule(
        "injection",
        "security",
        "Injection",
        "outside data becomes part of SQL, a shell command, HTML, code or a template",
        'db.execute(f"... WHERE id = {id}")',
        _ERROR,
        "SQL, shell, HTML, code",
    ),
    Rule(
        "path-traversal",
        "security",
        "Path from outside",
        "outside data chooses a file, host or address without confinement",
        "open(base + request.name)",
        _ERROR,
        "also hosts, addresses",
    ),
    Rule(
        "missing-authorization",
        "security",
        "Missing or weak check",
        "an identity, permission, signature or certificate goes unchecked, or the check can be passed by",
        "token.startsWith(expected)",
        _ERROR,
        "also signatures, certificates",
    ),
    Rule(
        "exposed-secret",
        "security",
        "Secret exposed or weak",
        "a secret is logged, returned, or made with weak randomness or cryptography",
        "token = random.random()",
        _ERROR,
        "also weak randomness, cryptography",
    ),
    Rule(
        "api-misuse",
        "api-misuse",
        "Library used wrongly",
        "called against its contract: argument, unit, order of calls, ignored result",
        "text.replace('a', 'b')  # result dropped",
        _WARNING,
        "argument, unit, order of calls, ignored result",
    ),
    Rule(
        "shared-mutable",
        "api-misuse",
        "Shared or changed under iteration",
        "one mutable object is shared by accident, or a collection changes while it is iterated",
        "def add(x, xs=[]): xs.append(x)",
        _WARNING,
        "also changed while iterated",
    ),
    Rule(
        "type-mismatch",
        "api-misuse",
        "Value of the wrong type",
        "a value of one type is compared, joined or stored where another is needed",
        'if response.status == "200"',
        _WARNING,
    ),
    Rule(
        "data-loss",
        "data-loss",
        "Data lost or overwritten",
        "data is overwritten, deleted, cut off or skipped before it is safe elsewhere",
        "open(path, 'w').write(new)  # then fails",
        _ERROR,
    ),
    Rule(
        "excessive-work",
        "performance",
        "Work grows too fast",
        "work that grows with the square of the input, or repeats an expensive call per item",
        "for a in xs: if a in ys_list: ...",
        _INFO,
        "quadratic, or expensive per item",
    ),
    Rule(
        "blocking-call",
        "performance",
        "Blocks an event loop or lock",
        "slow work inside an async function, an event handler or a lock",
        "async def f(): time.sleep(1)",
        _WARNING,
        "in async code, event handlers, locks",
    ),
    Rule(
        "unbounded-growth",
        "performance",
        "Grows without bound",
        "a cache, list or queue that only ever grows",
        "self.seen.append(event)",
        _INFO,
    ),
)

RULES: Mapping[str, Rule] = MappingProxyType({rule.code: rule for rule in _CATALOGUE})
"""Every rule by its code, grouped by family."""


def catalogue() -> str:
    """The catalogue as a model reads it, one rule a line, without a final line end."""
    return "\n".join(f"{rule.code}: {rule.brief}" if rule.brief else rule.code for rule in _CATALOGUE)


RULES_VERSION = hashlib.sha256(catalogue().encode()).hexdigest()[:12]
"""Changes when any rule that a model gets to see changes."""
