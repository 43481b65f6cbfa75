from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.tiers import MemoryTier

from kibitz.cache.tier import Kept
from kibitz.cache.tiers import Tiers

if TYPE_CHECKING:
    from collections.abc import Mapping

GOOD, OTHER, BAD = Kept("good", 10, 20), Kept("other", 10, 20), Kept("bad", 10, 20)


async def check(rows: Mapping[str, Kept]) -> dict[str, str]:
    return {digest: kept.value.upper() for digest, kept in rows.items() if kept.value != "bad"}


async def found(tiers: Tiers, *digests: str) -> dict[str, tuple[str, str]]:
    return {digest: (hit.value, hit.tier) for digest, hit in (await tiers.get(digests, check)).items()}


def both(**disk: Kept) -> tuple[MemoryTier, MemoryTier, Tiers]:
    near, far = MemoryTier("disk", dict(disk)), MemoryTier("team")
    return near, far, Tiers(near, far)


async def test_the_nearest_that_knows_is_asked_and_no_other() -> None:
    _, far, tiers = both(a=GOOD)
    far.rows["a"] = OTHER
    assert await found(tiers, "a") == {"a": ("GOOD", "disk")}
    assert far.asked == []


async def test_what_the_team_knows_is_on_disk_afterwards_as_good_as_it_was_there() -> None:
    near, far, tiers = both(a=GOOD)
    far.rows["b"] = Kept("other", -1, 5)
    assert await found(tiers, "a", "b", "c") == {"a": ("GOOD", "disk"), "b": ("OTHER", "team")}
    assert far.asked == [{"b", "c"}]
    await tiers.aclose()
    assert near.rows == {"a": GOOD, "b": Kept("other", -1, 5)}
    assert near.closed
    assert far.closed


async def test_what_fails_the_check_is_looked_for_further_down_and_replaced() -> None:
    near, far, tiers = both(a=BAD, b=BAD)
    far.rows |= {"a": GOOD, "c": BAD}
    assert await found(tiers, "a", "b", "c") == {"a": ("GOOD", "team")}
    await tiers.aclose()
    assert near.rows == {"a": GOOD}


async def test_what_is_new_is_written_to_all_and_what_is_local_stays_here() -> None:
    near, far, tiers = both()
    assert await tiers.put({"a": GOOD}, local={"b": OTHER})
    await tiers.aclose()
    assert near.rows == {"a": GOOD, "b": OTHER}
    assert far.rows == {"a": GOOD}


async def test_local_things_are_looked_up_on_disk_alone() -> None:
    _, far, tiers = both(a=GOOD)
    assert await tiers.look("a") == GOOD
    assert await tiers.look("b") is None
    assert await Tiers(None, far).look("a") is None
    assert far.asked == []


@pytest.mark.parametrize("away", ["disk", "team", "both"])
async def test_a_tier_that_is_away_costs_only_what_it_knew(away: str) -> None:
    near, far, tiers = both(a=GOOD)
    far.rows["b"] = OTHER
    for tier in (near, far):
        tier.problem = "gone" if away in {tier.name, "both"} else ""
    expected = {"a": ("GOOD", "disk"), "b": ("OTHER", "team")}
    assert await found(tiers, "a", "b") == {
        digest: hit for digest, hit in expected.items() if away not in {hit[1], "both"}
    }
    assert await tiers.put({"c": GOOD}) is (not near.problem)
    await tiers.aclose()


async def test_clearing_forgets_ones_own_and_does_not_let_the_teams_come_back() -> None:
    near, far, tiers = both(a=GOOD)
    far.rows["a"] = GOOD
    await tiers.clear()
    assert await found(tiers, "a") == {}
    assert near.rows == {}
    assert far.rows == {"a": GOOD}
    assert await tiers.put({"a": OTHER})
    await tiers.aclose()
    assert near.rows == far.rows == {"a": OTHER}


async def test_a_disk_that_could_not_be_cleared_is_not_read_until_it_is() -> None:
    near, _, tiers = both(a=GOOD)
    near.problem = "locked"
    await tiers.clear()
    near.problem = ""
    near.rows["b"] = GOOD
    assert await found(tiers, "a", "b") == {}
    assert near.rows == {}
    assert await tiers.put({"c": GOOD})
    assert await found(tiers, "c") == {"c": ("GOOD", "disk")}


async def test_the_tiers_are_named_in_the_order_in_which_they_are_asked() -> None:
    near, far, tiers = both()
    assert tiers.names == ("disk", "team")
    assert Tiers(None, far).names == ("team",)
    assert await Tiers(None, far).put({"a": GOOD}) is False
    assert Tiers(near).names == ("disk",)
