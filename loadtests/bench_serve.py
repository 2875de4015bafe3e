"""Micro-benchmark: one request through all stations, with a backend that answers at once.

Prints microseconds per request by kind, best of several rounds. No sockets, so what it shows is the
pipeline's own work: `python -m loadtests.bench_serve`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.definitions.stage import AccessLogSettings, Stage
from gateway.driver import Drive
from gateway.messages import EndpointResponse, InvocationResponse
from tests.builders import World, api, mock, proxy, release, request, settings

ROUNDS = 7
REQUESTS = 5_000

HEADERS = {
    "User-Agent": "wrk/4.1",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Cache-Control": "no-cache",
    "Cookie": "session=0123456789abcdef",
    "X-Client": "bench",
    "Connection": "keep-alive",
}

BACKEND_HEADERS = [
    (b"Server", b"nginx/1.22.1"),
    (b"Date", b"Sun, 22 Nov 2026 12:00:00 GMT"),
    (b"Content-Type", b"application/json"),
    (b"Content-Length", b"192"),
    (b"Connection", b"keep-alive"),
    (b"ETag", b'"5f3e-abc"'),
    (b"Accept-Ranges", b"bytes"),
]


def _drop(destination: str, line: bytes) -> None:
    """Drop a log line: writing it is not what is measured here."""
    del destination, line


def _world() -> World:
    resources = {f"/things/{index}/{{id}}": {"GET": mock()} for index in range(1000)}
    resources |= {"/pets/{id}": {"GET": proxy("http://backend.test:9000/pets/{id}")}}
    resources |= {"/mock": {"GET": mock(200, '{"ok": true}')}}
    stage = Stage(
        stage_name="dev",
        method_settings=settings(all_={"throttlingRateLimit": 1e9, "throttlingBurstLimit": 10**9}),
        access_log_settings=AccessLogSettings(format="json"),
    )
    world = World(release(api(resources), stage, account=(1e9, 10**9)), buckets=4096)
    world.logs.write = _drop  # type: ignore[method-assign]
    world.endpoints.answer = lambda _request: EndpointResponse(
        200, BACKEND_HEADERS, b"x" * 192, 192
    )
    return world


def _measure(world: World, target: str, expected: int) -> float:
    asked = request("GET", target, headers=HEADERS)
    service = world.service
    statuses: list[int] = []

    def answered(response: InvocationResponse) -> None:
        statuses.append(response.status)

    def failed(error: BaseException) -> None:
        raise error

    def once() -> None:
        exchange = service.open(asked)
        Drive(service.answer(exchange), answered, failed).step()
        exchange.status = statuses[-1]
        service.record(exchange)

    best = min(_timed(once) for _ in range(ROUNDS))
    assert set(statuses) == {expected}, statuses[-1]
    world.endpoints.requests.clear()
    return best


def _timed(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    for _ in range(REQUESTS):
        call()
    return (time.perf_counter() - began) / REQUESTS * 1e6


def main() -> None:
    world = _world()
    for kind, target, status in (
        ("HTTP_PROXY", "/dev/pets/7?x=1", 200),
        ("MOCK", "/dev/mock", 200),
        ("no route", "/dev/nope", 403),
        ("no stage", "/nope/pets", 403),
    ):
        print(f"{kind:12} {_measure(world, target, status):7.2f} µs")


if __name__ == "__main__":
    main()
