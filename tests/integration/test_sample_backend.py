"""Facts about the sample backend, as a client sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from loadtests.backend import FAULTS, STALLS, serve


@pytest.fixture
async def backend() -> AsyncIterator[str]:
    announced: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    ended = asyncio.Event()
    task = asyncio.get_running_loop().create_task(
        serve("127.0.0.1", 0, announce=announced.set_result, ended=ended)
    )
    yield await announced
    ended.set()
    await task


@pytest.fixture
async def client(backend: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(backend) as session:
        yield session


async def test_echo_repeats_the_request_as_sent(client: aiohttp.ClientSession) -> None:
    async with client.post("/a?x=1&y", data=b"hello", headers={"X-CaSe": "v"}) as answer:
        echo = await answer.json()

    assert (echo["method"], echo["path"], echo["query"]) == ("POST", "/a", "x=1&y")
    assert ["X-CaSe", "v"] in echo["headers"]
    assert (echo["bodyLength"], echo["body"]) == (5, "hello")


@pytest.mark.parametrize("path", ["/bytes/100001", "/chunked/100001?size=1000"])
async def test_sizes_are_exact(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as answer:
        assert len(await answer.read()) == 100_001


@pytest.mark.parametrize("path", ["/status/418", "/early?status=418"])
async def test_status_is_as_asked(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as answer:
        assert answer.status == 418


async def test_upload_is_counted(client: aiohttp.ClientSession) -> None:
    async with client.put("/upload", data=b"x" * 100_000) as answer:
        assert await answer.json() == {"bytes": 100_000}


async def test_events_are_sent(client: aiohttp.ClientSession) -> None:
    async with client.get("/sse?n=2&interval=0") as answer:
        assert answer.content_type == "text/event-stream"
        assert (await answer.text()).count("data:") == 2


@pytest.mark.parametrize("path", ["/drip?n=3&interval=0", "/slow/0"])
async def test_slow_answers_come(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as answer:
        assert await answer.read()


async def test_faults_are_listed(client: aiohttp.ClientSession) -> None:
    async with client.get("/fault/") as answer:
        assert set((await answer.json())["faults"]) == {*FAULTS, *STALLS}
    async with client.get("/fault/none-such") as answer:
        assert answer.status == 404


@pytest.mark.parametrize("name", ["close", "rst", "half-head", "garbage", "nul", "two-lengths"])
async def test_fault_breaks_the_answer(client: aiohttp.ClientSession, name: str) -> None:
    with pytest.raises(aiohttp.ClientError):
        await client.get(f"/fault/{name}")


@pytest.mark.parametrize("name", STALLS)
async def test_stall_ends_when_the_client_leaves(client: aiohttp.ClientSession, name: str) -> None:
    with pytest.raises(TimeoutError):
        async with client.get(f"/fault/{name}", timeout=aiohttp.ClientTimeout(0.05)) as answer:
            await answer.read()
