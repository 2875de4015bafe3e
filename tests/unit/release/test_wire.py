"""Facts about messages between control and workers."""

import os
import socket
import struct

import pytest

from gateway.release.parts import Part
from gateway.release.wire import (
    MESSAGE_BYTES_MAX,
    Splitter,
    WireError,
    check_peer,
    message,
    pack,
    part_messages,
    read_message,
    release_message,
)


def test_messages_are_found_again_however_the_stream_is_cut() -> None:
    stream = message("hello", worker=1) + pack(b"[]") + release_message(7, {"a": "b"})
    splitter = Splitter()
    found = [
        payload
        for position in range(len(stream))
        for payload in splitter.feed(stream[position : position + 1])
    ]

    assert list(Splitter().feed(stream)) == found
    assert read_message(found[0]) == {"type": "hello", "worker": 1}
    assert found[1] == b"[]"
    assert read_message(found[2]) == {"type": "release", "revision": 7, "parts": {"a": "b"}}


def test_a_part_is_announced_and_its_frames_follow_untouched() -> None:
    announcement, *frames = Splitter().feed(
        b"".join(part_messages(Part("api/x", "abc", (b"[1]", b"[2]"))))
    )

    assert read_message(announcement) == {
        "type": "part", "key": "api/x", "digest": "abc", "frames": 2,
    }  # fmt: skip
    assert frames == [b"[1]", b"[2]"]


def test_a_runaway_length_is_refused() -> None:
    with pytest.raises(WireError):
        list(Splitter().feed(struct.pack(">I", MESSAGE_BYTES_MAX + 1)))


@pytest.mark.parametrize("payload", [b"{", b"[]", b"{}", b'{"type": 1}'])
def test_what_is_no_message_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        read_message(payload)


def test_a_peer_of_this_user_is_let_in() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        check_peer(ours)


def test_a_peer_of_another_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(PermissionError):
        check_peer(ours)
