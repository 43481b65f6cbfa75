"""What an edit must not add unseen: addresses, code that runs code, new imports, checks switched off.

No list of names is complete, and none needs to be: a fix is never applied without the user. This decides
which fixes are marked for a closer look, and keeps those with a new address away altogether.
"""

from __future__ import annotations

import re
from collections import Counter

ADDRESS = "address"
"""The risk of a URL or an IP address whose host was not there before."""

_HOST = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://(?:[^\s/?#@'\"]{0,200}@)?([^\s/?#:'\"<>)\]}]{0,255})"
    r"|(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?![\w.])"
    r"|(?<![\w.])(www\.[\w.-]{1,255})",
    re.IGNORECASE,
)

_RISKS = {
    "runs code": (
        r"\b(?:exec|eval|execfile|compile|system|popen|spawn\w*|execv\w*|execl\w*|execSync|execFile\w*|shell_exec"
        r"|passthru|proc_open|fork|Invoke-Expression|iex|Function|unserialize)\s*\("
        r"|\bsubprocess\b|\bchild_process\b|\bProcessBuilder\b|\bgetRuntime\b|\bCommand::new\b|\bexec\.Command\b"
        r"|\bProcess\.Start\b|\bshell\s*=\s*True\b|\bos\.(?:system|popen)\b"
        # In a shell these need no parenthesis.
        r"|(?m:(?:^|[;&|({`])[ \t]*(?:eval|exec|source|sudo|(?:ba|z|k|da)?sh)[ \t]+[-\"'$\w./])"
    ),
    "loads code or objects": (
        r"\b(?:__import__|importlib|pickle|cPickle|marshal|dill|shelve|ctypes|dlopen|LoadLibrary\w*|loadstring)\b"
        r"|\byaml\.(?:load|unsafe_load)\b|\bMarshal\.load\b|\bObjectInputStream\b|\brequire\s*\("
    ),
    "uses the network": (
        r"\b(?:socket|requests|urllib\w*|httpx\w*|aiohttp|httplib|http\.client|ftplib|smtplib|telnetlib|paramiko"
        r"|XMLHttpRequest|WebSocket|axios|sendBeacon|HttpClient|WebClient|URLConnection|reqwest|curl\w*|wget|ncat)\b"
        r"|\bfetch\s*\(|\bnet/http\b|\bhttp\.(?:Get|Post|get|request)\b|/dev/tcp/"
    ),
    "imports": (
        # The whole line, so that importing something else instead counts as well.
        r"(?m:^[ \t]*(?:import\b|from\s+\S+\s+import\b|#\s*include\b|using\s+[\w.]+\s*;|use\s+[\w:\\{]"
        r"|extern\s+crate\b|require(?:_relative|_once)?\b|include(?:_once)?\b|source\s+[^\s=]|\.\s+\S)[^\n]*)"
        r"|\bimport\s*\("
    ),
    "switches a check off": (
        r"\bverify\s*[=:]\s*(?:False|false|0|None)\b|\brejectUnauthorized\b|\bInsecureSkipVerify\b|\bCERT_NONE\b"
        r"|\b_create_unverified_context\b|\bcheck_hostname\b|\bNODE_TLS_REJECT_UNAUTHORIZED\b"
        r"|VERIFY_?(?:NONE|PEER|HOST)\b|(?:HostnameVerifier|TrustManager)\b|\bdanger\w*|\bunsafe\b|--insecure\b|\bnosec\b|\bnoqa\b|\bnolint\b"
        r"|\btype:\s*ignore\b|\beslint-disable\b|@ts-(?:ignore|nocheck)|\bSuppressWarnings\b|\bchmod\b|\b0?o?777\b"
    ),
    "hides what it does": (
        r"\b(?:base64|b64decode|a2b_\w+|atob|unhexlify|fromhex|fromCharCode|codecs|zlib|rot_?13)\b"
        r"|(?:\\x[0-9a-fA-F]{2}){8}|[A-Za-z0-9+/]{60}"
    ),
    "deletes": (
        r"\brm\s+-\w*[rf]|\b(?:rmtree|rmdir|unlink|removeAll|RemoveAll|remove_dir_all|rmSync|truncate)\b"
        r"|\bos\.remove\b|\bFiles\.delete\w*|\b(?i:drop\s+(?:table|database)|delete\s+from)\b"
    ),
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _RISKS.items()}


def risks(old: str, new: str) -> tuple[str, ...]:
    """What ``new`` adds over ``old`` that a user should look at, by name; empty for most edits.

    A pattern counts when it occurs more often than before, so that an edit of a line that already called
    ``eval`` is not blamed for it. Hosts that occur in ``old`` are not new. Those elsewhere in the file
    are: whoever wrote it may have put them there for this.
    """
    added = [name for name, pattern in _PATTERNS.items() if _counts(pattern, new) - _counts(pattern, old)]
    if _hosts(new) - _hosts(old):
        added.insert(0, ADDRESS)
    return tuple(added)


def _counts(pattern: re.Pattern[str], text: str) -> Counter[str]:
    return Counter(match[0].strip() for match in pattern.finditer(text))


def _hosts(text: str) -> set[str]:
    return {"".join(filter(None, match.groups())).lower() for match in _HOST.finditer(text)}
