"""Many APIs made by clients at once: nothing is lost, doubled or left out, nor after a start.

`loadtests/control_plane_scale.py` does the same at full size, and measures.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from loadtests.control_plane_clients import (
    Share,
    check_apis,
    check_served,
    check_shared,
    make_share,
    make_shared,
)
from tests.integration.conftest import StartGateway

CLIENTS = 8
APIS = 40
METHODS = 20


@pytest.mark.slow
def test_many_apis_made_by_eight_clients_are_all_there_and_served_after_a_start(
    start_gateway: StartGateway,
) -> None:
    gateway = start_gateway({})
    shared_api, shared_root = make_shared(gateway.admin_url)
    shares = [
        Share(
            url=gateway.admin_url,
            client=client,
            clients=CLIENTS,
            apis=APIS,
            methods=METHODS,
            shared_api=shared_api,
            shared_root=shared_root,
        )
        for client in range(CLIENTS)
    ]
    with ThreadPoolExecutor(CLIENTS) as clients:
        made = list(clients.map(make_share, shares))

    check_apis(gateway.admin_url, made, shared_api)
    check_shared(gateway.admin_url, shares, made, shared_api)
    assert check_served(gateway.listen, made) == APIS

    gateway.close()
    gateway.start()
    check_apis(gateway.admin_url, made, shared_api)
    check_shared(gateway.admin_url, shares, made, shared_api)
    assert check_served(gateway.listen, made) == APIS
