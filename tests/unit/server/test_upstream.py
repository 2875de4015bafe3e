"""Facts about sending over pooled connections: reuse, retries, queues, releases. No sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from gateway.errors import Fault, GatewayResponseType
from gateway.messages import EndpointResponse, IntegrationRequest, Origin
from gateway.server import backend_pool
from gateway.server.deadlines import Deadline, Deadlines
from gateway.server.upstream import HttpEndpoints
from gateway.settings import Backends
from gateway.streams import BodyError, BodyStream
from tests.builders import FakeClock, FakeProducer
from tests.fake_backend import FakeDeadlines, FakeDial
from tests.raw_backend import drive, driven

ORIGIN = Origin.make("http", "backend.test", 80)
OTHER = Origin.make("http", "other.test", 80)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"


@dataclass
class Rig:
    """Endpoints whose connections are fakes."""

    settings: Backends
    clock: FakeClock = field(default_factory=FakeClock)
    deadlines: FakeDeadlines = field(default_factory=FakeDeadlines)

    def __post_init__(self) -> None:
        self.dial = FakeDial()
        self.endpoints = HttpEndpoints(
            self.settings,
            asyncio.get_running_loop(),
            cast("Deadlines", self.deadlines),
            dial=self.dial,
            now=self.clock.now,
        )

    def send(
        self,
        method: str = "GET",
        *,
        origin: Origin = ORIGIN,
        body: bytes | BodyStream | None = None,
        seconds: float = 10,
    ) -> asyncio.Future[EndpointResponse]:
        request = IntegrationRequest(origin, b"", body, method, seconds, None, self.clock.now())
        return drive(self.endpoints.send(request))

    def answer(self, index: int, raw: bytes = OK) -> None:
        self.dial.protocols[index].data_received(raw)

    async def exchange(self, index: int = 0, origin: Origin = ORIGIN) -> None:
        """Send a request and answer it on a connection."""
        sent = self.send(origin=origin)
        await turn()
        self.answer(index)
        assert (await sent).status == 200

    @property
    def idle(self) -> int:
        return sum(len(pool.idle) for pool in self.endpoints.pools())

    def open(self) -> list[int]:
        return [i for i, each in enumerate(self.dial.transports) if not each.is_aborted]


async def turn() -> None:
    """Let started dials come to their end."""
    for _ in range(5):
        await asyncio.sleep(0)


MakeRig = Callable[..., Rig]


@pytest.fixture
async def make_rig() -> AsyncIterator[MakeRig]:
    rigs: list[Rig] = []

    def make(settings: Backends | None = None) -> Rig:
        rigs.append(Rig(settings or Backends()))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.endpoints.close()
    await turn()


async def test_connection_is_used_again(make_rig: MakeRig) -> None:
    rig = make_rig()
    await rig.exchange()
    await rig.exchange()

    counters = rig.endpoints.counters
    assert (counters.opened, counters.reused, counters.open) == (1, 1, 1)


async def test_requests_on_idle_connections_leave_together(make_rig: MakeRig) -> None:
    rig = make_rig()
    sent = [rig.send(), rig.send()]
    await turn()
    rig.answer(0)
    rig.answer(1)
    await asyncio.gather(*sent)
    _, _ = rig.send(), rig.send()
    assert [len(each.writes) for each in rig.dial.transports] == [1, 1]
    await asyncio.sleep(0)

    assert [len(each.writes) for each in rig.dial.transports] == [2, 2]


async def test_last_used_connection_is_used_next(make_rig: MakeRig) -> None:
    rig = make_rig()
    first, second = rig.send(), rig.send()
    await turn()
    rig.answer(1)
    rig.answer(0)
    await asyncio.gather(first, second)
    _ = rig.send()
    await turn()

    assert len(rig.dial.transports[0].writes) == 2
    assert len(rig.dial.transports[1].writes) == 1


async def test_origins_do_not_share_connections(make_rig: MakeRig) -> None:
    rig = make_rig()
    await rig.exchange()
    await rig.exchange(1, OTHER)

    assert len(rig.dial.transports) == 2


async def test_idle_connection_that_is_closing_is_passed_over(make_rig: MakeRig) -> None:
    rig = make_rig()
    await rig.exchange()
    rig.dial.transports[0].is_aborted = True
    await rig.exchange(1)

    assert rig.endpoints.counters.opened == 2


async def test_no_more_idle_connections_than_the_bound(make_rig: MakeRig) -> None:
    rig = make_rig(Backends(idle_per_origin=1))
    sent = [rig.send() for _ in range(3)]
    await turn()
    for index in range(3):
        rig.answer(index)
    await asyncio.gather(*sent)

    assert rig.idle == 1
    assert rig.open() == [0]


async def test_idle_connection_is_closed_at_its_deadline(make_rig: MakeRig) -> None:
    rig = make_rig(Backends(idle_seconds=60))
    await rig.exchange()
    (connection,) = rig.endpoints.pools()[0].idle
    assert connection.deadline == rig.clock.now() + 60
    assert connection in rig.deadlines.watched
    connection.on_deadline(rig.clock.now() + 60)

    assert rig.open() == []
    assert rig.endpoints.pools() == ()


async def test_old_connection_is_not_kept(make_rig: MakeRig) -> None:
    rig = make_rig(Backends(connection_seconds=100))
    await rig.exchange()
    rig.clock.time += 100
    await rig.exchange()

    assert rig.open() == []


async def test_freed_connection_goes_to_the_longest_waiting_request(make_rig: MakeRig) -> None:
    rig = make_rig(Backends(connections_per_origin=1))
    sent = [rig.send() for _ in range(3)]
    await turn()
    for _ in sent:
        rig.answer(0)
        await turn()

    assert [each.result().status for each in sent] == [200] * 3
    assert rig.endpoints.counters.opened == 1
    assert rig.endpoints.counters.reused == 2


async def test_broken_connection_makes_room_for_waiting_requests(make_rig: MakeRig) -> None:
    rig = make_rig(Backends(connections_per_origin=1))
    first, second = rig.send(), rig.send()
    await turn()
    rig.answer(0, b"garbage")
    await turn()
    rig.answer(1)

    assert isinstance(first.exception(), Fault)
    assert second.result().status == 200


async def test_request_beyond_the_queue_is_refused(make_rig: MakeRig) -> None:
    rig = make_rig(Backends(connections_per_origin=1, queue=1))
    waiting = [rig.send(), rig.send()]
    await turn()
    refused = rig.send().exception()

    assert isinstance(refused, Fault)
    assert refused.type is GatewayResponseType.INTEGRATION_FAILURE
    assert "wait for a connection" in refused.detail
    assert not any(each.done() for each in waiting)


async def test_queue_of_nothing_still_lets_requests_dial(make_rig: MakeRig) -> None:
    rig = make_rig(Backends(connections_per_origin=1, queue=0))
    await rig.exchange()

    assert rig.idle == 1


async def test_failed_dial_fails_one_request(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.dial.problems = ["refused"]
    first, second = rig.send(), rig.send()
    await turn()
    fault = first.exception()
    rig.answer(0)

    assert isinstance(fault, Fault)
    assert (fault.status, fault.detail) == (504, "CANNOT_CONNECT: refused")
    assert second.result().status == 200
    assert rig.endpoints.counters.refused == 1


async def test_failed_dial_for_a_request_that_left_fails_nobody(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.dial.gate.clear()
    rig.dial.problems = ["refused"]
    request = IntegrationRequest(ORIGIN, b"", None, "GET", 10, None, rig.clock.now())
    leaving, _ = driven(rig.endpoints.send(request))
    staying = rig.send()
    leaving.close()
    rig.dial.gate.set()
    await turn()
    rig.answer(0)

    assert staying.result().status == 200


async def test_connection_that_nobody_waits_for_any_more_is_kept(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.dial.gate.clear()
    request = IntegrationRequest(ORIGIN, b"", None, "GET", 10, None, rig.clock.now())
    leaving, _ = driven(rig.endpoints.send(request))
    await turn()
    leaving.close()
    rig.dial.gate.set()
    await turn()
    assert rig.idle == 1
    await rig.exchange()

    assert rig.endpoints.counters.opened == 1


async def test_pool_without_connections_is_forgotten(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.dial.problems = ["refused"]
    rig.send().add_done_callback(lambda sent: sent.exception())
    await turn()

    assert rig.endpoints.pools() == ()


async def test_leaving_caller_ends_its_connection(make_rig: MakeRig) -> None:
    rig = make_rig()
    request = IntegrationRequest(ORIGIN, b"", None, "GET", 10, None, rig.clock.now())
    leaving, _ = driven(rig.endpoints.send(request))
    await turn()
    leaving.close()

    assert rig.open() == []
    assert rig.endpoints.counters.open == 0


async def test_no_connection_in_time_is_a_time_out(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.dial.gate.clear()
    with pytest.raises(Fault) as caught:
        await rig.send(seconds=0)

    assert caught.value.type is GatewayResponseType.INTEGRATION_TIMEOUT


@pytest.mark.parametrize(
    ("method", "body", "is_retried"),
    [
        ("GET", None, True),
        ("OPTIONS", None, True),
        ("PUT", b"x", True),
        ("POST", None, False),
        ("PATCH", b"x", False),
    ],
)
async def test_stale_connection_is_retried_where_that_is_safe(
    make_rig: MakeRig, method: str, body: bytes | None, is_retried: bool
) -> None:
    rig = make_rig()
    await rig.exchange()
    sent = rig.send(method, body=body)
    await turn()
    rig.dial.protocols[0].connection_lost(None)
    await turn()

    assert rig.endpoints.counters.retried == int(is_retried)
    if is_retried:
        rig.answer(1)
        assert sent.result().status == 200
    else:
        fault = sent.exception()
        assert isinstance(fault, Fault)
        assert fault.status == 502


@pytest.mark.parametrize("raw", [None, OK])
async def test_request_that_has_not_left_is_sent_on_another_connection(
    make_rig: MakeRig, raw: bytes | None
) -> None:
    rig = make_rig()
    await rig.exchange()
    sent = rig.send("POST", body=b"abc")
    if raw is None:
        rig.dial.protocols[0].connection_lost(None)
    else:
        rig.answer(0, raw)
    await turn()
    rig.answer(1, LONG.replace(b"10", b"2") + b"no")

    assert (await sent).body == b"no"
    assert [len(each.writes) for each in rig.dial.transports] == [1, 1]
    assert rig.endpoints.counters.retried == 1


async def test_request_that_is_sent_again_has_no_more_time_for_that(make_rig: MakeRig) -> None:
    rig = make_rig()
    await rig.exchange()
    end = rig.clock.now() + 10
    _ = rig.send()
    await turn()
    rig.clock.time += 7
    rig.dial.protocols[0].connection_lost(None)
    await turn()

    assert cast("Deadline", rig.dial.protocols[1]).deadline == end


async def test_streamed_body_is_not_sent_twice(make_rig: MakeRig) -> None:
    rig = make_rig()
    await rig.exchange()
    sent = rig.send("PUT", body=BodyStream(FakeProducer(), 3))
    rig.dial.protocols[0].connection_lost(None)

    assert isinstance(sent.exception(), Fault)
    assert rig.endpoints.counters.retried == 0


async def test_new_connection_is_not_retried(make_rig: MakeRig) -> None:
    rig = make_rig()
    sent = rig.send()
    await turn()
    rig.dial.protocols[0].connection_lost(None)

    assert isinstance(sent.exception(), Fault)
    assert rig.endpoints.counters.retried == 0


async def test_caller_that_leaves_during_a_retry_ends_its_connection(make_rig: MakeRig) -> None:
    rig = make_rig()
    await rig.exchange()
    request = IntegrationRequest(ORIGIN, b"", None, "GET", 10, None, rig.clock.now())
    leaving, _ = driven(rig.endpoints.send(request))
    rig.dial.protocols[0].connection_lost(None)
    await turn()
    leaving.close()

    assert rig.open() == []
    assert rig.endpoints.counters.open == 0


async def test_second_stale_connection_is_a_502(make_rig: MakeRig) -> None:
    rig = make_rig(Backends(connections_per_origin=2))
    first, second = rig.send(), rig.send()
    await turn()
    rig.answer(0)
    await first
    # One connection is busy, and the retry will get it once it is free.
    sent = rig.send()
    rig.dial.gate.clear()
    rig.dial.protocols[0].connection_lost(None)
    rig.answer(1)
    rig.dial.protocols[1].connection_lost(None)
    await turn()

    assert second.result().status == 200
    fault = sent.exception()
    assert isinstance(fault, Fault)
    assert (fault.status, fault.detail) == (502, "two connections ended without an answer")


async def test_body_that_failed_while_waiting_is_not_sent(make_rig: MakeRig) -> None:
    rig = make_rig()
    body = BodyStream(FakeProducer(), 3)
    sent = rig.send("POST", body=body)
    body.fail(BodyError("the client left"))
    await turn()

    fault = sent.exception()
    assert isinstance(fault, Fault)
    assert (fault.status, fault.source) == (400, "client")
    assert rig.dial.transports[0].writes == []
    assert rig.idle == 1


async def test_closing_ends_everything(make_rig: MakeRig) -> None:
    rig = make_rig(Backends(connections_per_origin=1))
    await rig.exchange()
    busy, waiting = rig.send(), rig.send()
    other = rig.send(origin=OTHER)
    await turn()
    rig.endpoints.close()
    await turn()

    assert rig.open() == []
    assert all(isinstance(each.exception(), Fault) for each in (busy, waiting, other))
    assert rig.endpoints.counters.open == 0


async def test_closing_ends_what_has_not_left(make_rig: MakeRig) -> None:
    rig = make_rig()
    await rig.exchange()
    sent = rig.send()
    rig.endpoints.close()
    await turn()

    assert isinstance(sent.exception(), Fault)
    assert len(rig.dial.transports[0].writes) == 1


async def test_closing_ends_dials(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.dial.gate.clear()
    sent = rig.send()
    await turn()
    rig.endpoints.close()
    await turn()

    assert isinstance(sent.exception(), Fault)
    assert rig.dial.transports == []


async def test_full_worker_closes_an_idle_connection_for_a_new_one(
    make_rig: MakeRig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backend_pool, "CONNECTIONS", 1)
    rig = make_rig()
    await rig.exchange()
    await rig.exchange(1, OTHER)

    assert rig.open() == [1]


async def test_full_worker_without_idle_connections_refuses(
    make_rig: MakeRig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backend_pool, "CONNECTIONS", 1)
    rig = make_rig()
    _ = rig.send()
    await turn()
    sent = rig.send(origin=OTHER)
    await turn()

    fault = sent.exception()
    assert isinstance(fault, Fault)
    assert fault.type is GatewayResponseType.INTEGRATION_FAILURE
    assert "in use" in fault.detail


async def test_reprs_state_the_state(make_rig: MakeRig) -> None:
    rig = make_rig()
    await rig.exchange()

    assert repr(rig.endpoints) == "<HttpEndpoints 1 open, 1 origins>"
    assert repr(rig.endpoints.pools()[0]) == (
        "<OriginPool http://backend.test:80: 1 open, 1 idle, 0 dialing, 0 waiting>"
    )
