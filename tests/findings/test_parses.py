from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.texts import texts

from kibitz.findings.parses import parses_as_well

METHODS = {
    "python": "    def add(self, x):\n        return self.a + x\n",
    "javascript": "  add(x) {\n    return this.a + x;\n  }",
    "javascriptreact": "  render() {\n    return <p>{this.a}</p>;\n  }",
    "typescript": "  private async add(x: number): Promise<number> {\n    return this.a + x;\n  }",
    "typescriptreact": "  render(): JSX.Element {\n    return <p>{this.a}</p>;\n  }",
    "java": "    public int add(int x) throws IOException {\n        return a + x;\n    }",
    "csharp": "    public async Task<int> Add(int x)\n    {\n        return await F(x);\n    }",
    "php": "    public function add($x) {\n        return $this->a + $x;\n    }",
    "cpp": "    int add(int x) const override { return x; }",
    "rust": "    pub fn add(&self) -> i32 {\n        self.x\n    }",
    "go": "func (a *A) Add(x int) int {\n\treturn x\n}",
    "ruby": "  def add(x)\n    @a + x\n  end",
    "c": "static int add(int x)\n{\n    return x;\n}",
    "shellscript": "add() {\n  return 1\n}",
}


@pytest.mark.parametrize(("language", "method"), METHODS.items())
def test_a_method_by_itself_is_judged_as_in_its_class(language: str, method: str) -> None:
    assert parses_as_well(method, method.replace("x", "y"), language) is True
    broken = method.replace("return ", "return (", 1) if "return " in method else method + "\n)"
    assert (
        parses_as_well(method, broken.replace("self.x\n", "(self.x\n").replace("@a", "(@a"), language)
        is False
    )


def test_no_grammar_no_judgement() -> None:
    assert parses_as_well("x", "(", "cobol") is None


@pytest.mark.parametrize(
    ("before", "after", "good"),
    [
        ("x = 1\n", "x = 2\n", True),
        ("x = (\n", "y = (\n", True),
        ("x = (\n", "x = 1\n", True),
        ("def f():\n    return 1\n", "def f():\nreturn 1\n", False),
        ("for x in y:\n    break\n", "for x in y:\n    pass\nbreak\n", False),
        ("def f(a, b): pass\n", "def f(a, a): pass\n", False),
        ("return 1\n", "return 2\n", True),
        ("def f():\r    return 1\r", "def f():\r    return 2\r", True),
    ],
)
def test_python_must_please_python(before: str, after: str, *, good: bool) -> None:
    assert parses_as_well(before, after, "python") is good


def test_the_judged_code_prints_no_warnings_and_changes_no_filters() -> None:
    filters = list(warnings.filters)
    assert parses_as_well("x = '\\d' is 1\n", "x = '\\d' is 2\n", "python") is True
    assert list(warnings.filters) == filters


@given(texts, texts, st.sampled_from(sorted(METHODS)))
def test_no_text_raises_and_none_is_worse_than_itself(before: str, after: str, language: str) -> None:
    assert parses_as_well(before, before, language) is True
    assert parses_as_well(before, after, language) in {True, False}
