"""Facts about what the admin socket answers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families
from yarl import URL

from gateway.control.admin import Admin
from gateway.control.api.edge import ControlEdge
from gateway.control.publisher import Publisher, ReloadState
from gateway.control.status import Status
from gateway.control.workers import WorkerLinks
from gateway.release import Release
from gateway.settings import Address
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.metrics import table_bytes
from tests.builders import BLOCKS, FakeClock, api, mock, release


@dataclass
class FakePublisher:
    release: Release
    state: ReloadState = field(default_factory=ReloadState)


@dataclass
class FakeLinks:
    is_serving: bool = True


class FakeStatus:
    def report(self) -> dict[str, Any]:
        return {"revision": 7}


class FakeEdge:
    async def handle(self, request: web.Request) -> web.Response:
        return web.Response(text=request.raw_path)


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def client(
    executor: ThreadPoolExecutor,
    *,
    is_serving: bool = True,
    address: str = "127.0.0.1",
    edge: ControlEdge | None = None,
) -> TestClient[Any, Any]:
    admin = Admin(
        publisher=cast(
            "Publisher", FakePublisher(release(api({"/pets": {"GET": mock()}}), revision=7))
        ),
        links=cast("WorkerLinks", FakeLinks(is_serving)),
        status=cast("Status", FakeStatus()),
        exposition=Exposition(
            memoryview(bytearray(table_bytes(BLOCKS, 1))),
            workers=1,
            block_capacity=BLOCKS,
            clock=FakeClock(),
        ),
        scraping=executor,
        series_budget=100,
        address=Address(address, 8081),
        edge=edge,
    )
    return TestClient(TestServer(admin.application()))


async def test_every_answer_names_the_release(executor: ThreadPoolExecutor) -> None:
    async with client(executor) as asking:
        for path in ("/healthz", "/readyz", "/status", "/metrics", "/nowhere"):
            answer = await asking.get(path)

            assert answer.headers["x-stagegate-revision"] == "7"


async def test_alive_is_not_ready(executor: ThreadPoolExecutor) -> None:
    async with client(executor, is_serving=False) as asking:
        assert (await asking.get("/healthz")).status == 200
        answer = await asking.get("/readyz")

        assert answer.status == 503
        assert "no worker" in (await answer.json())["message"]


async def test_ready_names_the_revision(executor: ThreadPoolExecutor) -> None:
    async with client(executor) as asking:
        answer = await asking.get("/readyz")

        assert (answer.status, await answer.json()) == (200, {"status": "ready", "revision": 7})


async def test_metrics_can_be_parsed(executor: ThreadPoolExecutor) -> None:
    async with client(executor) as asking:
        answer = await asking.get("/metrics")
        families = {each.name: each for each in text_string_to_metric_families(await answer.text())}

        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert families["stagegate_release_revision"].samples[0].value == 7
        assert families["stagegate_metrics_series_budget"].samples[0].value == 100


async def test_status_is_for_this_machine_alone(executor: ThreadPoolExecutor) -> None:
    async with client(executor, address="0.0.0.0") as asking:
        assert (await asking.get("/status")).status == 403
        assert (await asking.get("/metrics")).status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8081", 200),
        ("localhost", 200),
        ("[::1]:8081", 200),
        ("evil.example.com", 403),
        ("evil.example.com:8081", 403),
        ("10.0.0.1", 403),
        ("", 403),
    ],
)
async def test_a_name_that_leads_here_is_not_believed(
    executor: ThreadPoolExecutor, host: str, status: int
) -> None:
    async with client(executor) as asking:
        assert (await asking.get("/status", headers={"Host": host})).status == status


async def test_unknown_paths_and_methods_are_refused_in_json(
    executor: ThreadPoolExecutor,
) -> None:
    async with client(executor) as asking:
        unknown, posted = await asking.get("/nowhere"), await asking.post("/healthz")

        assert (unknown.status, await unknown.json()) == (404, {"message": "Not Found"})
        assert (posted.status, posted.headers["Allow"]) == (405, "GET,HEAD")
        assert await posted.json() == {"message": "Method Not Allowed"}


@pytest.mark.parametrize("path", ["/nowhere", "/restapis/%0A", "/%0D%0A/%E2%80%A8", "/%00"])
async def test_every_other_path_is_the_control_apis(
    executor: ThreadPoolExecutor, path: str
) -> None:
    async with client(executor, edge=cast("ControlEdge", FakeEdge())) as asking:
        answer = await asking.get(URL(path, encoded=True))

        assert (answer.status, await answer.text()) == (200, path)
