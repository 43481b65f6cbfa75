from __future__ import annotations

from tests.support.tiers import MemoryClaims, Registry

from kibitz.cache.joint_claims import JointClaims


async def test_a_claim_is_ours_only_where_it_is_at_both_places() -> None:
    near, far = Registry(), Registry()
    claims = JointClaims(MemoryClaims(near, "me"), MemoryClaims(far, "me"))
    await MemoryClaims(near, "neighbour").take(["a"], 1)
    await MemoryClaims(far, "colleague").take(["b"], 1)
    assert await claims.take(["a", "b", "c"], 2) == {"c"}
    assert near.owners == {"a": "neighbour", "c": "me"}
    assert far.owners == {"b": "colleague", "c": "me"}
    assert await claims.take(["a"], 2) == frozenset()


async def test_whoever_waits_is_heard_wherever_it_waits() -> None:
    near, far = Registry(), Registry()
    claims = JointClaims(MemoryClaims(near, "me"), MemoryClaims(far, "me"))
    await claims.take(["a", "b"], 3)
    assert await claims.renew(["a", "b"]) is None
    await MemoryClaims(near, "neighbour").take(["a"], 1)
    assert await claims.renew(["a", "b"]) == 1
    await MemoryClaims(far, "colleague").take(["b"], 0)
    assert await claims.renew(["a", "b"]) == 0


async def test_what_is_released_is_free_at_both_places() -> None:
    near, far = Registry(), Registry()
    claims = JointClaims(MemoryClaims(near, "me"), MemoryClaims(far, "me"))
    await claims.take(["a"], 1)
    await claims.release(["a"])
    assert near.owners == far.owners == {}
