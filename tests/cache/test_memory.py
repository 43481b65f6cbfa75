import hashlib

from kibitz.cache.memory import ENTRY_OVERHEAD, MemoryCache

DAY = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def make(*, max_bytes: int = 100_000, ttl_s: float = DAY) -> tuple[MemoryCache[str], Clock]:
    clock = Clock()
    return MemoryCache(max_bytes=max_bytes, ttl_s=ttl_s, size_of=len, timer=clock), clock


def test_what_was_put_is_there_even_if_falsy() -> None:
    cache, _ = make()
    assert cache.get(digest(1)) is None
    assert cache.put(digest(1), "")
    assert cache.get(digest(1)) == ""
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.entries, stats.size_bytes) == (1, 1, 1, ENTRY_OVERHEAD)


def test_the_least_recently_used_makes_room() -> None:
    cache, _ = make(max_bytes=3 * (ENTRY_OVERHEAD + 10))
    for number in range(3):
        cache.put(digest(number), "x" * 10)
    cache.get(digest(0))
    cache.put(digest(3), "x" * 10)
    assert [number for number in range(4) if cache.get(digest(number))] == [0, 2, 3]
    assert cache.stats().evictions == 1
    assert cache.stats().expirations == 0


def test_a_value_larger_than_the_cache_is_not_kept_and_costs_nobody_a_place() -> None:
    cache, _ = make(max_bytes=5_000)
    cache.put(digest(1), "small")
    assert not cache.put(digest(2), "x" * 5_000)
    assert cache.get(digest(1)) == "small"
    assert cache.get(digest(2)) is None
    assert cache.stats().rejected == 1


def test_nothing_outlives_its_time_and_times_are_spread() -> None:
    cache, clock = make(max_bytes=1_000_000)
    for number in range(200):
        cache.put(digest(number), "x")
    clock.now += DAY * 0.89
    assert cache.stats().entries == 200
    clock.now += DAY * 0.11
    half = cache.stats()
    assert 50 < half.entries < 150
    clock.now += DAY * 0.11
    assert cache.stats().entries == 0
    assert cache.stats().expirations == 200
    assert cache.stats().evictions == 0
    assert cache.stats().size_bytes == 0


def test_a_hit_does_not_prolong_a_life() -> None:
    cache, clock = make(ttl_s=10.0)
    cache.put(digest(1), "x")
    for _ in range(12):
        clock.now += 1.0
        value = cache.get(digest(1))
    assert value is None


def test_clear_forgets_values_and_keeps_counts() -> None:
    cache, _ = make()
    cache.put(digest(1), "x")
    cache.get(digest(1))
    cache.clear()
    assert cache.get(digest(1)) is None
    stats = cache.stats()
    assert (stats.entries, stats.size_bytes, stats.hits, stats.evictions) == (0, 0, 1, 0)
    assert cache.put(digest(1), "y")
