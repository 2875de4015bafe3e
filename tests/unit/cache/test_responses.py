"""Facts about what a worker remembers of answers."""

from __future__ import annotations

from gateway.cache.responses import ENTRY_BYTES, CachedResponses
from gateway.messages import InvocationResponse
from gateway.streams import BodyStream
from tests.builders import FakeClock, FakeProducer


def answer(size: int = 10) -> InvocationResponse:
    return InvocationResponse(200, b"A: b\r\n", b"x" * size)


def test_what_is_remembered_is_recalled_until_its_time_is_over() -> None:
    clock = FakeClock()
    cache = CachedResponses(10_000, clock.now)
    kept = answer()

    assert cache.remember(("k",), kept, 5)
    clock.time += 4.9
    assert cache.recall(("k",), clock.time) is kept
    clock.time += 0.1
    assert cache.recall(("k",), clock.time) is None


def test_the_budget_is_in_bytes_and_what_was_not_used_goes() -> None:
    clock = FakeClock()
    cache = CachedResponses(10_000, clock.now)
    for number in range(12):
        assert cache.remember(number, answer(500), 60)
        cache.recall(0, clock.time)

    assert cache.size_bytes <= 10_000
    assert cache.recall(0, clock.time) is not None
    assert cache.recall(1, clock.time) is None
    assert cache.recall(11, clock.time) is not None


def test_what_is_too_large_or_streamed_is_not_remembered() -> None:
    cache = CachedResponses(10 * ENTRY_BYTES, FakeClock().now)

    assert cache.remember("at the limit", answer(ENTRY_BYTES), 60)
    assert not cache.remember("above", answer(ENTRY_BYTES + 1), 60)
    streamed = InvocationResponse(200, b"", BodyStream(FakeProducer(), None))
    assert not cache.remember("streamed", streamed, 60)
    assert not CachedResponses(1_000, FakeClock().now).remember("all", answer(1_000), 60)


def test_a_pass_is_no_answer_and_ends_soon() -> None:
    clock = FakeClock()
    cache = CachedResponses(10_000, clock.now)
    cache.remember_pass("k")

    assert cache.is_passed("k")
    assert cache.recall("k", clock.time) is None
    clock.time += 10
    assert not cache.is_passed("k")


def test_a_cache_of_no_bytes_remembers_nothing() -> None:
    cache = CachedResponses(0, FakeClock().now)
    cache.remember_pass("k")

    assert not cache.remember("k", answer(), 60)
    assert not cache.is_passed("k")


def test_repr_says_how_full_it_is() -> None:
    cache = CachedResponses(10_000, FakeClock().now)
    cache.remember("k", answer(), 60)

    assert repr(cache) == "<CachedResponses 1 entries, 622 of 10000 bytes>"


def test_an_answer_that_is_replaced_counts_once() -> None:
    clock = FakeClock()
    cache = CachedResponses(10_000, clock.now)
    for size in (10, 300, 20):
        cache.remember("k", answer(size), 60)

    assert cache.size_bytes == 632
    assert repr(cache) == "<CachedResponses 1 entries, 632 of 10000 bytes>"


def test_what_has_expired_gives_its_room_back() -> None:
    clock = FakeClock()
    cache = CachedResponses(10_000, clock.now)
    cache.remember("asked for", answer(), 5)
    cache.remember("in the way", answer(9_000 - 622 - 612), 5)
    cache.recall("in the way", clock.time)
    clock.time += 5

    assert cache.recall("asked for", clock.time) is None
    assert cache.remember("new", answer(5_000), 60)
    assert cache.recall("new", clock.time) is not None
    assert cache.size_bytes == 5_612


def test_where_all_are_used_the_oldest_go() -> None:
    clock = FakeClock()
    cache = CachedResponses(622 * 1000, clock.now)
    for number in range(1000):
        cache.remember(number, answer(), 60)
        cache.recall(number, clock.time)
    for number in range(1000, 1010):
        cache.remember(number, answer(), 60)

    left = [number for number in range(1010) if cache.recall(number, clock.time) is not None]
    assert len(left) == 1000
    assert left[-10:] == list(range(1000, 1010))
    assert cache.size_bytes == 622 * 1000


def test_no_space_is_given_twice() -> None:
    cache = CachedResponses(10_000, FakeClock().now)

    assert len({cache.new_space() for _ in range(10)}) == 10


def test_what_is_remembered_is_shared_from_then_on() -> None:
    clock = FakeClock()
    kept = answer()

    assert CachedResponses(10_000, clock.now).remember("k", kept, 60)
    assert kept.is_shared
