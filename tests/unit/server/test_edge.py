from __future__ import annotations

import logging

import pytest

from tests.clients import Client


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

    assert client.transport.is_closed
    assert repr(client.edge) == "<Edge draining, 1 connections>"


def test_a_connection_that_comes_while_draining_is_closed() -> None:
    client = Client()
    client.edge.is_draining = True
    client.connection.connection_made(client.transport)

    assert client.transport.is_closed
