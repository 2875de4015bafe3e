"""The stage cache on live traffic: hits, a dead backend, flushes that reach all workers."""

from __future__ import annotations

import concurrent.futures
import http.server
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.control_plane import patch
from tests.integration.conftest import StartGateway
from tests.integration.test_control_plane import client_of
from tests.running_gateway import PATIENCE_SECONDS, RunningGateway, _get, until

KEY = "method.request.path.id"


class CountingBackend:
    """Answers each request with its number."""

    def __init__(self) -> None:
        self.count = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                backend.count += 1
                backend.may_answer.wait(PATIENCE_SECONDS)
                text = f"{self.path} {backend.count}".encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                # So that nothing answers any more once it is closed.
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def backend() -> Iterator[CountingBackend]:
    backend = CountingBackend()
    yield backend
    backend.close()


def cached_files(backend: str, canary: str = "") -> dict[str, str]:
    return {
        "apis/shop.yaml": f"""\
restApi: {{name: Shop}}
resources:
  /pets/{{id}}:
    GET:
      integration:
        type: HTTP_PROXY
        uri: "http://{backend}/pets/{{id}}"
        cacheKeyParameters: [{KEY}]
stages:
  prod:
    cacheClusterEnabled: true
    methodSettings: {{"*/*": {{cachingEnabled: true, cacheTtlInSeconds: 300}}}}
    {canary}
"""
    }


def made_by_client(aws: Any, backend: str) -> str:
    api = aws.create_rest_api(name="shop")
    pets = aws.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart="pets")
    pet = aws.create_resource(restApiId=api["id"], parentId=pets["id"], pathPart="{id}")
    method = {"restApiId": api["id"], "resourceId": pet["id"], "httpMethod": "GET"}
    aws.put_method(
        **method, authorizationType="NONE", requestParameters={"method.request.path.id": True}
    )
    aws.put_integration(
        **method,
        type="HTTP_PROXY",
        integrationHttpMethod="GET",
        uri=f"http://{backend}/pets/{{id}}",
        requestParameters={"integration.request.path.id": KEY},
        cacheKeyParameters=[KEY],
    )
    aws.create_deployment(
        restApiId=api["id"], stageName="prod", cacheClusterEnabled=True, cacheClusterSize="0.5"
    )
    aws.update_stage(
        restApiId=api["id"],
        stageName="prod",
        patchOperations=[
            patch("replace", "/*/*/caching/enabled", "true"),
            patch("replace", "/*/*/caching/ttlInSeconds", "300"),
        ],
    )
    return str(api["id"])


def answers(gateway: RunningGateway, api: str, pet: str, count: int = 24) -> set[bytes]:
    """Return what connections, spread over the workers, are answered."""
    found = {gateway.get(f"/_aws/execute-api/{api}/prod/pets/{pet}") for _ in range(count)}
    assert {status for status, _ in found} == {200}
    return {body for _, body in found}


@pytest.mark.parametrize("by", ["files", "boto3"])
def test_hits_a_dead_backend_and_a_flush(
    start_gateway: StartGateway, backend: CountingBackend, by: str
) -> None:
    gateway = start_gateway(cached_files(backend.address) if by == "files" else {})
    aws = client_of(gateway)
    api = "shop" if by == "files" else made_by_client(aws, backend.address)

    first = answers(gateway, api, "7")
    other = answers(gateway, api, "8")
    assert len(first) <= 2  # One for each worker.
    assert len(other) <= 2
    asked = backend.count
    assert asked <= 4

    aws.flush_stage_cache(restApiId=api, stageName="prod")
    assert not answers(gateway, api, "7") & first
    assert backend.count <= asked + 2

    kept = answers(gateway, api, "7")
    backend.close()
    assert answers(gateway, api, "7") == kept
    aws.flush_stage_cache(restApiId=api, stageName="prod")
    assert gateway.get(f"/_aws/execute-api/{api}/prod/pets/7")[0] == 504


@pytest.mark.parametrize("by", ["files", "boto3"])
def test_misses_at_once_ask_the_backend_once(
    start_gateway: StartGateway, backend: CountingBackend, by: str
) -> None:
    files = cached_files(backend.address) if by == "files" else {}
    gateway = start_gateway(files, "--workers", "1")
    api = "shop" if by == "files" else made_by_client(client_of(gateway), backend.address)
    path = f"/_aws/execute-api/{api}/prod/pets/7"
    backend.may_answer.clear()
    with concurrent.futures.ThreadPoolExecutor(20) as clients:
        asked = [clients.submit(gateway.get, path) for _ in range(20)]
        until(lambda: in_flight(gateway) == 20, "all to wait")
        backend.may_answer.set()

        assert {each.result() for each in asked} == {(200, b"/pets/7 1")}
    assert backend.count == 1


def in_flight(gateway: RunningGateway) -> int:
    _, scraped = _get(gateway.admin, "/metrics", {})
    found = re.findall(rb"^stagegate_requests_in_flight\{.*\} (\d+)", scraped, re.MULTILINE)
    return sum(map(int, found))


@pytest.mark.parametrize("by", ["files", "boto3"])
@pytest.mark.parametrize("is_shared", [True, False])
def test_a_canary_has_the_stages_cache_only_if_it_may(
    start_gateway: StartGateway, backend: CountingBackend, by: str, *, is_shared: bool
) -> None:
    settings = f"percentTraffic: 0, forceHeader: X-Arm, useStageCache: {str(is_shared).lower()}"
    files = cached_files(backend.address, f"canarySettings: {{{settings}}}")
    gateway = start_gateway(files if by == "files" else {}, "--workers", "1")
    api = "shop"
    if by == "boto3":
        aws = client_of(gateway)
        api = made_by_client(aws, backend.address)
        stage = {"restApiId": api, "stageName": "prod"}
        canary = {"percentTraffic": 0.0, "useStageCache": is_shared}
        aws.create_deployment(**stage, canarySettings=canary)
        force = patch("replace", "/canarySettings/forceHeader", "X-Arm")
        aws.update_stage(**stage, patchOperations=[force])

    def ask(arm: str) -> bytes:
        path = f"/_aws/execute-api/{api}/prod/pets/7"
        return _get(gateway.listen, path, {"X-Arm": arm})[1]

    assert [ask("base"), ask("base")] == [b"/pets/7 1"] * 2
    assert [ask("canary"), ask("canary")] == [b"/pets/7 1" if is_shared else b"/pets/7 2"] * 2


def test_hits_and_misses_are_counted(start_gateway: StartGateway, backend: CountingBackend) -> None:
    gateway = start_gateway(cached_files(backend.address), "--workers", "1")
    answers(gateway, "shop", "7", count=5)

    def counted() -> bool:
        _, scraped = _get(gateway.admin, "/metrics", {})
        text = scraped.decode()
        labels = '{api="shop",stage="prod",canary="false"}'
        return (
            f"stagegate_cache_hits_total{labels} 4\n" in text
            and f"stagegate_cache_misses_total{labels} 1\n" in text
        )

    until(counted, "hits and misses to be counted")


def test_a_flush_of_a_stage_that_is_not_there_is_404(start_gateway: StartGateway) -> None:
    aws = client_of(start_gateway(cached_files("127.0.0.1:9")))

    with pytest.raises(aws.exceptions.NotFoundException):
        aws.flush_stage_cache(restApiId="shop", stageName="nope")
