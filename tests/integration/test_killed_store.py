"""`kill -9` during a burst of mutations: what was answered is there, nothing half-made is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.store.database import Store
from gateway.store.transaction import Transaction
from tests.running_gateway import ROOT

ROUNDS = 50

WRITER = """
import asyncio, json, sys
from pathlib import Path
from gateway.clock import SystemClock
from gateway.control.api.protocol import Caller
from gateway.control.api.service import ControlApi, ControlRequest
from gateway.store.database import Store
from gateway.store.thread import StoreThread

class Gate:
    def admit(self, request):
        return Caller(user="u")

async def publish(changes):
    pass

async def create(api, number):
    while True:
        body = json.dumps({"name": "n", "tags": {"a": "b"}}).encode()
        answer = await api.answer(ControlRequest(
            verb="POST", path="/restapis", query="", headers=(), body=body, source_ip=""))
        assert answer.status == 201, answer
        print(json.loads(answer.body)["id"], flush=True)

async def main():
    store = StoreThread(lambda: Store(Path(sys.argv[1]), SystemClock()))
    api = ControlApi(store=store, gate=Gate(), publish=publish, region="r", account="a")
    await asyncio.gather(*(create(api, number) for number in range(8)))

asyncio.run(main())
"""


def burst(path: Path, answers: int) -> list[str]:
    """Write until so many mutations were answered, kill the writer, return what it answered."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert writer.stdout is not None
    told = [writer.stdout.readline().strip() for _ in range(answers)]
    writer.send_signal(signal.SIGKILL)
    told += [
        line.strip() for line in writer.stdout.read().splitlines(keepends=True) if "\n" in line
    ]
    writer.stdout.close()
    writer.wait()
    return told


@pytest.mark.slow
def test_what_was_answered_survives_fifty_kills(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    answered: set[str] = set()
    for round_ in range(ROUNDS):
        told = burst(path, 5 + round_)
        assert answered.isdisjoint(told)
        answered |= set(told)

    store = Store(path, SystemClock())

    def look(transaction: Transaction) -> tuple[set[str], list[tuple[int, ...]]]:
        ids = {row[0] for row in transaction.execute("SELECT id FROM rest_api")}
        counts = [
            transaction.execute(statement)[0]
            for statement in (
                "SELECT count(*) FROM rest_api",
                "SELECT count(*) FROM resource WHERE path = '/'",
                "SELECT count(*) FROM tag",
                "SELECT count(*) FROM audit",
                "SELECT number FROM revision",
            )
        ]
        assert transaction.execute("PRAGMA integrity_check") == [("ok",)]
        assert transaction.execute("PRAGMA foreign_key_check") == []
        return ids, counts

    ids, counts = store.run(look).value
    store.close()
    assert answered <= ids
    assert len(set(counts)) == 1
