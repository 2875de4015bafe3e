"""Facts about a worker's side of its logs: lines are gathered, handed over, never waited for."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gateway.telemetry import log_sink
from gateway.telemetry.log_sink import LogSink
from gateway.telemetry.log_writer import LogWriter


class SlowDisk:
    """`os.write` that waits until it is let."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_writing = threading.Event()
        self.may_write = threading.Event()
        self._write = os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, descriptor: int, data: bytes) -> int:
        self.is_writing.set()
        assert self.may_write.wait(20)
        return self._write(descriptor, data)


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDisk]:
    disk = SlowDisk(monkeypatch)
    yield disk
    disk.may_write.set()


def numbered(count: int) -> list[bytes]:
    return [f"{number:06}".encode().ljust(99, b".") + b"\n" for number in range(count)]


def test_lines_wait_for_a_flush_and_are_written_in_order(tmp_path: Path) -> None:
    sink = LogSink(tmp_path)
    for line in numbered(500):
        sink.write("access.log", line)
    assert not (tmp_path / "access.log").exists()

    sink.flush()
    sink.write("access.log", b"last\n")
    sink.close()

    assert (tmp_path / "access.log").read_bytes() == b"".join([*numbered(500), b"last\n"])


_SHOW_POLICIES = """\
import os, sys, threading
from pathlib import Path
from gateway.telemetry.log_sink import LogSink

if sys.argv[2] == "idle":
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
if sys.argv[2] == "musl":
    def refuse(*_):
        raise OSError(38, "Function not implemented")
    os.sched_getscheduler_here, os.sched_getscheduler = os.sched_getscheduler, refuse
    os.sched_setscheduler = refuse
sink = LogSink(Path(sys.argv[1]))
sink.write("access.log", b"line\\n")
sink.flush()
file = Path(sys.argv[1]) / "access.log"
while not (file.exists() and file.read_bytes()):
    pass
asked = getattr(os, "sched_getscheduler_here", os.sched_getscheduler)
print([asked(thread.native_id) for thread in threading.enumerate()])
sink.close()
"""


@pytest.mark.parametrize(
    ("where", "policies"),
    [
        ("ordinary", [os.SCHED_OTHER, os.SCHED_BATCH]),
        ("idle", [os.SCHED_IDLE, os.SCHED_IDLE]),
        ("musl", [os.SCHED_OTHER, os.SCHED_OTHER]),
    ],
)
def test_the_thread_that_writes_is_a_batch_and_the_loops_is_not(
    tmp_path: Path, where: str, policies: list[int]
) -> None:
    """Asked of the kernel, in a process of its own; what an operator has chosen stays."""
    shown = subprocess.run(
        [sys.executable, "-c", _SHOW_POLICIES, str(tmp_path), where],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip

    assert shown.strip() == str(policies)


def test_a_full_batch_is_handed_over_without_a_flush(tmp_path: Path, slow_disk: SlowDisk) -> None:
    sink = LogSink(tmp_path, flush_bytes=1000)

    for line in numbered(10):
        sink.write("access.log", line)

    assert slow_disk.is_writing.wait(20)
    slow_disk.may_write.set()
    sink.close()
    assert (tmp_path / "access.log").stat().st_size == 1000


def test_a_slow_disk_holds_up_nobody_and_lines_beyond_the_bound_are_dropped_and_counted(
    tmp_path: Path,
    slow_disk: SlowDisk,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(log_sink, "QUEUE_BYTES", 3000)
    reported: list[int] = []
    sink = LogSink(tmp_path, flush_bytes=1000, on_dropped=reported.append)
    lines = numbered(100)

    for line in lines:
        sink.write("access.log", line)
    sink.flush()

    assert sink.dropped == sum(reported) >= 60
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    slow_disk.may_write.set()
    sink.close()
    kept = (tmp_path / "access.log").read_bytes().splitlines(keepends=True)
    assert kept == lines[: len(kept)]
    assert len(kept) + sink.dropped == 100


def test_closing_does_not_wait_for_a_disk_that_hangs(
    tmp_path: Path,
    slow_disk: SlowDisk,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(log_sink, "CLOSE_SECONDS", 0.0)
    before = set(threading.enumerate())
    sink = LogSink(tmp_path)
    sink.write("access.log", b"x\n")
    sink.flush()
    assert slow_disk.is_writing.wait(20)

    sink.close()

    assert not slow_disk.may_write.is_set()
    assert "the logs are not complete" in caplog.text
    slow_disk.may_write.set()
    for thread in set(threading.enumerate()) - before:
        thread.join()


def test_lines_before_a_rotation_go_to_the_old_file(tmp_path: Path, slow_disk: SlowDisk) -> None:
    sink = LogSink(tmp_path)
    sink.write("access.log", b"old\n")
    sink.flush()
    assert slow_disk.is_writing.wait(20)
    (tmp_path / "access.log").rename(tmp_path / "access.log.1")
    sink.write("access.log", b"late\n")
    sink.reopen()
    sink.write("access.log", b"new\n")
    slow_disk.may_write.set()
    sink.close()

    assert (tmp_path / "access.log.1").read_bytes() == b"old\nlate\n"
    assert (tmp_path / "access.log").read_bytes() == b"new\n"


def test_what_found_no_room_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(log_sink, "RETRY_SECONDS", 0.001)
    (tmp_path / "access.log").mkdir()
    is_written = threading.Event()
    real = os.write

    def told(descriptor: int, data: bytes) -> int:
        is_written.set()
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", told)
    sink = LogSink(tmp_path)
    sink.write("access.log", b"x\n")
    sink.flush()
    (tmp_path / "access.log").rmdir()

    assert is_written.wait(20)
    sink.close()
    assert (tmp_path / "access.log").read_bytes() == b"x\n"
    assert len(caplog.records) <= 1


def test_a_bug_with_some_lines_does_not_end_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = LogWriter.write

    def fragile(writer: LogWriter, destination: str, lines: Sequence[bytes]) -> None:
        if destination == "odd.log":
            raise RuntimeError("a fact that nobody thought of")
        real(writer, destination, lines)

    monkeypatch.setattr(LogWriter, "write", fragile)
    sink = LogSink(tmp_path)
    sink.write("odd.log", b"x\n")
    sink.flush()
    sink.write("access.log", b"y\n")
    sink.close()

    assert (tmp_path / "access.log").read_bytes() == b"y\n"
    assert "a bug" in caplog.text


def test_without_lines_there_is_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    sink = LogSink(tmp_path)
    sink.flush()
    sink.reopen()

    # Those of earlier tests may end meanwhile.
    assert set(threading.enumerate()) <= before
    sink.close()
    assert repr(sink) == "<LogSink 0 destinations, 0 lines dropped>"
