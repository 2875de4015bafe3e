"""`kill -9` during a burst of mutations: what was answered is there, nothing half-made is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.store.database import Store
from gateway.store.transaction import Transaction
from tests.running_gateway import ROOT

ROUNDS = 50

WRITERS = """
import asyncio, json, os, sys, traceback
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

def tell(line):
    # Not print, which may write the end of the line by itself.
    os.write(1, f"{line}\\n".encode())

async def create(api, number):
    while True:
        body = json.dumps({"name": "n", "tags": {"a": "b"}}).encode()
        answer = await api.answer(ControlRequest(
            verb="POST", path="/restapis", query="", headers=(), body=body, source_ip=""))
        assert answer.status == 201, answer
        tell(json.loads(answer.body)["id"])

async def main():
    store = StoreThread(lambda: Store(Path(sys.argv[1]), SystemClock()))
    api = ControlApi(store=store, gate=Gate(), publish=publish, region="r", account="a")
    await asyncio.gather(*(create(api, number) for number in range(8)))

for _ in sys.stdin:
    writer = os.fork()
    if not writer:
        try:
            tell(os.getpid())
            asyncio.run(main())
        except BaseException:
            traceback.print_exc()
        finally:
            # At once: the store's thread would be waited for.
            os._exit(1)
    _, status = os.waitpid(writer, 0)
    tell(f"signal {os.WTERMSIG(status)}")
"""
"""A writer for each line that it reads. Forked: none but the first has modules to load.

A line is one write to a pipe: of a writer that is killed it is there as a whole or not at all.
"""


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", WRITERS, str(tmp_path / "store.sqlite")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        process_group=0,
    ) as writers:
        try:
            yield writers
        finally:
            os.killpg(writers.pid, signal.SIGKILL)


def next_line(writers: subprocess.Popen[str]) -> str:
    assert writers.stdout is not None
    line = writers.stdout.readline()
    assert line not in {"", "signal 0\n"}, "a writer has ended by itself"
    return line.strip()


def burst(writers: subprocess.Popen[str], answers: int) -> list[str]:
    """Write until so many mutations were answered, kill the writer, return what it answered."""
    assert writers.stdin is not None
    writers.stdin.write("\n")
    writers.stdin.flush()
    writer = int(next_line(writers))
    told = [next_line(writers) for _ in range(answers)]
    os.kill(writer, signal.SIGKILL)
    return [*told, *iter(lambda: next_line(writers), f"signal {signal.SIGKILL:d}")]


@pytest.mark.slow
def test_what_was_answered_survives_fifty_kills(
    tmp_path: Path, writers: subprocess.Popen[str]
) -> None:
    answered: set[str] = set()
    for round_ in range(ROUNDS):
        told = burst(writers, 5 + round_)
        assert answered.isdisjoint(told)
        answered |= set(told)

    store = Store(tmp_path / "store.sqlite", SystemClock())

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
