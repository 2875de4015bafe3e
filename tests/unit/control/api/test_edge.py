from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.control.api import edge
from tests.control_plane import ControlPlane


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    made = ControlPlane(tmp_path)
    yield made
    made.close()


def raw(plane: ControlPlane, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", plane.port), timeout=20) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def test_an_encoded_slash_stays_part_of_its_label(plane: ControlPlane) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", plane.port, timeout=20)
    connection.request("GET", "/restapis/a%2Fb?x=%20")
    answer = connection.getresponse()

    assert answer.status == 404
    assert b"000000000000:a/b" in answer.read()
    connection.close()


def test_a_body_that_is_announced_too_long_is_not_read(plane: ControlPlane) -> None:
    answer = raw(
        plane, b"POST /restapis HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"RequestEntityTooLargeException" in answer
    assert b"x-amzn-RequestId" in answer


def test_a_body_without_a_length_is_bounded_too(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "BODY_BYTES", 10)
    head = b"POST /restapis HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert raw(plane, head + b"14\r\n" + b"x" * 20 + b"\r\n").startswith(b"HTTP/1.1 413 ")


def test_a_slow_body_is_not_waited_for(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "BODY_SECONDS", 0.05)
    head = b"POST /restapis HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n"

    assert raw(plane, head + b"{").startswith(b"HTTP/1.1 408 ")


def test_all_bodies_together_are_bounded(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "BODIES_BYTES", 10)
    head = b"POST /restapis HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n"

    for _ in range(2):
        answer = raw(plane, head + b"\r\n" + b"x" * 11)
        assert answer.startswith(b"HTTP/1.1 429 ")
        assert b"TooManyRequestsException" in answer
    short = (
        b"POST /restapis HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 9\r\n"
    )
    assert raw(plane, short + b"\r\n" + b"x" * 9).startswith(b"HTTP/1.1 400 ")
