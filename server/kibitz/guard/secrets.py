"""Finds what looks like a credential in source code.

Detectors find between 20 and 70 % of the secrets in independent collections, so this is one layer of several,
not a promise. It looks only where one of its keywords stands, with patterns that are anchored
there and bounded: hostile text costs time in proportion to its length, and past a bound it is refused.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, AnyStr, NamedTuple

from kibitz.text.spans import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_CHARACTERS = 1 << 21
MAX_CANDIDATES = 40_000
"""Keywords looked at: about 2 µs each. A hundred kilobytes of code have some hundreds."""
MAX_SECONDS = 0.05
"""Of processor time. An ordinary 100 KB take about 5 ms: what takes ten times as long was made to."""
_CHECK_CLOCK_EVERY = 16


class Refused(Exception):  # noqa: N818 - it says what happened to the text
    """A text that must not be sent. ``reason`` is a stable word for counting; nothing quotes the text."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, order=True)
class Secret:
    """A credential in a text."""

    span: Span
    rule: str
    """What kind it seems to be, such as ``github``."""


class _Rule(NamedTuple):
    name: str
    keywords: tuple[str, ...]
    """Lower case; the pattern is tried where one begins."""
    pattern: re.Pattern[str]
    """Its first group is the secret, or else all of it."""
    accept: Callable[[str], bool]


def find_secrets(
    text: str, *, literals: Iterable[str] = (), clock: Callable[[], float] = time.thread_time
) -> tuple[Secret, ...]:
    """The secrets in ``text``, sorted, not overlapping; ``literals`` are always taken for secrets.

    Raises:
        Refused: with the reason ``too-large`` or ``too-costly`` when the text could not be checked in full.
    """
    if len(text) > MAX_CHARACTERS:
        raise Refused(
            "too-large", f"a text of {len(text)} characters is not checked for secrets, so not sent"
        )
    end_at = clock() + MAX_SECONDS
    # Bytes for speed, one per code point so that offsets agree: whatever is not ASCII becomes "?".
    folded = text.encode("ascii", "replace").lower()
    found = [
        Secret(Span(at, at + len(literal)), "known")
        for literal in filter(None, literals)
        for at in _places(text, literal)
    ]
    candidates = 0
    there = _present(folded, clock, end_at)
    for rule, keyword in _RULE_KEYWORDS:
        if keyword not in there:
            continue
        done = 0
        for at in _places(folded, keyword):
            candidates += 1
            if candidates > MAX_CANDIDATES or (candidates % _CHECK_CLOCK_EVERY == 0 and clock() > end_at):
                raise _too_costly()
            # What the same keyword has led over already is not read again: `sk-sk-sk-…` would be quadratic.
            match = rule.pattern.match(text, at) if at >= done else None
            if match:
                done = match.end()
                if rule.accept(match[match.lastindex or 0]):
                    found.append(Secret(Span(*match.span(match.lastindex or 0)), rule.name))
    return tuple(_merged(sorted(found)))


def _present(folded: bytes, clock: Callable[[], float], end_at: float) -> set[bytes]:
    """The keywords that stand anywhere in the text; most do not."""
    # Each word is often there: to look through the different ones takes half.
    words = b" ".join(set(folded.split()))
    present: set[bytes] = set()
    for keyword in _KEYWORDS:
        if clock() > end_at:
            raise _too_costly()
        if keyword in words:
            present.add(keyword)
    return present


def _too_costly() -> Refused:
    return Refused("too-costly", "the text is too costly to check for secrets, so it is not sent")


def looks_random(value: str) -> bool:
    """Whether a string looks like key material: letters and digits, mixed as no word or name mixes them."""
    return (
        len(value) >= _MIN_KEY
        and not any(map(str.isspace, value))
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and entropy(value) >= _MIN_ENTROPY
        and not _NAME.fullmatch(value)
        and not _EXPRESSION.match(value)
        and not _is_placeholder(value)
    )


def entropy(value: str) -> float:
    """Bits per character, from the characters' own frequencies; 0.0 for an empty string."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values())


_MIN_KEY = 16
_MIN_ENTROPY = 3.2
_MIN_PASSWORD = 6

_NAME = re.compile(
    r"(?:[A-Za-z]{1,30}+\d{0,4}+|\d{1,4}+)(?:[-_./:+ ]{1,3}+(?:[A-Za-z]{1,30}+\d{0,4}+|\d{1,4}+)){0,20}+"
)
"""Words between separators, with few digits (``aes_256_gcm``): no key."""
_EXPRESSION = re.compile(r"[\w.-]{1,60}+[(\[{]")
_PLACEHOLDER = re.compile(
    r"(?>example|placeholder|change[-_]?me|your|my|the|xxx+|\*{3,}|\.{3,}|dummy|redacted|testing|test|sample|foo|bar|baz"
    r"|none|null|true|false|insert|replace|todo|fake|mock|secret|password|passwd|pass|pwd|token|api|key|username|user"
    r"|admin|root|default|value|string|here|abcdef|abc|[-_ .!]|\d{1,4})*+",
    re.IGNORECASE,
)
# All quantifiers above are possessive: these run on hostile strings, and must not try again.
_INTERPOLATED = re.compile(r"\$(?:[{(]|\w{3})|\{\{|\{[\w.!:]{0,60}\}|%[(\w]|<[^<>]{1,60}>|#\{")


def _is_placeholder(value: str) -> bool:
    return bool(_PLACEHOLDER.fullmatch(value) or _INTERPOLATED.search(value))


def _looks_like_password(value: str) -> bool:
    """Anything but a name, a sentence or a placeholder."""
    kinds = sum(
        any(map(test, value)) for test in (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    )
    return (
        len(value) >= _MIN_PASSWORD
        and not any(map(str.isspace, value))
        and (kinds > 2 or (kinds > 1 and any(map(str.isdigit, value))))  # noqa: PLR2004 - kinds of characters
        and not _is_placeholder(value)
    )


def _always(_value: str) -> bool:
    return True


def _token(name: str, prefixes: str, body: str, accept: Callable[[str], bool] = _always) -> _Rule:
    """A credential that starts with one of ``prefixes`` (separated by spaces) and goes on like ``body``."""
    words = prefixes.split()
    alternatives = "|".join(map(re.escape, words))
    pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{alternatives}){body}")
    return _Rule(name, tuple(dict.fromkeys(word.lower() for word in words)), pattern, accept)


def _context(name: str, keywords: str, pattern: str, accept: Callable[[str], bool]) -> _Rule:
    """A credential that is known by what stands before it."""
    words = keywords.split()
    alternatives = "|".join(map(re.escape, words))
    return _Rule(name, tuple(words), re.compile(rf"(?i:{alternatives}){pattern}"), accept)


_WORD = r"[A-Za-z0-9_-]"
_ALNUM = r"[A-Za-z0-9]"
_HEX = r"[0-9a-fA-F]"
_BASE64 = r"[A-Za-z0-9+/_-]"
# Between a name and its value: the rest of the name, a closing quote or bracket, a type, and then = : := =>
_NAMED = r"[\w.-]{0,40}+[\"'`\])]{0,3}+[ \t]{0,8}+(?::[ \t]{0,4}+[A-Za-z_][\w\[\]., |*&?]{0,40}?(?==))?"
_ASSIGNED = _NAMED + r"(?::=|=>|==|=|:)[ \t]{0,8}+"
_PASSED = _NAMED + r"(?:,|\()[ \t]{0,8}+"
_QUOTED = r"(?:[a-zA-Z@$]{0,2}[\"'`])([^\"'`\s]{6,2000}+)[\"'`]"
_BARE = rf"({_ALNUM}[A-Za-z0-9+/_!@#%^&*~-]{{15,2000}}+={{0,2}}+)(?=[\s;,]|$)"

_RULES = (
    _token(
        "openai", "sk-", rf"{_WORD}{{20,2000}}+", lambda value: looks_random(value) or "T3BlbkFJ" in value
    ),
    _token("github", "ghp_ gho_ ghu_ ghs_ ghr_", rf"{_ALNUM}{{30,255}}+"),
    _token("github", "github_pat_", r"\w{22,255}+"),
    _token(
        "gitlab", "glpat- gldt- glrt- glft- glcbt- gloas- glimt- glagent- glsoat- glptt-", r"[\w.-]{20,300}+"
    ),
    _token("slack", "xoxb- xoxp- xoxa- xoxo- xoxs- xoxr- xoxe- xoxe. xapp-", r"[\w.-]{10,300}+"),
    _token("slack-webhook", "hooks.slack.com/", r"(?:services|workflows|triggers)/([\w/]{20,200}+)"),
    _token(
        "discord-webhook", "discord.com/api/webhooks/ discordapp.com/api/webhooks/", rf"\d+/({_WORD}{{30,}}+)"
    ),
    _token("teams-webhook", "webhook.office.com/", r"webhookb?2?/([\w@/-]{40,}+)"),
    _token("aws", "AKIA ASIA ABIA ACCA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _token("aws-bedrock", "ABSK", r"[A-Za-z0-9+/]{60,400}+"),
    _token("google", "AIza", rf"{_WORD}{{35}}"),
    _token("google-oauth", "ya29. GOCSPX-", r"[\w.-]{20,2000}+"),
    _token("stripe", "sk_live_ sk_test_ rk_live_ rk_test_ sk_org_ whsec_", rf"{_ALNUM}{{16,300}}+"),
    _token("square", "sq0atp- sq0csp- EAAAE EAAAl", rf"{_WORD}{{22,200}}+"),
    _token("shopify", "shpat_ shpca_ shppa_ shpss_", rf"{_HEX}{{32}}"),
    _token("sendgrid", "SG.", r"[\w-]{16,40}\.[\w-]{30,60}+"),
    _token("mailgun", "key- pubkey-", rf"{_HEX}{{32}}(?!\w)"),
    _token("brevo", "xkeysib- xsmtpsib-", rf"{_WORD}{{60,120}}+"),
    _token("npm", "npm_", rf"{_ALNUM}{{36}}"),
    _token("pypi", "pypi-AgEIcHlwaS5vcmc pypi-AgENdGVzdC5weXBpLm9yZ", rf"{_WORD}{{40,2000}}+"),
    _token("rubygems", "rubygems_", rf"{_HEX}{{48}}"),
    _token("crates", "cio", rf"{_ALNUM}{{32}}(?![A-Za-z0-9])", looks_random),
    _token("docker", "dckr_pat_ dckr_oat_", rf"{_WORD}{{20,200}}+"),
    _token("huggingface", "hf_ api_org_", rf"{_ALNUM}{{30,200}}+"),
    _token(
        "ai-provider", "gsk_ r8_ xai- pplx- nvapi- tvly- jina_ fw_ csk-", rf"{_WORD}{{20,200}}+", looks_random
    ),
    _token("langsmith", "lsv2_pt_ lsv2_sk_", r"\w{32,60}+"),
    _token("digitalocean", "dop_v1_ doo_v1_ dor_v1_", rf"{_HEX}{{64}}"),
    _token("vault", "hvs. hvb. hvr.", rf"{_WORD}{{24,400}}+"),
    _Rule("terraform", (".atlasv1.",), re.compile(r"\.atlasv1\.([\w=-]{40,200}+)"), _always),
    _token("databricks", "dapi", rf"{_HEX}{{32}}"),
    _token("grafana", "glsa_ glc_", r"[\w=+/]{32,400}+"),
    _token("newrelic", "NRAK- NRII- NRJS-", rf"{_WORD}{{19,60}}+"),
    _token("sentry", "sntrys_ sntryu_", r"[\w=+/-]{40,400}+"),
    _token("linear", "lin_api_ lin_oauth_", rf"{_ALNUM}{{32,80}}+"),
    _token("notion", "ntn_ secret_", rf"{_ALNUM}{{40,60}}+", looks_random),
    _token("figma", "figd_ figo_ figu_", rf"{_WORD}{{30,100}}+"),
    _token("postman", "PMAK-", rf"{_HEX}{{24}}-{_HEX}{{34}}"),
    _token("doppler", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", r"[\w.-]{40,100}+"),
    _token("pulumi", "pul-", rf"{_HEX}{{40}}"),
    _token("planetscale", "pscale_tkn_ pscale_pw_ pscale_oauth_", r"[\w=.-]{32,80}+"),
    _token("atlassian", "ATATT3 ATCTT3 ATBB", r"[\w=-]{24,400}+"),
    _token("supabase", "sbp_ sb_secret_", r"[\w-]{20,80}+"),
    _token("fly", "fo1_ fm1r_ fm2_", r"[\w+/=,-]{40,2000}+"),
    _token("posthog", "phx_", rf"{_WORD}{{40,60}}+"),
    _token("contentful", "CFPAT-", rf"{_WORD}{{40,60}}+"),
    _token("easypost", "EZAK EZTK", rf"{_ALNUM}{{54}}"),
    _token("dynatrace", "dt0c01.", r"[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    _token("airtable", "pat", rf"{_ALNUM}{{14}}\.{_HEX}{{64}}"),
    _token("age", "AGE-SECRET-KEY-1", r"[0-9A-Z]{58}"),
    _token("1password", "ops_eyJ", rf"{_BASE64}{{200,2000}}+"),
    _token("tailscale", "tskey-", r"[\w-]{20,100}+"),
    _token("flutterwave", "FLWSECK_TEST- FLWSECK-", rf"{_WORD}{{12,60}}+"),
    _token("adafruit", "aio_", rf"{_ALNUM}{{28}}"),
    _token("alibaba", "LTAI", rf"{_ALNUM}{{20}}(?![A-Za-z0-9])"),
    _token("apify", "apify_api_", rf"{_ALNUM}{{36}}"),
    _token("artifactory", "AKCp", rf"{_ALNUM}{{60,80}}+"),
    _token("braintree", "access_token$production$ access_token$sandbox$", rf"[a-z0-9]{{16}}\${_HEX}{{32}}"),
    _token("buildkite", "bkua_ bkct_", rf"{_HEX}{{40}}"),
    _token("circleci", "CCIPAT_ CCIPRJ_", r"\w{40,100}+"),
    _token("clojars", "CLOJARS_", r"[a-z0-9]{60}"),
    _token("dropbox", "sl.", rf"{_WORD}{{100,300}}+"),
    _token("duffel", "duffel_live_ duffel_test_", rf"{_WORD}{{43}}"),
    _token("frameio", "fio-u-", rf"{_WORD}{{64}}"),
    _token("harness", "pat.", rf"{_WORD}{{22}}\.{_HEX}{{24}}\.{_ALNUM}{{20}}"),
    _token("heroku", "HRKU-", rf"{_WORD}{{36,80}}+"),
    _token("infracost", "ico-", rf"{_ALNUM}{{32}}(?!\w)", looks_random),
    _token("neon", "napi_", r"[a-z0-9]{40,80}+(?!\w)", looks_random),
    _token("netlify", "nfp_ nfc_ nfo_ nfu_ nfb_", rf"{_ALNUM}{{36}}"),
    _token("nuget", "oy2", r"[a-z0-9]{43}(?!\w)"),
    _token("octopus", "API-", r"[A-Z0-9]{25,32}+(?!\w)", looks_random),
    _token("openshift", "sha256~", rf"{_WORD}{{43}}"),
    _token("pinecone", "pcsk_", r"\w{60,80}+"),
    _token(
        "plaid",
        "access-production- access-sandbox- access-development-",
        rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}",
    ),
    _token("prefect", "pnu_ pnb_", rf"{_ALNUM}{{36}}"),
    _token("readme", "rdme_", r"[a-z0-9]{70}"),
    _token("resend", "re_", rf"{_ALNUM}{{8}}_{_ALNUM}{{24}}(?!\w)"),
    _token("scalingo", "tk-us-", rf"{_WORD}{{48}}"),
    _token("shippo", "shippo_live_ shippo_test_", rf"{_HEX}{{40}}"),
    _token("sonarqube", "squ_ sqp_ sqa_", rf"{_HEX}{{40}}"),
    _token("sourcegraph", "sgp_", rf"(?:{_ALNUM}{{5,20}}+_)?{_HEX}{{40}}"),
    _token("tencent", "AKID", rf"{_ALNUM}{{32}}(?!\w)"),
    _token("twilio", "SK", rf"{_HEX}{{32}}(?!\w)"),
    _token("typeform", "tfp_", r"[\w.=-]{40,80}+"),
    _token("yandex", "AQVN", rf"{_WORD}{{35,50}}+"),
    _token("jwt", "eyJ", rf"{_WORD}{{10,4000}}+\.eyJ{_WORD}{{10,8000}}+\.{_WORD}{{10,2000}}+"),
    _Rule("telegram", (":aa",), re.compile(rf"(?<=\d{{8}}):(AA{_WORD}{{32,34}})(?![A-Za-z0-9_-])"), _always),
    _Rule("azure", ("q~",), re.compile(r"(?<=\d)Q~([\w~.-]{31,34})(?![\w~.-])"), _always),
    _Rule(
        "private-key",
        ("-----begin",),
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
            r"((?:(?!-----)[\s\S]){0,20000}+)(?:-----END [A-Z0-9 ]{0,60}-----)?"
        ),
        lambda body: bool(body.strip()),
    ),
    _Rule(
        "url-password",
        ("://",),
        re.compile(r"://[^\s:/?#@\"'<>`]{0,100}+:([^\s/?#@\"'<>`]{3,200}+)@"),
        lambda value: not _is_placeholder(value),
    ),
    _context("bearer", "bearer", r"[ \t]{1,4}+([A-Za-z0-9._~+/=-]{20,4000}+)", looks_random),
    _context("basic-auth", "basic", r"[ \t]{1,4}+([A-Za-z0-9+/]{16,400}+={0,2})", looks_random),
    _context("azure-key", "accountkey sharedaccesskey", r"=([A-Za-z0-9+/]{40,100}+={0,2})", _always),
    _context(
        "password",
        "password passwd passphrase pwd secret credential",
        _ASSIGNED + _QUOTED,
        _looks_like_password,
    ),
    _context("key", "key token auth", _ASSIGNED + _QUOTED, looks_random),
    _context("argument", "key token auth passw pwd secret credential", _PASSED + _QUOTED, looks_random),
    _context("bare-value", "password passwd passphrase secret key token", _ASSIGNED + _BARE, looks_random),
)
_RULE_KEYWORDS = tuple((rule, keyword.encode()) for rule in _RULES for keyword in rule.keywords)

_KEYWORDS = frozenset(keyword for _, keyword in _RULE_KEYWORDS)
"""None of them has a blank in it."""


def _places(text: AnyStr, part: AnyStr) -> Iterator[int]:
    """Where ``part`` begins in ``text``, also where occurrences overlap."""
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def _merged(found: Iterable[Secret]) -> Iterator[Secret]:
    """What overlaps becomes one secret, so that no part of any shows."""
    current: Secret | None = None
    for secret in found:
        if current is None or secret.span.start >= current.span.end:
            if current is not None:
                yield current
            current = secret
        elif secret.span.end > current.span.end:
            current = Secret(Span(current.span.start, secret.span.end), current.rule)
    if current is not None:
        yield current
