from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

import pytest

from loadtests.bench import processes
from loadtests.bench.processes import (
    BenchError,
    cpu_seconds,
    resident_bytes,
    running,
    wait_for,
    wait_until_idle,
)
from tests.running_gateway import until

CORES = tuple(sorted(os.sched_getaffinity(0)))[:1]
WITH_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],
                         start_new_session=True)
print(child.pid, flush=True)
child.wait()
"""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    # It may go between open and read, too: ESRCH.
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_nothing_stays_behind_not_even_what_left_the_group(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITH_A_CHILD]
    with running("parent", command, directory=tmp_path, cores=CORES) as program:
        while not (text := program.log.read_text()).endswith("\n"):
            assert program.died() == ""
        child = int(text)
        assert child in program.pids()
        assert cpu_seconds(program.pids()) >= 0
        assert resident_bytes(child) > 0

    assert not is_alive(program.process.pid)
    assert not is_alive(child)


def test_a_program_that_ends_is_reported_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such port')"]
    with (
        running("broken", command, directory=tmp_path, cores=CORES) as program,
        pytest.raises(BenchError, match="broken ended with code 1: no such port"),
    ):
        wait_for(program, 9)


def test_a_program_that_sleeps_is_idle(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with running("quiet", command, directory=tmp_path, cores=CORES) as program:
        wait_until_idle(program)


def test_work_is_counted_as_processor_time(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "while True: pass"]
    with running("busy", command, directory=tmp_path, cores=CORES) as program:
        until(lambda: cpu_seconds(program.pids()) > 0.5, "half a second of a processor's time")


def test_a_program_that_goes_on_working_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "START_SECONDS", 0.1)
    monkeypatch.setattr(processes, "IDLE_SECONDS", 0.01)
    # Not what a process uses: on a busy machine it may get no processor for a second.
    used = itertools.count()
    monkeypatch.setattr(processes, "cpu_seconds", lambda _: next(used))
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with (
        running("busy", command, directory=tmp_path, cores=CORES) as program,
        pytest.raises(BenchError, match="busy was not idle 0 s after its start"),
    ):
        wait_until_idle(program)
