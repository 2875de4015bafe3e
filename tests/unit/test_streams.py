"""Facts about a body between a producer and a sink."""

import asyncio

import pytest

from gateway.driver import Drive
from gateway.streams import HIGH_WATER_BYTES, BodyError, BodyStream, BodyTooLargeError


class FakeProducer:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause_body(self) -> None:
        self.calls.append("pause")

    def resume_body(self) -> None:
        self.calls.append("resume")

    def abandon_body(self) -> None:
        self.calls.append("abandon")


class FakeSink:
    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.end: BodyError | str | None = None

    def body_chunk(self, chunk: bytes) -> None:
        self.chunks.append(chunk)

    def body_finished(self) -> None:
        assert self.end is None
        self.end = "finished"

    def body_failed(self, error: BodyError) -> None:
        assert self.end is None
        self.end = error


def collected(stream: BodyStream, limit: int) -> list[object]:
    outcome: list[object] = []
    Drive(stream.collect(limit), outcome.append, outcome.append).step()
    return outcome


def test_chunks_fed_before_the_sink_came_arrive_first_and_in_order() -> None:
    stream = BodyStream(FakeProducer(), length=6)
    sink = FakeSink()
    stream.feed(b"ab")
    stream.attach(sink)
    stream.feed(b"cd")
    stream.feed(b"ef")
    stream.finish()

    assert sink.chunks == [b"ab", b"cd", b"ef"]
    assert sink.end == "finished"


def test_a_complete_body_is_taken_at_once() -> None:
    stream = BodyStream(FakeProducer(), length=4)
    stream.feed(b"ab")
    stream.feed(b"cd")
    stream.finish()

    assert stream.take() == b"abcd"
    assert stream.take() == b""


def test_the_producer_is_paused_once_when_nobody_takes_and_resumed_by_the_sink() -> None:
    producer = FakeProducer()
    stream = BodyStream(producer, length=None)
    stream.feed(b"x" * (HIGH_WATER_BYTES + 1))
    stream.feed(b"y")
    assert producer.calls == ["pause"]
    stream.attach(FakeSink())

    assert producer.calls == ["pause", "resume"]


def test_passing_the_limit_fails_the_sink_and_abandons_the_producer() -> None:
    producer = FakeProducer()
    stream = BodyStream(producer, length=None, limit=3)
    sink = FakeSink()
    stream.attach(sink)
    stream.feed(b"abcd")
    stream.finish()

    assert isinstance(sink.end, BodyTooLargeError)
    assert producer.calls == ["abandon"]


def test_nothing_follows_a_failure() -> None:
    stream = BodyStream(FakeProducer(), length=None)
    sink = FakeSink()
    stream.attach(sink)
    stream.fail(BodyError("gone"))
    stream.feed(b"late")
    stream.finish()

    assert sink.chunks == []
    assert isinstance(sink.end, BodyError)


def test_a_sink_that_comes_after_the_failure_is_told() -> None:
    stream = BodyStream(FakeProducer(), length=None)
    stream.feed(b"held")
    stream.fail(BodyError("gone"))
    sink = FakeSink()
    stream.attach(sink)

    assert sink.chunks == [b"held"]
    assert isinstance(sink.end, BodyError)


def test_collect_waits_for_the_end() -> None:
    stream = BodyStream(FakeProducer(), length=None)
    stream.feed(b"ab")
    outcome = collected(stream, 10)
    assert outcome == []
    stream.feed(b"cd")
    stream.finish()

    assert outcome == [b"abcd"]


@pytest.mark.parametrize("is_complete", [True, False])
def test_collect_refuses_more_than_its_limit(is_complete: bool) -> None:
    producer = FakeProducer()
    stream = BodyStream(producer, length=None)
    if is_complete:
        stream.feed(b"abcd")
        stream.finish()
        outcome = collected(stream, 3)
    else:
        outcome = collected(stream, 3)
        stream.feed(b"abcd")

    assert [type(one) for one in outcome] == [BodyTooLargeError]


def test_collect_refuses_what_was_held_before_it_began() -> None:
    stream = BodyStream(FakeProducer(), length=None)
    stream.feed(b"abcd")

    assert [type(one) for one in collected(stream, 3)] == [BodyTooLargeError]


def test_collect_reports_a_broken_body() -> None:
    stream = BodyStream(FakeProducer(), length=None)
    outcome = collected(stream, 3)
    stream.fail(BodyError("gone"))

    assert [type(one) for one in outcome] == [BodyError]


async def test_collect_works_in_an_ordinary_task_when_the_body_is_there() -> None:
    stream = BodyStream(FakeProducer(), length=2)
    stream.feed(b"ab")
    stream.finish()

    assert await asyncio.wait_for(stream.collect(2), 1) == b"ab"


def test_its_repr_states_its_state() -> None:
    stream = BodyStream(FakeProducer(), length=9)
    stream.feed(b"ab")

    assert repr(stream) == "<BodyStream open 2/9 bytes, 2 held>"


def test_a_sink_that_pauses_while_it_is_attached_stays_paused() -> None:
    class SlowSink(FakeSink):
        def body_chunk(self, chunk: bytes) -> None:
            super().body_chunk(chunk)
            stream.pause()

    producer = FakeProducer()
    stream = BodyStream(producer, length=None)
    stream.feed(b"x" * (HIGH_WATER_BYTES + 1))
    stream.attach(SlowSink())

    assert "resume" not in producer.calls


def test_a_sink_that_cuts_while_it_is_attached_is_told_once() -> None:
    class CuttingSink(FakeSink):
        def body_chunk(self, chunk: bytes) -> None:
            super().body_chunk(chunk)
            stream.cut(BodyError("enough"))

    stream = BodyStream(FakeProducer(), length=None)
    stream.feed(b"a")
    stream.feed(b"b")
    sink = CuttingSink()
    stream.attach(sink)

    assert sink.chunks == [b"a"]
    assert isinstance(sink.end, BodyError)
