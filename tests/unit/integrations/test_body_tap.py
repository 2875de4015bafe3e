"""A tapped body is the body: same pieces, same end, same pauses; and nothing moves unasked."""

from __future__ import annotations

from gateway.driver import Drive
from gateway.integrations.body_tap import tapped
from gateway.streams import HIGH_WATER_BYTES, BodyError, BodyStream
from tests.builders import FakeProducer, body


class Reader:
    def __init__(self, stream: BodyStream | None = None) -> None:
        self.seen: list[bytes | str] = []
        self.stream = stream

    def body_chunk(self, chunk: bytes) -> None:
        self.seen.append(chunk)
        if self.stream is not None:
            self.stream.pause()

    def body_finished(self) -> None:
        self.seen.append("finished")

    def body_failed(self, error: BodyError) -> None:
        self.seen.append(str(error))


def test_a_body_that_is_there_can_be_taken_at_once() -> None:
    looked: list[bytes] = []
    stream = tapped(body(b"ab", b"c"), looked.append)

    assert stream.is_complete
    assert stream.take() == b"abc"
    assert looked == [b"ab", b"c"]


def test_nothing_moves_before_somebody_wants_it() -> None:
    looked: list[bytes] = []
    producer = FakeProducer()
    source = BodyStream(producer, 6)
    source.feed(b"abc")
    source.pause()
    stream = tapped(source, looked.append)
    source.feed(b"def")
    assert looked == []
    assert producer.calls == ["pause"]
    assert stream.length == 6

    reader = Reader()
    stream.attach(reader)
    source.finish()
    assert reader.seen == [b"abc", b"def", "finished"]
    assert looked == [b"abc", b"def"]
    assert producer.calls == ["pause", "resume"]


def test_a_slow_reader_slows_the_producer() -> None:
    producer = FakeProducer()
    source = BodyStream(producer, None)
    stream = tapped(source, lambda _: None)
    stream.attach(Reader(stream))
    source.feed(b"x" * HIGH_WATER_BYTES)
    assert producer.calls == ["pause"]

    stream.resume()
    assert producer.calls == ["pause", "resume"]


def test_an_end_that_comes_too_early_is_passed_on() -> None:
    source = BodyStream(FakeProducer(), 9)
    stream = tapped(source, lambda _: None)
    reader = Reader()
    stream.attach(reader)
    source.fail(BodyError("gone"))

    assert reader.seen == ["gone"]
    source = BodyStream(FakeProducer(), 9)
    stream = tapped(source, lambda _: None)
    source.fail(BodyError("gone before"))
    stream.attach(reader)
    assert reader.seen == ["gone", "gone before"]


def test_whoever_wants_no_more_reaches_the_producer() -> None:
    for is_open in (False, True):
        producer = FakeProducer()
        source = BodyStream(producer, None)
        stream = tapped(source, lambda _: None)
        if is_open:
            stream.attach(Reader())
        stream.cut(BodyError("enough"))

        assert "abandon" in producer.calls
        assert str(source.error) == "enough"


def test_a_limit_holds_for_what_is_collected() -> None:
    source = BodyStream(FakeProducer(), None, 100)
    stream = tapped(source, lambda _: None)
    errors: list[BaseException] = []
    Drive(stream.collect(5), print, errors.append).step()
    source.feed(b"123456")

    assert stream.limit == 5
    assert [str(error) for error in errors] == ["body exceeds 5 bytes"]
