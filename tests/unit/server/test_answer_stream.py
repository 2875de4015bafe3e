from __future__ import annotations

import pytest

from gateway.messages import InvocationResponse
from gateway.server.answer_stream import AnswerStream, FramedAnswer, frame
from gateway.streams import BodyError, BodyStream
from tests.clients import FakeTransport, Feeding


class FakeWriter:
    """Notes how an answer ended."""

    def __init__(self) -> None:
        self.ends: list[object] = []

    def answer_ended(self, sent_bytes: int) -> None:
        self.ends.append(sent_bytes)

    def answer_broke(self, *, is_head_sent: bool) -> None:
        self.ends.append("broke after its head" if is_head_sent else "broke before its head")


class World:
    def __init__(self, *, length: int | None = None, is_chunked: bool = False) -> None:
        self.feeding = Feeding()
        self.stream = self.feeding.stream
        self.transport = FakeTransport()
        self.writer = FakeWriter()
        framed = FramedAnswer(stream=self.stream, length=length, is_chunked=is_chunked)
        self.answer = AnswerStream(self.writer, self.transport, framed)


def test_head_and_what_is_held_are_one_write() -> None:
    world = World(is_chunked=True)
    world.stream.feed(b"ab")
    world.answer.start(b"HEAD")
    world.stream.feed(b"c")
    world.stream.finish()

    assert world.transport.written == b"HEAD2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    assert world.writer.ends == [3]


@pytest.mark.parametrize("is_early", [True, False])
def test_the_declared_length_is_kept(is_early: bool) -> None:
    for data, end in ((b"abc", 3), (b"abcd", "broke"), (b"ab", "broke")):
        world = World(length=3)
        if not is_early:
            world.answer.start(b"HEAD")
        world.stream.feed(data)
        world.stream.finish()
        if is_early:
            world.answer.start(b"HEAD")
        assert len(world.writer.ends) == 1
        assert str(world.writer.ends[0]).startswith(str(end))
        assert b"d" not in world.transport.written


def test_an_early_failure_sends_nothing() -> None:
    world = World()
    world.stream.fail(BodyError("no"))
    world.answer.start(b"HEAD")

    assert world.transport.written == b""
    assert world.writer.ends == ["broke before its head"]


def test_cutting_tells_the_backend_and_nobody_else() -> None:
    world = World()
    world.answer.start(b"HEAD")
    world.answer.cut()
    world.answer.cut()

    assert world.feeding.calls == ["abandon"]
    assert world.writer.ends == []


def complete(data: bytes) -> BodyStream:
    stream = Feeding().stream
    stream.feed(data)
    stream.finish()
    return stream


@pytest.mark.parametrize(
    ("body", "status", "is_head", "is_old", "header", "data"),
    [
        (b"ab", 200, True, False, b"Content-Length: 2\r\n", b""),
        (b"", 304, False, False, b"", b""),
        (complete(b"abc"), 200, False, False, b"Content-Length: 3\r\n", b"abc"),
        (Feeding(5).stream, 200, False, False, b"Content-Length: 5\r\n", b""),
        (Feeding().stream, 200, False, False, b"Transfer-Encoding: chunked\r\n", b""),
        (Feeding().stream, 200, False, True, b"", b""),
        (Feeding().stream, 200, True, False, b"", b""),
        (Feeding(5).stream, 200, True, False, b"Content-Length: 5\r\n", b""),
    ],
)
def test_framing(
    body: bytes | BodyStream, status: int, is_head: bool, is_old: bool, header: bytes, data: bytes
) -> None:
    framed = frame(InvocationResponse(status, b"", body), is_head=is_head, is_http_1_0=is_old)

    assert (framed.header, framed.data) == (header, data)
    assert framed.is_closing is is_old
    assert (framed.stream is body) is (header != b"" and data == b"" and not is_head) or is_old
