from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibitz.guard.risks import ADDRESS, risks


@pytest.mark.parametrize(
    ("new", "risk"),
    [
        ("eval(x)", "runs code"),
        ("exec (x)", "runs code"),
        ("os.system(cmd)", "runs code"),
        ("subprocess.run(cmd)", "runs code"),
        ("run(cmd, shell=True)", "runs code"),
        ("require('child_process').execSync(c)", "runs code"),
        ("Runtime.getRuntime().exec(c)", "runs code"),
        ("pickle.loads(x)", "loads code or objects"),
        ("yaml.load(f)", "loads code or objects"),
        ("__import__('os')", "loads code or objects"),
        ("requests.post(u)", "uses the network"),
        ("fetch(u)", "uses the network"),
        ("import os", "imports"),
        ("    from a.b import c", "imports"),
        ("#include <stdlib.h>", "imports"),
        ("use std::fs;", "imports"),
        ("const x = await import('y')", "imports"),
        ("get(u, verify=False)", "switches a check off"),
        ("x  # noqa", "switches a check off"),
        ("InsecureSkipVerify: true", "switches a check off"),
        ("base64.b64decode(x)", "hides what it does"),
        (r'"\x41\x41\x41\x41\x41\x41\x41\x41"', "hides what it does"),
        ("rm -rf /tmp/x", "deletes"),
        ("shutil.rmtree(p)", "deletes"),
        ("DROP TABLE users", "deletes"),
        ("u = 'http://evil.example/x'", ADDRESS),
        ("u = 'http://user@evil.example'", ADDRESS),
        ("connect('10.0.0.1')", ADDRESS),
        ("u = 'file:///etc/passwd'", ADDRESS),
        ("u = 'www.evil.example'", ADDRESS),
    ],
)
def test_what_is_added_is_named(new: str, risk: str) -> None:
    assert risk in risks("x = 1", new)
    assert risk not in risks(new, new)


@pytest.mark.parametrize(
    "new",
    [
        "return total / len(values)",
        "if (i <= n - 1) { continue; }",
        "source = evaluate(values)",
        "self.imports.append(x)",
        "for i in range(len(values)):",
        "value = 1.5 * x.y.z",
        "with open(path, 'rb') as file:",
        "const text = `hello ${name}`;",
    ],
)
def test_ordinary_code_is_not_risky(new: str) -> None:
    assert risks("x = 1", new) == ()


def test_what_was_there_before_is_not_added() -> None:
    assert risks("eval(a)", "eval(b)") == ()
    assert risks("eval(a)", "eval(eval(b))") == ("runs code",)


def test_importing_something_else_is_added() -> None:
    assert risks("import json", "import socket") == ("uses the network", "imports")


def test_hosts_of_the_old_text_are_not_new() -> None:
    old = "get('http://API.example/v1')"
    assert risks(old, "get('https://api.example/v2')") == ()
    assert risks(old, "get('https://api.example.evil/v2')") == (ADDRESS,)


@pytest.mark.parametrize(
    ("new", "risk"),
    [
        ('eval "$x"', "runs code"),
        ("a | sh -s", "runs code"),
        ("  sudo ./x", "runs code"),
        ("source /tmp/x", "runs code"),
        ("setDefaultHostnameVerifier((h, s) -> true)", "switches a check off"),
        ("curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L)", "switches a check off"),
        ("Files.deleteIfExists(p)", "deletes"),
    ],
)
def test_shells_and_more_libraries(new: str, risk: str) -> None:
    assert risk in risks("", new)


@pytest.mark.parametrize("new", ["# the source of it", "evaluate x", "x = source + 1", "a.sh", "execute it"])
def test_words_that_only_look_like_commands(new: str) -> None:
    assert risks("", new) == ()


@given(st.text(), st.text())
def test_no_text_raises_and_none_adds_to_itself(old: str, new: str) -> None:
    assert risks(new, new) == ()
    assert isinstance(risks(old, new), tuple)
