from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from gateway.control.admin_bounds import AdminBounds, AdminConnections, is_foreign
from gateway.control.api.service import error_answer
from tests.builders import FakeClock


@dataclass(eq=False)
class FakeClient:
    connections: AdminConnections
    address: str = "127.0.0.1"
    waiting_since: float = 0.0
    is_busy: bool = False
    is_cut: bool = field(default=False, init=False)

    @property
    def is_foreign(self) -> bool:
        return is_foreign(self.address)

    def cut(self) -> None:
        self.is_cut = True
        self.connections.release(self)


@pytest.fixture
async def connections() -> AdminConnections:
    bounds = AdminBounds(connections=4, connections_per_address=2)
    return AdminConnections(bounds, error_answer, FakeClock(), asyncio.get_running_loop())


async def test_many_malformed_requests_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    loop = asyncio.get_running_loop()
    connections = AdminConnections(AdminBounds(), error_answer, clock, loop)
    for _ in range(5):
        connections.refused("nonsense", "192.0.2.1")
    clock.time += 2
    connections.refused("nonsense", "192.0.2.1")

    assert [each.getMessage() for each in caplog.records] == [
        "control port: nonsense (from 192.0.2.1; 0 more not logged)",
        "control port: nonsense (from 192.0.2.1; 4 more not logged)",
    ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", True),
        ("2001:db8::1", True),
        ("127.0.0.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("", False),
        ("fe80::1%eth0", True),
        ("no address", True),
    ],
)
def test_loopback_is_not_foreign(address: str, expected: bool) -> None:
    assert is_foreign(address) is expected


async def test_the_one_that_waited_longest_makes_room(connections: AdminConnections) -> None:
    held = [FakeClient(connections, waiting_since=since) for since in (4, 2, 3, 1)]
    held[3].is_busy = True

    assert all(connections.admit(each) for each in (*held, FakeClient(connections)))

    assert [each.is_cut for each in held] == [False, True, False, False]
    assert repr(connections) == "<AdminConnections 4/4>"


async def test_whoever_has_a_request_in_hand_stays(connections: AdminConnections) -> None:
    held = [FakeClient(connections, is_busy=True) for _ in range(4)]
    assert all(map(connections.admit, held))

    assert not connections.admit(FakeClient(connections))
    assert not any(each.is_cut for each in held)


async def test_one_foreign_address_makes_room_for_itself(connections: AdminConnections) -> None:
    other = FakeClient(connections, "192.0.2.2")
    held = [FakeClient(connections, "192.0.2.1", waiting_since=since) for since in (2, 1, 3)]

    assert all(map(connections.admit, (other, *held)))
    assert [each.is_cut for each in (other, *held)] == [False, False, True, False]


async def test_loopback_may_hold_all(connections: AdminConnections) -> None:
    held = [FakeClient(connections) for _ in range(4)]

    assert all(map(connections.admit, held))
    assert not any(each.is_cut for each in held)
