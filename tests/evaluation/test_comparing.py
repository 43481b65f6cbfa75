from __future__ import annotations

from typing import Any

from kibitz.evaluation.comparing import compare
from kibitz.evaluation.pairs import Pair
from kibitz.evaluation.report.document import number, percent, rate
from kibitz.evaluation.report.markdown import plain
from kibitz.evaluation.reviewed import Found, Reviewed
from kibitz.evaluation.scoring import Score
from kibitz.evaluation.statistics import Rate
from kibitz.findings.finding import Confidence, Severity


def bug(name: str, fixed: str = "y = 1\n", **flags: Any) -> Score:
    return Score(Pair(id=name, language="python", buggy="x = 1\n", fixed=fixed), answered=True, **flags)


def trap(name: str, alarms: int) -> Score:
    return Score(Pair(id=name, language="python", fixed="y = 1\n"), answered=True, alarms=alarms)


def test_only_pairs_that_both_have_answered_are_compared() -> None:
    first = [bug("a", hit=True), bug("b"), bug("c", hit=True), trap("t", 1)]
    second = [
        bug("a"),
        Score(first[1].pair, answered=False),
        bug("c", fixed="z = 1\n"),
        trap("t", 0),
        bug("d", hit=True),
    ]
    result = compare(first, second)
    assert (result.common, result.left_out) == (2, ("b", "c", "d"))
    figures = {each.name: each for each in result.differences}
    found = figures["bug found"]
    assert (found.first, found.second, found.only_first, found.only_second) == (
        Rate(1, 1),
        Rate(0, 1),
        ("a",),
        (),
    )
    alarms = figures["alarm on a trap"]
    assert (alarms.first, alarms.second, alarms.better) == (Rate(1, 1), Rate(0, 1), "fewer")
    assert figures["obeyed the code"].first == Rate(0, 0)


def test_six_pairs_that_all_go_one_way_are_no_chance() -> None:
    names = "abcdefgh"
    first = [bug(name, hit=name in "abcdefg") for name in names]
    second = [bug(name, hit=name == "a") for name in names]
    (found,) = (each for each in compare(first, second).differences if each.name == "bug found")
    assert found.only_first == tuple("bcdefg")
    assert found.p == 0.03125


def test_stability_is_the_share_of_findings_that_both_have() -> None:
    def found(quote: str) -> Found:
        return Found(
            rule="r",
            severity=Severity.INFO,
            confidence=Confidence.CERTAIN,
            title="t",
            trigger="g",
            first=1,
            last=1,
            quote=quote,
        )

    def run(*quotes: str) -> list[Score]:
        review = Reviewed(pair="a", side="buggy", findings=tuple(map(found, quotes)))
        return [bug("a", reviews=(review,))]

    assert compare(run("x", "y"), run("y", "z")).stability == 1 / 3
    assert compare(run(), run()).stability is None
    assert compare([], []).stability is None


def test_numbers_as_people_read_them() -> None:
    assert rate(Rate(0, 0)) == ("0 of 0", "-", "-")
    assert rate(Rate(5, 10)) == ("5 of 10", "50 %", "24 % to 76 %")
    assert [percent(share) for share in (0.0, 0.001, 0.5, 0.999, 1.0)] == [
        "0 %",
        "< 1 %",
        "50 %",
        "> 99 %",
        "100 %",
    ]
    assert number(None) == "-"


def test_text_stays_text_in_markdown() -> None:
    assert plain("a|b\n# c\u202e<b> `x` [l](http://e.x) www.e.x") == (
        r"a\|b \# c\<b\> \`x\` \[l\](http&#8203;://e.x) www&#8203;.e.x"
    )
    assert plain("&lt;script&gt;") == "&amp;lt;script&amp;gt;"
