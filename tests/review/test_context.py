import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.snippets import SNIPPETS

from kibitz.provider.tokens import estimate
from kibitz.review.context import MAX_TOKENS, context_of
from kibitz.review.outline import outline
from kibitz.review.units import units_of


def contexts(text: str, language: str) -> dict[str, str]:
    document = outline(text, language)
    return {unit.name: context_of(unit, document) for unit in units_of(document)}


def test_a_method_sees_what_it_mentions_and_nothing_else() -> None:
    found = contexts(SNIPPETS["python"][0], "python")
    assert found["Order.gross"].splitlines() == [
        "from decimal import Decimal as D",
        "from decimal import ROUND_HALF_UP",
        "class Order: …",
        'TAX = D("0.19")',
        'def total(self) -> D: … (in Order) "Net total."',
    ]
    assert found["load"].splitlines() == ["import json", "MAX_ITEMS = 50"]


@pytest.mark.parametrize(
    ("language", "unit", "expected"),
    [
        (
            "javascript",
            "read",
            ['import fs from "fs"', 'import { join } from "path"', 'const ROOT = "/srv";\n…'],
        ),
        (
            "javascript",
            "Store.constructor",
            ['import { resolve as abs } from "path"', "class Store extends Map …"],
        ),
        ("typescript", "Service.get", ["private cache: Map<Id, T> = new Map();", 'type Id = User["id"];']),
        ("go", "Add", ["const limit = 10", "type Store struct {\n\titems map[string]int\n}"]),
        ("go", "Parse", ['import yaml "gopkg.in/yaml.v3"', "type Store struct {"]),
        ("rust", "Store.add", ["const LIMIT: usize = 10;", "impl Store …", "pub struct Store {"]),
        (
            "java",
            "Order.total",
            ["private final List<Item> items;", "static class Item …", "implements Priced …"],
        ),
        ("java", "Order.Order", ["import static java.util.Objects.requireNonNull;"]),
        ("c", "ring_new", ["static int made = 0;", "typedef struct {"]),
        ("cpp", "geo.Box.fits", ["template <typename T> class Box : public Shape …", "T w_ = 0;"]),
        ("csharp", "Shop.Order.Order", ["public string Name { get; set; }", "public class Order : Base …"]),
        ("ruby", "Shop.Order.total", ["class Order < Base …", "LIMIT = 10"]),
        ("php", "helper", ["final class Order extends Base …", "public function total(int $tax): int …"]),
        ("php", "Order.__construct", ["use App\\Db\\Connection as Db;", "private int $count = 0;"]),
        ("shellscript", "cleanup", ["ROOT=/srv", "readonly KEEP=3"]),
    ],
)
def test_every_language_has_its_context(language: str, unit: str, expected: list[str]) -> None:
    found = contexts(SNIPPETS[language][0], language)[unit]
    for line in expected:
        assert line.removesuffix("\n…") in found


@pytest.mark.parametrize("language", sorted(SNIPPETS))
def test_an_edit_in_a_function_changes_no_other_context(language: str) -> None:
    text, _ = SNIPPETS[language]
    document = outline(text, language)
    before = {unit.text: context_of(unit, document) for unit in units_of(document)}
    for edited in units_of(document):
        line_end = text.find("\n", edited.span.start + edited.text.find("("))
        at = next((i for i in range(edited.span.end - 1, line_end, -1) if text[i].isdecimal()), None)
        if edited.kind not in {"function", "method"} or at is None:
            continue
        changed = outline(text[:at] + "77" + text[at + 1 :], language)
        after = {unit.text: context_of(unit, changed) for unit in units_of(changed)}
        assert {key: value for key, value in after.items() if key in before} == {
            key: value for key, value in before.items() if key != edited.text
        }


def test_a_changed_signature_changes_the_context_of_its_callers_only() -> None:
    text = "def a(x):\n    return x\n\n\ndef b():\n    return a(1)\n\n\ndef c():\n    return 2\n"
    before, after = contexts(text, "python"), contexts(text.replace("a(x)", "a(x, y=2)"), "python")
    assert before["b"] == "def a(x): …"
    assert after["b"] == "def a(x, y=2): …"
    assert before["c"] == after["c"] == ""


def test_an_added_import_changes_the_context_of_its_users_only() -> None:
    text = "from x import a\n\n\ndef f():\n    return a()\n\n\ndef g():\n    return b()\n"
    before = contexts(text, "python")
    after = contexts(text.replace("import a", "import a, b, c"), "python")
    assert before["f"] == after["f"] == "from x import a"
    assert (before["g"], after["g"]) == ("", "from x import b")


def test_of_namesakes_those_of_the_own_class_come_first_and_few_are_shown() -> None:
    text = "".join(f"class C{n}:\n    def get(self, a{n}):\n        return a{n}\n\n\n" for n in range(6))
    text += "class D:\n    def get(self, own):\n        return own\n\n"
    text += "    def use(self, other):\n        return self.get(1) + other.get(2)\n"
    assert contexts(text, "python")["D.use"].splitlines() == [
        "class D: …",
        "def get(self, a0): … (in C0)",
        "def get(self, own): … (in D)",
    ]


def test_what_self_is_asked_for_is_of_the_own_class_or_its_bases() -> None:
    text = (
        "class Base:\n    def kept(self, base): return 1\n\n\n"
        "class Other:\n    def kept(self, other): return 2\n\n\n"
        "class Own(Base):\n    def use(self):\n        return self.kept(1)\n"
    )
    assert contexts(text, "python")["Own.use"].splitlines() == [
        "class Own(Base): …",
        "def kept(self, base): … (in Base)",
        "class Base: …",
    ]


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ("return limit + 1", "limit = 3"),
        ('return f"{limit} items"', "limit = 3"),
        ('return "limit"', ""),
        ("return 1  # up to the limit", ""),
        ("return other.limit", ""),
        ("return [*limit]", "limit = 3"),
        ("return load(1)", "def load(x): …"),
        ("return data.load(1)", "def load(self, y): … (in Store)"),
        ("return dict(load=1)", "def load(x): …"),
    ],
)
def test_a_name_counts_where_it_can_mean_that(body: str, seen: str) -> None:
    text = (
        "limit = 3\n\n\ndef load(x):\n    return x\n\n\n"
        "class Store:\n    def load(self, y):\n        return y\n\n\n"
        f"def use(data, other):\n    {body}\n"
    )
    assert contexts(text, "python")["use"] == seen


def test_an_import_that_the_unit_shows_itself_is_not_shown_again() -> None:
    text = "rate = 2\nimport sys\nimport os\nsys.setrecursionlimit(rate)\n"
    assert contexts(text, "python") == {"": ""}


def test_a_named_class_shows_its_head_fields_and_constructor() -> None:
    text = (
        "class Box:\n    '''A box.'''\n    size: int = 0\n    def __init__(self, w):\n        self.w = w\n"
        "    def other(self): return 1\n\n\ndef make():\n    return Box(2)\n"
    )
    assert contexts(text, "python")["make"].splitlines() == [
        "class Box: …",
        "    size: int = 0",
        "def __init__(self, w): … (in Box)",
    ]


def test_a_window_knows_the_signature_it_is_under() -> None:
    body = "".join(f"    total += values[{number}] * weights[{number}]\n" for number in range(400))
    document = outline(f"def big(values, weights):\n{body}    return total\n", "python")
    units = units_of(document)
    assert context_of(units[0], document) == ""
    assert context_of(units[1], document) == "def big(values, weights): …"


def test_a_context_is_bounded() -> None:
    text = "".join(f"def function_{n}(argument):\n    return {n}\n\n\n" for n in range(300))
    text += "def use():\n" + "".join(f"    function_{n}({n})\n" for n in range(60))
    found = contexts(text, "python")["use"]
    assert MAX_TOKENS / 2 < estimate(found) <= MAX_TOKENS


@given(st.text(alphabet="af (){}:=\n.\"'#😀\ud800", max_size=80), st.sampled_from([*sorted(SNIPPETS), "sql"]))
def test_any_text_has_contexts(text: str, language: str) -> None:
    document = outline(text, language)
    assert all(context_of(unit, document) == context_of(unit, document) for unit in units_of(document))
