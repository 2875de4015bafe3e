"""Facts about what happens to open connections when certificates change."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.server.tls_table import TlsEntry, TlsTable
from tests.clients import answers
from tests.unit.server.test_tls_connection import (
    CLIENTS,
    GET,
    PUBLIC,
    SAFE,
    Client,
    World,
    table_in,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "first")


def with_entries(table: TlsTable, **entries: TlsEntry) -> TlsTable:
    return TlsTable({**table.entries, **entries})


def test_handshakes_count_among_the_connections(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.edge.admission.most = 2
    Client(world).shake()
    Client(world)
    assert world.service.refusals == []
    third = Client(world)

    assert third.transport.is_aborted
    assert world.service.refusals == ["tls_limit"]


def test_a_new_certificate_ends_nothing(world: World, tmp_path: Path) -> None:
    client = Client(world)
    client.shake()

    # The same domains with other certificates; the trust store's content is the same.
    world.gate.swap(table_in(tmp_path / "second"))
    world.loop.advance(5.0)

    assert answers(client.ask())[0].headers["connection"] == "keep-alive"
    other = Client(world)
    other.shake()
    assert other.tls.getpeercert(binary_form=True) != client.tls.getpeercert(binary_form=True)


def test_another_trust_store_ends_what_the_old_one_let_in(world: World) -> None:
    idle, busy, public = (
        Client(world, SAFE, CLIENTS.client("a")),
        Client(world, SAFE),
        Client(world),
    )
    for client in (idle, busy, public):
        client.shake()
    safe = world.table.entries[SAFE]
    changed = TlsEntry(
        domain_name=SAFE,
        recipe=type(safe.recipe)(
            certificate=safe.recipe.certificate, truststore="other", oldest=safe.recipe.oldest
        ),
        context=safe.context,
    )

    world.gate.swap(with_entries(world.table, **{SAFE: changed}))
    # One that was on its way is answered, and told to go.
    assert answers(busy.ask())[0].headers["connection"] == "close"
    assert busy.transport.is_eof_written
    assert not idle.transport.is_closed
    world.loop.advance(1.5)

    assert idle.transport.is_closed
    assert answers(public.ask())[0].headers["connection"] == "keep-alive"


def test_a_name_that_becomes_another_domain_s_ends_its_connections(world: World) -> None:
    client = Client(world)
    client.shake()
    taken = TlsEntry(
        domain_name="*.example.com",
        recipe=world.table.entries[PUBLIC].recipe,
        context=world.table.entries[PUBLIC].context,
    )

    world.gate.swap(TlsTable({"*.example.com": taken}))
    world.loop.advance(1.5)
    assert client.transport.is_closed


def test_a_name_that_is_gone_ends_its_connections(world: World) -> None:
    client = Client(world)
    client.shake()

    world.gate.swap(world.table)
    world.loop.advance(1.5)
    assert not client.transport.is_closed
    world.gate.swap(TlsTable({}))

    world.loop.advance(1.5)
    assert client.transport.is_closed


def test_a_handshake_that_has_begun_ends_with_what_it_began_with(world: World) -> None:
    client = Client(world, SAFE, CLIENTS.client("a"))
    with pytest.raises(Exception, match="did not complete"):
        client.tls.do_handshake()
    client.deliver()

    world.gate.swap(TlsTable({}))
    client.shake()

    # What it began with is gone, and so is it, after one answer.
    assert answers(client.ask(GET))[0].headers["connection"] == "close"
