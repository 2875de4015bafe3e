"""`kill -9` of the whole gateway, and of its control process alone, during a burst of mutations."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
from http.client import HTTPException
from typing import Any

import pytest

from tests.integration.conftest import StartGateway
from tests.mutations import Burst, Known, check
from tests.running_gateway import RunningGateway, until

CLIENTS = 8
ROUNDS = int(os.environ.get("STAGEGATE_KILLS", "10"))
"""The promise is about fifty: `STAGEGATE_KILLS=50`."""


def processes_of(gateway: RunningGateway) -> list[int]:
    """Return the process ids of the gateway, the control process's first."""
    status = gateway.status()
    processes = [status["control"], status["supervisor"], *status["workers"]]
    return [each["pid"] for each in processes]


def kill(pids: list[int]) -> None:
    for pid in pids:
        # The kernel may be faster: all die with the supervisor.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def await_replacement(gateway: RunningGateway, killed: int) -> None:
    """Return once another control process is there, and every worker serves what it released."""

    def is_replaced() -> bool:
        with contextlib.suppress(OSError, HTTPException):
            return gateway.is_ready() and gateway.status()["control"]["pid"] != killed
        return False

    until(is_replaced, "the control process to be replaced")


def check_store(gateway: RunningGateway) -> None:
    """See that the store of a gateway that has ended is whole."""
    store = sqlite3.connect(gateway.data / "store.sqlite")
    with contextlib.closing(store):

        def value(query: str) -> Any:
            return store.execute(query).fetchone()[0]

        assert value("PRAGMA integrity_check") == "ok"
        assert store.execute("PRAGMA foreign_key_check").fetchall() == []
        apis = value("SELECT count(*) FROM rest_api")
        assert value("SELECT count(*) FROM resource WHERE path = '/'") == apis
        assert value("SELECT count(*) FROM model") == 2 * apis
        assert value("SELECT count(*) FROM tag") == apis
        # Each mutation with its record and its revision, or not at all.
        told = "FROM audit WHERE revision IS NOT NULL"
        number = value("SELECT number FROM revision")
        assert value(f"SELECT count(*) {told}") == number
        assert value(f"SELECT count(DISTINCT revision) {told}") == number
        assert value(f"SELECT max(revision) {told}") == number


@pytest.mark.slow
def test_what_was_answered_survives_kills_of_the_whole_gateway(
    start_gateway: StartGateway,
) -> None:
    gateway = start_gateway({})
    known: list[Known] = []
    for round_ in range(ROUNDS):
        control, *others = processes_of(gateway)
        is_whole = round_ % 2 == 1
        burst = Burst(gateway, CLIENTS, f"r{round_}")
        try:
            burst.wait(20 + 17 * round_ % 101)
        finally:
            kill([control, *others] if is_whole else [control])
            burst.join()
        if is_whole:
            gateway.process.wait()
            gateway.start()
        else:
            await_replacement(gateway, control)
        known += burst.known
        check(gateway, known, burst.known)

    check(gateway, known, known)
    gateway.close()
    check_store(gateway)
