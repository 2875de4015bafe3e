"""Facts about the first message of a handshake."""

from __future__ import annotations

import ssl

import pytest

from gateway.server.client_hello import HELLO_BYTES, ClientHello


def hello(name: str | None, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """Return what a client sends first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = newest
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_name_is_read_in_lower_case(version: ssl.TLSVersion) -> None:
    assert ClientHello().feed(hello("API.Example.COM", version)) == "api.example.com"


def test_a_client_may_name_nothing() -> None:
    assert ClientHello().feed(hello(None)) == ""


def test_it_may_come_byte_by_byte() -> None:
    message = hello("api.example.com")
    reading = ClientHello()

    told = [reading.feed(message[index : index + 1]) for index in range(len(message))]

    assert told == [None] * (len(message) - 1) + ["api.example.com"]
    assert reading.received == message


def test_what_follows_is_kept() -> None:
    reading = ClientHello()
    message = hello("a.example.com") + b"more"

    assert reading.feed(message) == "a.example.com"
    assert reading.received == message


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x02\x01\x00\x00"])
def test_what_is_no_tls_is_refused(data: bytes) -> None:
    with pytest.raises(ssl.SSLError):
        ClientHello().feed(data + b"\xff" * 64)


def test_it_is_bounded() -> None:
    reading = ClientHello()
    # Records of a handshake message that says to be of 16 MB.
    record = b"\x16\x03\x01\x40\x00" + b"\x01\xff\xff\xff" + b"\0" * 16_380
    is_refused = False
    while not is_refused:
        try:
            reading.feed(record)
        except ssl.SSLError:
            is_refused = True

    assert len(reading.received) <= HELLO_BYTES + len(record)


def test_a_name_that_is_no_ascii_is_refused_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    message = hello("a.example.com").replace(b"a.example.com", b"\xff.example.com")
    reading = ClientHello()

    with pytest.raises(ssl.SSLError):
        reading.feed(message)
    assert capfd.readouterr() == ("", "")
    assert reading.alert()
