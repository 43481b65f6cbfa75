from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
import tree_sitter_python
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.texts import texts
from tree_sitter import Language, Parser

from kibitz.text import syntax
from kibitz.text.syntax import ByteOffsets, encode, faults, parse, supports

GOOD = {
    "python": "def f(x):\n    return x + 1\n",
    "javascript": "const f = (x) => x + 1;\n",
    "javascriptreact": "const f = () => <div>{1}</div>;\n",
    "typescript": "const f = (x: number): number => x + 1;\n",
    "typescriptreact": "const f = (): JSX.Element => <div>{1}</div>;\n",
    "go": "package main\n\nfunc f(x int) int { return x + 1 }\n",
    "rust": "fn f(x: i32) -> i32 { x + 1 }\n",
    "java": "class A { int f(int x) { return x + 1; } }\n",
    "c": "int f(int x) { return x + 1; }\n",
    "cpp": "template <class T> T f(T x) { return x + 1; }\n",
    "csharp": "class A { int F(int x) => x + 1; }\n",
    "ruby": "def f(x)\n  x + 1\nend\n",
    "php": "<?php\nfunction f($x) { return $x + 1; }\n",
    "shellscript": 'f() { echo "$1"; }\n',
}


def test_every_grammar_is_tried() -> None:
    assert set(GOOD) == set(syntax._GRAMMARS)


@pytest.mark.parametrize(("language", "text"), GOOD.items())
def test_good_code_has_no_faults_and_broken_code_has(language: str, text: str) -> None:
    assert supports(language)
    assert faults(text, language) == 0
    assert (faults(text + "\n(((]]\n", language) or 0) > 0


def test_a_missing_token_is_a_fault() -> None:
    assert faults("int f(int x) { return x }\n", "c") == 1


def test_a_language_without_a_grammar_is_not_judged() -> None:
    assert not supports("cobol")
    assert parse("x", "cobol") is None
    assert faults("x", "cobol") is None


def test_a_text_too_large_is_not_judged() -> None:
    assert faults("x = 1\n" * (syntax.MAX_BYTES // 6 + 1), "python") is None


def test_a_text_too_broken_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, "_MAX_STEPS", 50)
    assert faults("((((] def ) x = '" * 4000, "python") is None
    # And the next text is not affected.
    assert faults("x = 1\n", "python") == 0


def test_counting_faults_stops_at_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, "_MAX_FAULTS", 3)
    assert faults("int f() { return ) }\n" * 20, "c") == 3


@settings(max_examples=60)
@given(texts, st.sampled_from(sorted(GOOD)))
def test_no_text_raises(text: str, language: str) -> None:
    assert faults(text, language) is not None


@pytest.mark.parametrize("text", ["(" * 20_000, "-" * 20_000 + "1", "[" * 5_000 + "]" * 5_000, "\x00" * 99])
def test_deep_nesting_is_survived(text: str) -> None:
    assert faults(text, "python") is not None


@given(texts, st.integers(0, 3))
def test_bytes_lead_back_to_code_points(text: str, repeat: int) -> None:
    text = text + text * repeat * 40
    offsets = ByteOffsets(text)
    at = 0
    for index, character in enumerate(text):
        assert offsets.to_points(at) == index
        at += len(encode(character))
    assert offsets.to_points(at) == len(text)
    assert at == len(encode(text))


def test_offsets_of_nodes_in_a_wide_text() -> None:
    text = '# 😀é\x0c\u2028\ud800\nname = "é"\n'
    tree = parse(text, "python")
    assert tree is not None
    node = tree.root_node.children[-1]
    offsets = ByteOffsets(text)
    assert text[offsets.to_points(node.start_byte) : offsets.to_points(node.end_byte)] == 'name = "é"'


@pytest.mark.parametrize("count", [1, 3_000, 12_000])
def test_it_is_the_tree_of_the_whole_text_however_it_is_read(count: int) -> None:
    text = "".join(f"def é{number}(x):\n    return x + {number}\n" for number in range(count))
    tree = parse(text, "python")
    assert tree is not None
    whole = Parser(Language(tree_sitter_python.language())).parse(encode(text))
    assert str(tree.root_node) == str(whole.root_node)


def test_threads_that_parse_at_once_do_not_mix_their_texts() -> None:
    texts = [f"def f{number}(x):\n    return x + {number}\n" * 2_000 for number in range(4)]
    alone = [str(tree.root_node) for text in texts if (tree := parse(text, "python"))]
    with ThreadPoolExecutor(4) as threads:
        trees = list(threads.map(lambda text: parse(text, "python"), texts * 2))
    assert [str(tree.root_node) for tree in trees if tree] == alone * 2


def test_nothing_of_a_text_is_kept_once_its_tree_is_gone() -> None:
    texts = [f"value = {number}\n" * 2_000 for number in range(1_000, 1_040)]
    parse(texts[0], "python")
    tracemalloc.start()
    try:
        for text in texts:
            parse(text, "python")
        gc.collect()
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < len(texts[0])


def test_importing_costs_no_grammar() -> None:
    code = "import sys, kibitz.text.syntax; print([m for m in sys.modules if m.startswith('tree_sitter')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
