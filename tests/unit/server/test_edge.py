from __future__ import annotations

import logging

import pytest

from gateway.driver import Waiter
from gateway.server.connection import ClientConnection
from tests.clients import GET, Client, FakeService, FakeTransport, answers


def test_refusals_are_all_counted_and_seldom_logged(caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            client.edge.refused("target", "192.0.2.7")
        assert len(caplog.records) == 1
        client.clock.time += 1
        client.edge.refused("host", "192.0.2.8")

    assert client.service.refusals == ["target"] * 5 + ["host"]
    assert "host (from 192.0.2.8; 4 more not logged)" in caplog.messages[1]


def test_draining_reaches_every_connection() -> None:
    client = Client()
    assert repr(client.edge) == "<Edge open, 1 connections>"
    client.edge.drain()

    client.loop.advance(1.1)

    assert client.transport.is_closed
    assert repr(client.edge) == "<Edge draining, 1 connections>"


def test_a_connection_that_comes_while_draining_may_ask_once() -> None:
    client = Client()
    client.edge.drain()
    silent, asking = FakeTransport(), FakeTransport()
    ClientConnection(client.edge).connection_made(silent)
    connection = ClientConnection(client.edge)
    connection.connection_made(asking)
    connection.data_received(GET)
    client.loop.advance(1.1)

    assert silent.is_closed
    assert answers(bytes(asking.written))[0].headers["connection"] == "close"


def test_requests_in_flight_are_those_without_their_whole_answer() -> None:
    client = Client(FakeService(gate=Waiter()))
    assert client.edge.in_flight == 0
    client.send(GET)
    assert client.edge.in_flight == 1
    gate = client.service.gate
    assert gate is not None
    gate.set(None)

    assert client.edge.in_flight == 0
