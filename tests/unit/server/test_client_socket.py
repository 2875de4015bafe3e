"""What is not seen through `ClientConnection`, whose tests cover closing and pausing."""

from __future__ import annotations

import pytest

from gateway.server.client_socket import ClientSocket
from tests.clients import Client, FakeTransport


class Unix(FakeTransport):
    """A transport of a Unix socket."""

    def get_extra_info(self, name: str, default: object = None) -> object:
        return {"peername": "", "sockname": "/run/gateway.sock"}.get(name, default)


class Tls(FakeTransport):
    def get_extra_info(self, name: str, default: object = None) -> object:
        return object() if name == "sslcontext" else super().get_extra_info(name, default)


@pytest.mark.parametrize(
    ("transport", "address", "port", "scheme"),
    [
        (FakeTransport("2001:db8::1"), "2001:db8::1", 8080, "http"),
        (FakeTransport("::ffff:192.0.2.1"), "192.0.2.1", 8080, "http"),
        (Unix(), "", 0, "http"),
        (Tls(), "192.0.2.7", 8080, "https"),
    ],
)
def test_the_peer_is_known_from_the_transport(
    transport: FakeTransport, address: str, port: int, scheme: str
) -> None:
    end = ClientSocket(Client().edge)

    assert end._admit(transport)
    assert (end._address, end._port, end._scheme) == (address, port, scheme)


def test_what_was_taken_is_given_back_once() -> None:
    edge = Client().edge
    end = ClientSocket(edge)
    end._admit(FakeTransport())
    assert edge.admission.open == 2
    end._release()
    end._release()

    assert edge.admission.open == 1
    assert end.watched_until == float("inf")
