"""More, over the wire, is in tests/wire/test_signatures.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.control.access import Access, Replays, is_loopback_host
from gateway.control.api.service import ControlRequest
from gateway.errors import ControlError
from gateway.settings import Address
from tests.builders import FakeClock


def request(verb: str = "GET", **headers: str) -> ControlRequest:
    return ControlRequest(
        verb=verb,
        path="/restapis",
        query="",
        headers=tuple((name.replace("_", "-"), text) for name, text in headers.items()),
        body=b"",
        source_ip="127.0.0.1",
    )


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1", "127.0.0.1", "127.9.9.9:80", "[::1]", "[::1]:8081"]
)
def test_these_are_loopback(host: str) -> None:
    assert is_loopback_host(host)


@pytest.mark.parametrize("host", ["", "example.com", "localhost.evil", "10.0.0.1:80", "0.0.0.0"])
def test_these_are_not(host: str) -> None:
    assert not is_loopback_host(host)


def test_an_unsigned_caller_on_loopback_is_anonymous(tmp_path: Path) -> None:
    access = Access(tmp_path, Address("127.0.0.1", 0), FakeClock())

    caller = access.admit(request(host="localhost", user_agent="x" * 1000))

    assert (caller.user, caller.role, caller.source_ip) == ("anonymous", "admin", "127.0.0.1")
    assert len(caller.user_agent) == 256
    assert repr(access) == "<Access loopback, 0 users, 0 failed>"


def test_failed_logins_are_counted(tmp_path: Path) -> None:
    access = Access(tmp_path, Address("0.0.0.0", 0), FakeClock())

    for _ in range(3):
        with pytest.raises(ControlError, match="stagegate user add"):
            access.admit(request(host="localhost"))

    assert access.failed_logins == 3


def test_a_broken_file_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "users.toml").touch(0o600)
    (tmp_path / "users.toml").write_text("not a user")
    access = Access(tmp_path, Address("0.0.0.0", 0), FakeClock())

    for headers in ({}, {"authorization": "AWS4-HMAC-SHA256 x"}):
        with pytest.raises(ControlError):
            access.admit(request(host="localhost", **headers))


def test_a_signature_counts_once_while_it_would_be_accepted() -> None:
    replays = Replays()
    replays.note("a", 0.0)

    with pytest.raises(ControlError, match="used already"):
        replays.note("a", 600.0)
    replays.note("a", 600.1)


def test_memory_for_signatures_is_bounded() -> None:
    replays = Replays(capacity=2)
    replays.note("a", 0.0)
    replays.note("b", 0.0)

    with pytest.raises(ControlError, match="TooManyRequestsException"):
        replays.note("c", 1.0)
    assert repr(replays) == "<Replays 2/2>"
    replays.note("c", 601.0)
    assert repr(replays) == "<Replays 1/2>"
