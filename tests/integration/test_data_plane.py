"""A whole gateway in front of a real backend: streams, limits, throttles, many APIs, Prometheus."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.integration.conftest import StartGateway
from tests.prometheus import running_prometheus, scraping
from tests.raw_backend import Move, RawBackend, Step
from tests.running_gateway import PATIENCE_SECONDS, RunningGateway, until
from tests.sample_backend import running_backend

MEBIBYTE = 1 << 20
BODY_BYTES = 100 * MEBIBYTE
CHUNK = bytes(64 * 1024)
STREAM_GROWTH_KIB = 2048
"""How much a worker may grow for a stream of any length (performance target P7)."""

PROXY = """\
restApi: {name: Proxy}
resources:
  /{proxy+}:
    ANY:
      integration:
        type: HTTP_PROXY
        uri: "http://BACKEND/{proxy}"
        responseTransferMode: STREAM
stages:
  prod: {}
"""
PREFIX = "/_aws/execute-api/proxy/prod"


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    with running_backend() as address:
        yield address


@pytest.fixture
def proxy(start_gateway: StartGateway, backend: str) -> RunningGateway:
    """A gateway with one worker that passes everything to the sample backend."""
    return start_gateway(
        {
            "apis/proxy.yaml": PROXY.replace("BACKEND", backend),
            "gateway.toml": f"[limits]\nbody_bytes = {2 * BODY_BYTES}\n",
        },
        "--workers",
        "1",
    )


def resident_kib(gateway: RunningGateway) -> int:
    """Return what the worker has in memory, in KiB."""
    pid = gateway.status()["workers"][0]["pid"]
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])


def peak_growth(gateway: RunningGateway, transfer: Callable[[], None]) -> int:
    """Return by how many KiB the worker grew at most while `transfer` ran in a thread."""
    before = peak = resident_kib(gateway)
    thread = threading.Thread(target=transfer)
    thread.start()
    while thread.is_alive():
        peak = max(peak, resident_kib(gateway))
        thread.join(0.02)
    return peak - before


def test_a_hundred_megabytes_up_and_down_leave_memory_flat(proxy: RunningGateway) -> None:
    counted: dict[str, int] = {}

    async def down() -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{proxy.url}{PREFIX}/bytes/{BODY_BYTES}") as answer,
        ):
            counted["down"] = sum([len(piece) async for piece in answer.content.iter_any()])

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES // len(CHUNK)):
            yield CHUNK

    async def up(headers: dict[str, str]) -> None:
        url = f"{proxy.url}{PREFIX}/upload"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=pieces(), headers=headers) as answer,
        ):
            counted["up"] = counted.get("up", 0) + (await answer.json())["bytes"]

    proxy.get(f"{PREFIX}/bytes/1000000")
    growth = {
        "down": peak_growth(proxy, lambda: asyncio.run(down())),
        "up": peak_growth(proxy, lambda: asyncio.run(up({}))),
        "up with a length": peak_growth(
            proxy, lambda: asyncio.run(up({"Content-Length": str(BODY_BYTES)}))
        ),
    }

    assert counted == {"down": BODY_BYTES, "up": 2 * BODY_BYTES}
    assert max(growth.values()) <= STREAM_GROWTH_KIB, growth


async def test_events_arrive_as_they_are_sent(start_gateway: StartGateway) -> None:
    """Each event is sent when the one before has arrived: none is held back for the next."""
    events = [b"data: %d\n\n" % number for number in range(4)]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked"
    script: list[Step] = [head + b"\r\n\r\n"]
    arrived = [asyncio.Event() for _ in events]
    for event, is_there in zip(events, arrived, strict=True):
        script += [b"%x\r\n%b\r\n" % (len(event), event), is_there]
    backend = await RawBackend([(*script, b"0\r\n\r\n", Move.CLOSE)]).start()
    files = {"apis/proxy.yaml": PROXY.replace("BACKEND", f"127.0.0.1:{backend.port}")}
    gateway = await asyncio.to_thread(start_gateway, files, "--workers", "1")
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        aiohttp.ClientSession() as session,
        session.get(f"{gateway.url}{PREFIX}/events") as answer,
    ):
        assert answer.content_type == "text/event-stream"
        for event, is_there in zip(events, arrived, strict=True):
            assert await answer.content.readexactly(len(event)) == event
            is_there.set()
        assert await answer.content.read() == b""
    await backend.stop()


def test_a_body_over_the_limit_is_aws_413_with_and_without_a_length(
    start_gateway: StartGateway, backend: str
) -> None:
    gateway = start_gateway(
        {
            "apis/proxy.yaml": PROXY.replace("BACKEND", backend),
            "gateway.toml": "[limits]\nbody_bytes = 1000\n",
        }
    )

    async def post(data: object) -> tuple[int, str, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{gateway.url}{PREFIX}/upload", data=data) as answer,
        ):
            return answer.status, answer.headers["Content-Type"], await answer.text()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 100

    expected = (413, "text; charset=utf-8", "HTTP content length exceeded 1000 bytes.")

    assert asyncio.run(post(b"x" * 1001)) == expected
    assert asyncio.run(post(pieces())) == expected
    assert asyncio.run(post(b"x" * 1000))[0] == 200


@pytest.mark.slow
def test_two_workers_admit_rate_times_time_plus_burst(start_gateway: StartGateway) -> None:
    api = """\
restApi: {name: Limited}
resources:
  /limited:
    GET:
      methodResponses: {"200": {}}
      integration:
        type: MOCK
        requestTemplates: {application/json: '{"statusCode": 200}'}
        integrationResponses: {"200": {}}
stages:
  prod:
    methodSettings:
      limited/GET: {throttlingRateLimit: 100, throttlingBurstLimit: 300}
"""
    # A full bucket loses tokens: the machine may pause for as long as the burst lasts.
    gateway = start_gateway({"apis/limited.yaml": api})
    url = f"{gateway.url}/_aws/execute-api/limited/prod/limited"
    admitted: list[tuple[float, float]] = []
    """When each was sent, and when its answer came."""
    refused: list[float] = []
    """When each was sent."""
    statuses: set[int] = set()

    async def press(session: aiohttp.ClientSession, until_time: float) -> None:
        loop = asyncio.get_running_loop()
        while (sent := loop.time()) < until_time:
            async with session.get(url) as answer:
                statuses.add(answer.status)
                if answer.status == 200:
                    admitted.append((sent, loop.time()))
                else:
                    refused.append(sent)

    async def ten_seconds() -> None:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            began = asyncio.get_running_loop().time()
            async with asyncio.TaskGroup() as pressing:
                for _ in range(32):
                    pressing.create_task(press(session, began + 10))

    asyncio.run(ten_seconds())
    # The workers' clock is between sending and receiving, which are far apart if this process is
    # paused. Whoever was refused last saw an empty bucket: until then nothing was left over.
    longest = max(came for _, came in admitted) - min(sent for sent, _ in admitted)
    shortest = max(refused) - min(came for _, came in admitted)
    most, least = 100 * longest + 300, 100 * shortest + 300

    assert statuses == {200, 429}
    assert 0.99 * least <= len(admitted) <= 1.01 * most
    assert shortest > 5


APIS, METHODS_EACH = 100, 100


def many_methods(index: int, answer: str = "x") -> str:
    """Return an API file with a hundred methods.

    Throttled by more than any client here sends: one alone may exceed AWS's default of 10,000/s.
    """
    limits = "throttlingRateLimit: 1000000, throttlingBurstLimit: 1000000"
    resources = "\n".join(
        f"""\
  /things{number}/{{id}}:
    GET:
      methodResponses: {{"200": {{}}}}
      integration:
        type: MOCK
        requestTemplates: {{application/json: '{{"statusCode": 200}}'}}
        integrationResponses: {{"200": {{responseTemplates: {{application/json: '{answer}'}}}}}}"""
        for number in range(METHODS_EACH)
    )
    return f"""\
restApi: {{name: Many {index}}}
resources:
{resources}
stages:
  prod: {{methodSettings: {{"*/*": {{metricsEnabled: true, {limits}}}}}}}
"""


@pytest.fixture(scope="module")
def ten_thousand_methods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway with two workers. Each of its tests has APIs of its own; their numbers say which.

    Loading them takes as long as all that its tests do.
    """
    files = {f"apis/many{index}.yaml": many_methods(index) for index in range(APIS)}
    gateway = RunningGateway(tmp_path_factory.mktemp("many") / "gateway", files)
    try:
        yield gateway
    finally:
        gateway.close()


@pytest.mark.slow
def test_ten_thousand_methods_load_and_one_reloads_beside_traffic(
    ten_thousand_methods: RunningGateway,
) -> None:
    gateway = ten_thousand_methods
    path = "/_aws/execute-api/many{}/prod/things{}/7"
    assert len(gateway.status()["apis"]) == APIS
    assert gateway.get(path.format(99, 99)) == (200, b"x")
    failures: list[object] = []
    gaps: list[list[float]] = []
    """Of each round, how long requests took."""
    reloads: list[float] = []
    ended = threading.Event()

    async def traffic() -> None:
        async with aiohttp.ClientSession() as session:
            while not ended.is_set():
                began = time.monotonic()
                async with session.get(gateway.url + path.format(1, 2)) as answer:
                    if answer.status != 200:
                        failures.append(answer.status)
                if gaps:
                    gaps[-1].append(time.monotonic() - began)
                # Below the stage's 10,000 a second, and not all of the processors: control, which
                # steps back, has ten thousand methods to show.
                await asyncio.sleep(0.001)

    thread = threading.Thread(target=lambda: asyncio.run(traffic()))
    thread.start()
    try:
        for round_ in range(3):
            revision = gateway.status()["revision"]
            gaps.append([])
            began = time.monotonic()
            gateway.write("apis/many0.yaml", many_methods(0, f"round {round_}"))
            gateway.wait_revision(revision + 1)
            reloads.append(time.monotonic() - began)
    finally:
        ended.set()
        thread.join()

    assert gateway.get(path.format(0, 5)) == (200, b"round 2")
    assert failures == []
    # A worker that took in a release in one go would let requests wait for most of each reload; the
    # machine has pauses of its own, but not in all of them.
    shares = [max(each, default=0.0) / seconds for each, seconds in zip(gaps, reloads, strict=True)]
    assert min(shares) < 0.5, shares


@pytest.mark.slow
def test_prometheus_scrapes_ten_thousand_methods_without_a_parse_error(
    ten_thousand_methods: RunningGateway, tmp_path: Path
) -> None:
    gateway = ten_thousand_methods
    assert gateway.get("/_aws/execute-api/many2/prod/things2/7")[0] == 200
    configured = {"prometheus.yml": scraping(gateway.admin, seconds=10)}
    with running_prometheus(tmp_path, configured) as prometheus:
        target = prometheus.wait_scraped()
        counted = 'sum(stagegate_requests_total{api="many2",status_class="2xx"}) >= 1'
        until(lambda: prometheus.number(counted), "the request to be counted")

    assert (target["health"], target["lastError"]) == ("up", "")
