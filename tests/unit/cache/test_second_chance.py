"""Facts about what a full cache drops."""

from gateway.cache.second_chance import CHANCES, SecondChanceCache


class Used:
    """Notes which values are in use."""

    def __init__(self) -> None:
        self.marked: set[int] = set()

    def spare(self, value: int | None) -> bool:
        was_used = value in self.marked
        self.marked -= {value or 0}
        return was_used


def made(used: Used, maxsize: int = 100) -> SecondChanceCache[str, int]:
    return SecondChanceCache(maxsize, getsizeof=lambda value: value or 0, spare=used.spare)


def test_what_is_not_there_is_none() -> None:
    cache = made(Used())

    assert cache["a"] is None
    assert "a" not in cache


def test_the_oldest_that_was_not_used_goes() -> None:
    used = Used()
    cache = made(used)
    for name, size in (("a", 40), ("b", 30), ("c", 30)):
        cache[name] = size
    used.marked = {40}
    cache["d"] = 20

    assert sorted(cache) == ["a", "c", "d"]
    assert "b" not in cache
    assert cache.currsize <= 100


def test_where_all_are_used_the_oldest_goes_after_one_more_chance() -> None:
    used = Used()
    cache = made(used)
    for number in range(1, 10):
        cache[str(number)] = number
    used.marked = set(range(1, 10))
    cache["new"] = 60

    assert "new" in cache
    assert "1" not in cache
    assert cache.currsize <= 100


def test_chances_are_bounded() -> None:
    class Always(Used):
        calls = 0

        def spare(self, value: int | None) -> bool:
            self.calls += 1
            return True

    always = Always()
    cache = made(always, 10)
    for number in range(11):
        cache[str(number)] = 1

    assert always.calls == CHANCES
    assert len(cache) == 10
    assert "10" in cache


def test_what_was_dropped_is_not_found_any_more_however_it_went() -> None:
    cache = made(Used())
    cache["a"], cache["b"], cache["c"], cache["d"] = 40, 30, 20, 10
    assert [cache.find(name) for name in "abcd"] == [40, 30, 20, 10]

    cache["e"] = 30  # No room: the oldest goes.
    assert cache.find("a") is None
    assert cache.pop("b") == 30
    assert cache.find("b") is None
    cache["c"] = 25
    assert cache.find("c") == 25
    cache.clear()

    assert [cache.find(name) for name in "abcde"] == [None] * 5
    assert (len(cache), cache.currsize) == (0, 0)
