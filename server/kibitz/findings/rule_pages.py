"""A page for each rule, which editors link from its findings: a file beside this one, so without a network.

``python -m kibitz.findings.rule_pages > docs/rules.md`` writes them anew after a change of the catalogue, and
the list of all.
"""

from __future__ import annotations

import sys
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from kibitz.findings.hint_rules import HINT_RULES
from kibitz.findings.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kibitz.findings.rules import Rule

FOLDER = Path(__file__).with_name("pages")


PAGES = {**RULES, **HINT_RULES}
"""What has a page."""


@cache
def address(code: str) -> str | None:
    """The URI of the page about a rule; None if there is none. Looks at no disk."""
    return (FOLDER / f"{code}.md").as_uri() if code in PAGES else None


def markdown(rule: Rule) -> str:
    """The page."""
    return _of_hint(rule) if rule.code in HINT_RULES else _of_rule(rule)


def _of_hint(rule: Rule) -> str:
    return f"""# {rule.name}

`{rule.code}` · {rule.family} · {rule.severity}

kibitz says this by itself, without a model and without sending anything. It marks {rule.definition}.

For example:

```
{rule.example}
```

⟦U+202E⟧ stands for the character with that number, which cannot be seen.

## If you do not care

`rules_off = ["{rule.code}"]` in your `config.toml`, or the editor's setting `kibitz.rulesOff`.
"""


def _of_rule(rule: Rule) -> str:
    return f"""# {rule.name}

`{rule.code}` · {rule.family} · {rule.severity} unless the model says better

kibitz reports under this rule: {rule.definition}.

For example:

```
{rule.example}
```

## If it is wrong, or you do not care

- One finding: the code action *Dismiss this finding*. It stays dismissed for this code, wherever it moves.
- One line: a comment on it, or on the line above: `kibitz: ignore[{rule.code}]` and why.
- One file: the code action *Dismiss in this file: {rule.code}*.
- Everywhere: `rules_off = ["{rule.code}"]` in your `config.toml`, or the editor's setting `kibitz.rulesOff`.
"""


_LIST = """\
# Rules

<!-- Made from the catalogue by `python -m kibitz.findings.rule_pages`: edit findings/rules.py. -->

What kibitz reports: these, and nothing else. A model may only answer with one of them. `kibitz rules` lists
them on the command line, with those of the project that you are in
([a project's own rules](project.md)); `rules_off` switches some off ([settings](settings.md#rules_off)).
"""


def listing() -> str:
    """The page that lists all rules, by family."""
    families = groupby(PAGES.values(), key=lambda rule: rule.family)
    return _LIST + "".join(_family(name, rules) for name, rules in families)


def _family(name: str, rules: Iterable[Rule]) -> str:
    rows = "".join(
        f"| [`{rule.code}`](../server/kibitz/findings/pages/{rule.code}.md) | {rule.severity} | "
        f"{rule.definition.replace('|', '&#124;')} |\n"
        for rule in rules
    )
    return f"\n## {name[:1].upper()}{name[1:]}\n\n| rule | mostly | what |\n|---|---|---|\n{rows}"


def write(folder: Path = FOLDER) -> None:
    """Write all pages, and remove those of rules that are gone."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.md"):
        if old.stem not in PAGES:
            old.unlink()
    for rule in PAGES.values():
        (folder / f"{rule.code}.md").write_text(markdown(rule), "utf-8")


if __name__ == "__main__":
    write()
    sys.stdout.write(listing())
