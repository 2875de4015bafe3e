"""Batches, bounds, pipes and rotation."""

import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from select import PIPE_BUF

import pytest

from gateway.telemetry import log_sink
from gateway.telemetry.log_sink import LogSink


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe that holds one page: its read end, which never waits, and its write end."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE_BUF)
    os.set_blocking(read, False)
    yield read, write
    for descriptor in (read, write):
        os.close(descriptor)


def read_all(descriptor: int) -> bytes:
    pieces = []
    while True:
        try:
            piece = os.read(descriptor, 65_536)
        except BlockingIOError:
            break
        if not piece:
            break
        pieces.append(piece)
    return b"".join(pieces)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def numbered(count: int, size: int = 100) -> list[bytes]:
    return [f"{number:06}".encode().ljust(size - 1, b".") + b"\n" for number in range(count)]


def test_lines_wait_for_a_flush_and_are_written_in_order(tmp_path: Path) -> None:
    sink = LogSink(tmp_path)
    sink.write("access.log", b"one\n")
    sink.write("access.log", b"two\n")
    assert not (tmp_path / "access.log").exists()
    assert sink.waiting_bytes == 8

    sink.flush()

    assert (tmp_path / "access.log").read_bytes() == b"one\ntwo\n"
    assert sink.waiting_bytes == 0


def test_a_batch_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[bytes] = []

    def kept(_descriptor: int, data: bytes) -> int:
        writes.append(data)
        return len(data)

    monkeypatch.setattr(os, "write", kept)
    sink = LogSink(tmp_path)
    for line in numbered(500):
        sink.write("access.log", line)

    sink.flush()

    assert writes == [b"".join(numbered(500))]


def test_a_full_batch_is_written_without_waiting_for_a_flush(tmp_path: Path) -> None:
    sink = LogSink(tmp_path, flush_bytes=1000)

    for line in numbered(10):
        sink.write("access.log", line)

    assert (tmp_path / "access.log").stat().st_size == 1000


def test_several_workers_append_to_one_file(tmp_path: Path) -> None:
    sinks = [LogSink(tmp_path), LogSink(tmp_path)]
    for text in (b"a\n", b"b\n"):
        for sink in sinks:
            sink.write("access.log", text)
            sink.flush()

    assert (tmp_path / "access.log").read_bytes() == b"a\na\nb\nb\n"


def test_directories_below_the_data_directory_are_made(tmp_path: Path) -> None:
    sink = LogSink(tmp_path)
    sink.write("logs/a/b.log", b"x\n")

    sink.flush()

    assert (tmp_path / "logs/a/b.log").read_bytes() == b"x\n"


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    sink = LogSink(tmp_path / "data")
    sink.write(str(tmp_path / "elsewhere.log"), b"x\n")

    sink.flush()

    assert (tmp_path / "elsewhere.log").read_bytes() == b"x\n"


def test_a_relative_path_cannot_leave_the_data_directory(tmp_path: Path) -> None:
    sink = LogSink(tmp_path / "data", held_bytes=8)
    sink.write("../outside.log", b"x\n")

    sink.flush()

    assert not (tmp_path / "outside.log").exists()
    assert sink.waiting_bytes == 2


def test_after_rotation_lines_go_to_the_new_file(tmp_path: Path) -> None:
    sink = LogSink(tmp_path)
    sink.write("access.log", b"old\n")
    sink.flush()
    (tmp_path / "access.log").rename(tmp_path / "access.log.1")
    sink.write("access.log", b"late\n")

    sink.reopen()
    sink.write("access.log", b"new\n")
    sink.flush()

    assert (tmp_path / "access.log.1").read_bytes() == b"old\nlate\n"
    assert (tmp_path / "access.log").read_bytes() == b"new\n"


def test_a_slow_reader_of_stdout_delays_nobody_and_loses_nothing(
    tmp_path: Path, pipe: tuple[int, int]
) -> None:
    read, write = pipe
    sink = LogSink(tmp_path, stdout_descriptor=write)
    lines = numbered(200)
    for line in lines:
        sink.write("stdout", line)

    got = b""
    flushes = 0
    while sink.waiting_bytes or not flushes:
        sink.flush()
        flushes += 1
        piece = read_all(read)
        assert piece.endswith(b"\n")
        got += piece

    assert flushes > 1
    assert got == b"".join(lines)


def test_stdout_of_other_processes_is_not_made_non_blocking(
    tmp_path: Path, pipe: tuple[int, int]
) -> None:
    _, write = pipe
    sink = LogSink(tmp_path, stdout_descriptor=write)
    sink.write("stdout", b"x\n")

    sink.flush()

    assert os.get_blocking(write)


def test_a_line_longer_than_a_pipe_takes_arrives_whole_over_several_flushes(
    tmp_path: Path, pipe: tuple[int, int]
) -> None:
    read, write = pipe
    sink = LogSink(tmp_path, stdout_descriptor=write, held_bytes=PIPE_BUF * 4)
    long = b"x" * (PIPE_BUF * 3) + b"\n"
    sink.write("stdout", long)
    sink.write("stdout", b"after\n")
    sink.flush()
    for line in numbered(1000):  # More than is held: the oldest lines go, but not a torn one.
        sink.write("stdout", line)

    got = read_all(read)
    while sink.waiting_bytes:
        sink.flush()
        got += read_all(read)

    assert got.startswith(long)
    assert sink.dropped > 0
    assert set(got[len(long) :].splitlines(keepends=True)) <= {b"after\n", *numbered(1000)}


def test_a_flush_without_room_keeps_everything(tmp_path: Path, pipe: tuple[int, int]) -> None:
    read, write = pipe
    sink = LogSink(tmp_path, stdout_descriptor=write)
    for line in numbered(100):
        sink.write("stdout", line)
    sink.flush()
    waiting = sink.waiting_bytes

    sink.flush()
    sink.flush()

    assert sink.waiting_bytes == waiting
    assert waiting + len(read_all(read)) == 100 * 100


def test_the_oldest_lines_are_dropped_counted_and_reported_once(
    tmp_path: Path, pipe: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    read, write = pipe
    reported: list[int] = []
    sink = LogSink(
        tmp_path, stdout_descriptor=write, held_bytes=4000, flush_bytes=1000,
        on_dropped=reported.append,
    )  # fmt: skip
    lines = numbered(500)
    for line in lines:
        sink.write("stdout", line)

    assert sink.waiting_bytes <= 4000 + 1000
    assert sink.dropped == sum(reported) > 0
    assert len(caplog.records) == 1
    got = read_all(read)
    while sink.waiting_bytes:
        sink.flush()
        got += read_all(read)
    assert got.endswith(lines[-1])
    assert len(got.splitlines()) + sink.dropped == 500


def test_a_stuck_reader_costs_few_system_calls(
    tmp_path: Path, pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, write = pipe
    sink = LogSink(tmp_path, stdout_descriptor=write, held_bytes=8000, flush_bytes=1000)
    calls = 0
    real = os.write

    def counted(descriptor: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", counted)
    for line in numbered(1000):
        sink.write("stdout", line)

    assert calls < len(numbered(1000)) / 4


def test_a_file_that_cannot_be_opened_is_reported_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "access.log").mkdir()
    sink = LogSink(tmp_path)
    sink.write("access.log", b"x\n")
    sink.flush()
    sink.flush()
    assert len(caplog.records) == 1
    (tmp_path / "access.log").rmdir()

    sink.flush()

    assert (tmp_path / "access.log").read_bytes() == b"x\n"


def test_a_full_disk_keeps_the_rest_of_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = 5
    real = os.write

    def full_disk(descriptor: int, data: bytes) -> int:
        if room == 0:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[:room])

    monkeypatch.setattr(os, "write", full_disk)
    sink = LogSink(tmp_path)
    sink.write("access.log", b"abcdefg\n")
    sink.write("access.log", b"hij\n")
    sink.flush()
    assert (tmp_path / "access.log").read_bytes() == b"abcde"
    room = 0
    sink.flush()
    room = 100
    sink.flush()

    assert (tmp_path / "access.log").read_bytes() == b"abcdefg\nhij\n"
    assert sink.waiting_bytes == 0


def test_stdout_may_be_a_socket(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sink = LogSink(tmp_path, stdout_descriptor=ours.fileno())
        for line in numbered(100_000):
            sink.write("stdout", line)
        sink.flush()
        theirs.setblocking(False)
        got = read_all(theirs.fileno())
        while sink.waiting_bytes:
            sink.flush()
            got += read_all(theirs.fileno())
        sink.close()

    lines = got.splitlines(keepends=True)
    assert len(lines) + sink.dropped == 100_000
    assert lines[-1] == numbered(100_000)[-1]


def test_stdout_may_be_a_file(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        sink = LogSink(tmp_path, stdout_descriptor=file.fileno())
        sink.write("stdout", b"x\n")
        sink.close()

    assert (tmp_path / "out").read_bytes() == b"x\n"


def test_a_reader_that_went_away_is_no_crash(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    sink = LogSink(tmp_path, stdout_descriptor=write)
    sink.write("stdout", b"x\n")

    sink.flush()
    os.close(write)
    sink.close()

    assert sink.dropped == 1


def test_only_so_many_files_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_sink, "OPEN_FILES", 3)
    sink = LogSink(tmp_path)
    before = open_descriptors()
    for turn in (b"1\n", b"2\n"):
        for number in range(10):
            sink.write(f"{number}.log", turn)
        sink.flush()

    assert open_descriptors() == before + 3
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"1\n2\n"}
    sink.close()


def test_closing_writes_what_waits_and_forgets_the_files(tmp_path: Path) -> None:
    before = open_descriptors()
    sink = LogSink(tmp_path)
    sink.write("access.log", b"x\n")

    sink.close()

    assert (tmp_path / "access.log").read_bytes() == b"x\n"
    assert open_descriptors() == before
    assert repr(sink) == "<LogSink 0 bytes for 0 destinations, 0 open, 0 lines dropped>"
