"""Addresses are read and written back; defaults lie within their own ranges."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gateway.settings import Address, Settings


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("[::1]:8080", "::1", 8080),
        ("[0:0:0:0:0:0:0:1]:1", "::1", 1),
        (":8080", "", 8080),
        ("localhost:0", "localhost", 0),
        ("a-b.example.com:65535", "a-b.example.com", 65535),
    ],
)
def test_addresses_are_read(text: str, host: str, port: int) -> None:
    address = Address.parse(text)

    assert address == Address(host, port)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "8080", "localhost", "localhost:", "localhost:http", "a:65536", "a:-1", "a:000000",
     "::1:8080", "[::1]", "[a]:1", "a b:1", "a/b:1", "é:1", "a:１", "[::1%eth0]x:1"],
)  # fmt: skip
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("", False),
     ("0.0.0.0", False), ("::", False), ("example.com", False), ("10.0.0.1", False)],
)  # fmt: skip
def test_loopback_is_told_apart(host: str, is_loopback: bool) -> None:
    assert Address(host, 1).is_loopback is is_loopback


def ranges(settings: Any) -> list[tuple[str, float | None, tuple[float, float]]]:
    found = []
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            found += ranges(value)
        elif "range" in field.metadata:
            found.append((field.name, value, field.metadata["range"]))
    return found


def test_defaults_lie_within_their_ranges() -> None:
    found = ranges(Settings())

    assert len(found) > 20
    for name, value, (lowest, highest) in found:
        assert value is None or lowest <= value <= highest, name
