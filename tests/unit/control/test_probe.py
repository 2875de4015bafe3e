"""The probe's thread: bounded, and nothing is left behind."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.clock import SystemClock
from gateway.control import probe
from gateway.control.method_test import MethodTest
from gateway.control.probe import Probe
from gateway.definitions.integration import Integration, IntegrationType
from gateway.definitions.rest_api import ApiDefinition, Method, Resource, RestApi
from gateway.errors import ControlError
from gateway.server.tasks import spawn
from gateway.settings import Settings


@pytest.fixture
def prober() -> Iterator[Probe]:
    made = Probe(Settings(), SystemClock(), dict)
    yield made
    made.close()


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a backend that accepts, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def of(integration: Integration) -> MethodTest:
    method = Method(integration=integration)
    return MethodTest(
        definition=ApiDefinition(
            rest_api=RestApi(name="a", id="abc"),
            resources=(Resource(path="/", id="r", methods={"GET": method}),),
        ),
        api_id="abc",
        region="us-east-1",
        account="000000000000",
        resource_path="/",
        http_method="GET",
        verb="GET",
        target="/",
    )


def waiting(port: int) -> MethodTest:
    return of(Integration(type=IntegrationType.HTTP_PROXY, uri=f"http://127.0.0.1:{port}/"))


async def test_a_test_runs_on_the_probe_s_own_thread(prober: Probe) -> None:
    told = await prober.invoke(of(Integration(type=IntegrationType.MOCK)))

    assert told["status"] == 500
    assert "method tests" in {thread.name for thread in threading.enumerate()}
    assert repr(prober) == "<Probe 0 tests under way>"


async def test_too_many_at_once_are_refused(
    prober: Probe, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "TESTS_MAX", 1)
    first = spawn(prober.invoke(waiting(silent)), "a test")
    await asyncio.sleep(0)

    with pytest.raises(ControlError, match="TooManyRequestsException"):
        await prober.invoke(waiting(silent))

    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert repr(prober) == "<Probe 0 tests under way>"


async def test_a_test_that_takes_too_long_is_given_up(
    prober: Probe, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "TEST_SECONDS", 0.05)

    told = await prober.invoke(waiting(silent))

    assert told["status"] == 504
    assert "given up" in told["log"]


async def test_closing_ends_what_is_under_way(silent: int) -> None:
    prober = Probe(Settings(), SystemClock(), dict)
    under_way: asyncio.Task[Any] = spawn(prober.invoke(waiting(silent)), "a test")
    await asyncio.sleep(0)

    await asyncio.get_running_loop().run_in_executor(None, prober.close)

    with pytest.raises(asyncio.CancelledError):
        await under_way
    assert "method tests" not in {thread.name for thread in threading.enumerate()}


def test_closing_what_was_never_used_does_nothing() -> None:
    Probe(Settings(), SystemClock(), dict).close()
