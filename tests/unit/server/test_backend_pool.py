"""Facts about the pool of one origin, asked directly."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator
from typing import cast

import pytest

from gateway.errors import Fault
from gateway.messages import Origin
from gateway.server.backend_connection import BackendConnection
from gateway.server.backend_pool import (
    BackendCounters,
    LimitedPool,
    OriginPool,
    PoolContext,
    open_pool,
)
from gateway.server.deadlines import Deadlines
from gateway.server.outbox import Outbox
from gateway.server.plain_head import PlainHeads
from gateway.settings import Backends
from gateway.telemetry.logs import RateLimited
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
                outbox=Outbox(asyncio.get_running_loop()),
                make_room=lambda: False,
                on_empty=self.emptied.append,
                log=RateLimited(logging.getLogger("test"), self.clock.now),
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


async def test_connections_to_addresses_that_are_gone_end(rig: Rig) -> None:
    idle, busy = await rig.acquire(), await rig.acquire()
    rig.pool.release(idle)
    rig.pool.keep_only(frozenset({("192.0.2.1", 80)}))
    assert not idle.is_closed

    rig.pool.keep_only(frozenset({("192.0.2.2", 80)}))
    assert (idle.is_closed, busy.is_closed) == (True, False)
    rig.pool.release(busy)
    assert busy.is_closed


async def test_first_answer_tells_how_long_a_connection_is_kept(rig: Rig) -> None:
    connection = await rig.acquire()
    rig.pool.release(connection)
    assert connection.deadline == rig.clock.now() + Backends().idle_seconds

    connection.answer_headers = ((b"Keep-Alive", b"timeout=5"),)
    for _ in range(2):
        assert rig.pool.take_idle() is connection
        rig.pool.release(connection)
        assert connection.deadline == rig.clock.now() + 4
        connection.answer_headers = ((b"Keep-Alive", b"timeout=50"),)


async def test_pool_of_limited_connections_counts_what_each_carried(rig: Rig) -> None:
    settings = Backends(requests_per_connection=2)
    pool = open_pool(rig.pool.origin, dataclasses.replace(rig.pool._context, settings=settings))
    assert isinstance(pool, LimitedPool)
    connection = await drive(pool.acquire(rig.clock.now() + 10))
    pool.release(connection)
    assert pool.take_idle() is connection
    pool.release(connection)

    assert connection.is_closed
    assert pool._carried == {}
    assert type(open_pool(rig.pool.origin, rig.pool._context)) is OriginPool


async def test_why_there_is_no_connection_is_told_once_in_a_while(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.dial.problems = ["refused"] * 3
    for _ in range(3):
        with pytest.raises(Fault):
            await rig.acquire()
    rig.clock.time += 11
    rig.dial.problems = ["refused"]
    with pytest.raises(Fault):
        await rig.acquire()

    assert caplog.messages == [
        "no connection to a backend: CANNOT_CONNECT: refused",
        "no connection to a backend: CANNOT_CONNECT: refused (2 like it left out)",
    ]
