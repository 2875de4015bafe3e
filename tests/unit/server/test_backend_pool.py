"""Facts about the pool of one origin, asked directly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from gateway.errors import Fault, GatewayResponseType
from gateway.messages import Origin
from gateway.server.backend_connection import BackendConnection
from gateway.server.backend_pool import BackendCounters, OriginPool, PoolContext, unreachable
from gateway.server.deadlines import Deadlines
from gateway.server.plain_head import PlainHeads
from gateway.settings import Backends
from tests.builders import FakeClock
from tests.fake_backend import FakeDeadlines, FakeDial
from tests.raw_backend import drive, driven


class Rig:
    """A pool of at most two connections, everything around it faked."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.dial = FakeDial()
        self.emptied: list[OriginPool] = []
        self.counters = BackendCounters()
        self.pool = OriginPool(
            Origin.make("http", "backend.test", 80),
            PoolContext(
                loop=asyncio.get_running_loop(),
                deadlines=cast("Deadlines", FakeDeadlines()),
                settings=Backends(connections_per_origin=2, idle_per_origin=2, queue=2),
                response_idle_seconds=30,
                dial=self.dial,
                counters=self.counters,
                now=self.clock.now,
                plain_heads=PlainHeads(),
                make_room=lambda: False,
                on_empty=self.emptied.append,
            ),
        )

    def acquire(self) -> asyncio.Future[BackendConnection]:
        return drive(self.pool.acquire(self.clock.now() + 10))


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    rig.pool.close()
    await turn()


async def test_no_connection_to_begin_with(rig: Rig) -> None:
    assert rig.pool.take_idle() is None
    assert rig.pool.is_empty


async def test_new_connection_is_not_reused_yet(rig: Rig) -> None:
    connection = await rig.acquire()

    assert not connection.is_reused
    assert rig.pool.open == {connection}
    assert not rig.pool.is_empty


async def test_released_connection_is_taken_again(rig: Rig) -> None:
    connection = await rig.acquire()
    rig.pool.release(connection)

    assert connection.is_reused
    assert rig.pool.take_idle() is connection
    assert rig.pool.take_idle() is None


async def test_waiting_requests_are_served_in_order(rig: Rig) -> None:
    first, second = await rig.acquire(), await rig.acquire()
    third, fourth = rig.acquire(), rig.acquire()
    rig.pool.release(second)
    rig.pool.release(first)

    assert (third.result(), fourth.result()) == (second, first)
    assert rig.pool.idle == []


async def test_request_that_stops_waiting_is_passed_over(rig: Rig) -> None:
    first, _ = await rig.acquire(), await rig.acquire()
    leaving, _ = driven(rig.pool.acquire(rig.clock.now() + 10))
    staying = rig.acquire()
    leaving.close()
    rig.pool.release(first)

    assert staying.result() is first


async def test_waiting_is_bounded(rig: Rig) -> None:
    sent = [rig.acquire() for _ in range(5)]
    fault = sent[-1].exception()

    assert isinstance(fault, Fault)
    assert rig.counters.overflowed == 1
    await turn()
    assert [each.done() for each in sent] == [True, True, False, False, True]


async def test_never_more_dials_than_connections_allowed(rig: Rig) -> None:
    rig.dial.gate.clear()
    _ = [rig.acquire() for _ in range(4)]
    rig.dial.gate.set()
    await turn()

    assert len(rig.dial.transports) == 2


async def test_every_request_that_waits_for_a_failing_backend_fails(rig: Rig) -> None:
    rig.dial.problems = ["refused"] * 4
    sent = [rig.acquire() for _ in range(4)]
    for _ in range(4):
        await turn()

    assert all(isinstance(each.exception(), Fault) for each in sent)
    assert rig.counters.refused == 4
    assert rig.emptied == [rig.pool]


async def test_forgetting_twice_counts_once(rig: Rig) -> None:
    connection = await rig.acquire()
    rig.pool.forget(connection)
    rig.pool.forget(connection)

    assert rig.counters.open == 0
    assert rig.emptied == [rig.pool]


async def test_retired_pool_keeps_nothing(rig: Rig) -> None:
    connection = await rig.acquire()
    rig.pool.is_retired = True
    rig.pool.release(connection)

    assert connection.is_closed


async def test_connection_that_closes_at_once_fails_the_request(rig: Rig) -> None:
    rig.dial.closes_at_once = True
    sent = rig.acquire()
    await turn()
    fault = sent.exception()

    assert isinstance(fault, Fault)
    assert "closed at once" in fault.detail


def test_unreachable_is_a_network_error() -> None:
    fault = unreachable("refused")

    assert fault.type is GatewayResponseType.INTEGRATION_FAILURE
    assert (fault.status, fault.source, fault.detail) == (504, "integration", "refused")
