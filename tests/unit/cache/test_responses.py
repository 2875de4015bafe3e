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
    assert cache.recall(("k",)) is kept
    clock.time += 0.1
    assert cache.recall(("k",)) is None


def test_the_budget_is_in_bytes_and_what_was_used_least_lately_goes() -> None:
    cache = CachedResponses(10_000, FakeClock().now)
    for number in range(12):
        assert cache.remember(number, answer(500), 60)
        cache.recall(0)

    assert cache.size_bytes <= 10_000
    assert cache.recall(0) is not None
    assert cache.recall(1) is None
    assert cache.recall(11) is not None


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
    assert cache.recall("k") is None
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

    assert repr(cache) == "<CachedResponses 1 entries, 616 of 10000 bytes>"
