"""More is in test_admin_connection.py: what the connections of a listener do."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import web

from gateway.clock import SystemClock
from gateway.control.admin_listener import AdminListener
from gateway.control.api.service import error_answer


async def test_an_answer_under_way_is_finished_and_nobody_new_is_let_in() -> None:
    begun = asyncio.Event()
    may_answer = asyncio.Event()

    async def wait(_request: web.Request) -> web.Response:
        begun.set()
        await may_answer.wait()
        return web.Response(text="done")

    application = web.Application()
    application.router.add_get("/", wait)
    listener = AdminListener(application, error_answer, SystemClock())
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    await listener.start(listening)
    assert repr(listener) == "<AdminListener open>"
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await begun.wait()
    closing = asyncio.ensure_future(listener.close())  # noqa: TID251 (no gateway here)
    await asyncio.sleep(0)
    may_answer.set()

    assert (await reader.read()).endswith(b"done")
    writer.close()
    await closing
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)


async def test_one_that_never_started_is_closed_too() -> None:
    await AdminListener(web.Application(), error_answer, SystemClock()).close()
