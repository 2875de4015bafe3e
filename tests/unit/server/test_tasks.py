from __future__ import annotations

import asyncio

import pytest

from gateway.server.tasks import running, spawn


async def test_a_task_is_named_and_kept_until_it_ends() -> None:
    event = asyncio.Event()
    task = spawn(event.wait(), "waiter")
    assert task.get_name() == "waiter"
    assert task in running()
    event.set()

    assert await task is True
    assert task not in running()


async def test_a_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("no")

    task = spawn(fail(), "failing")
    with pytest.raises(ValueError, match="no"):
        await task

    assert "task failing failed" in caplog.text
    assert task not in running()


async def test_cancelling_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    task = spawn(asyncio.Event().wait(), "cancelled")
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert caplog.text == ""
    assert task not in running()
