"""Facts about log lines on their way to files and pipes: whole, in order, bounded."""

import fcntl
import gc
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from select import PIPE_BUF

import pytest

from gateway.telemetry import log_writer
from gateway.telemetry.log_writer import LogWriter


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
    """Count them, without what earlier tests left in cycles."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def numbered(count: int, size: int = 100) -> list[bytes]:
    return [f"{number:06}".encode().ljust(size - 1, b".") + b"\n" for number in range(count)]


def test_a_batch_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[bytes] = []

    def kept(_descriptor: int, data: bytes) -> int:
        writes.append(data)
        return len(data)

    monkeypatch.setattr(os, "write", kept)
    writer = LogWriter(tmp_path)
    writer.write("access.log", numbered(500))

    assert writes == [b"".join(numbered(500))]


def test_several_workers_append_to_one_file(tmp_path: Path) -> None:
    writers = [LogWriter(tmp_path), LogWriter(tmp_path)]
    for text in (b"a\n", b"b\n"):
        for writer in writers:
            writer.write("access.log", [text])
            writer.flush()

    assert (tmp_path / "access.log").read_bytes() == b"a\na\nb\nb\n"


def test_directories_below_the_data_directory_are_made(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path)
    writer.write("logs/a/b.log", [b"x\n"])

    writer.flush()

    assert (tmp_path / "logs/a/b.log").read_bytes() == b"x\n"


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "data")
    writer.write(str(tmp_path / "elsewhere.log"), [b"x\n"])

    writer.flush()

    assert (tmp_path / "elsewhere.log").read_bytes() == b"x\n"


def test_a_relative_path_cannot_leave_the_data_directory(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "data", held_bytes=8)
    writer.write("../outside.log", [b"x\n"])

    writer.flush()

    assert not (tmp_path / "outside.log").exists()
    assert writer.size == 2


def test_after_rotation_lines_go_to_the_new_file(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path)
    writer.write("access.log", [b"old\n"])
    writer.flush()
    (tmp_path / "access.log").rename(tmp_path / "access.log.1")
    writer.write("access.log", [b"late\n"])

    writer.reopen()
    writer.write("access.log", [b"new\n"])
    writer.flush()

    assert (tmp_path / "access.log.1").read_bytes() == b"old\nlate\n"
    assert (tmp_path / "access.log").read_bytes() == b"new\n"


def test_a_slow_reader_of_stdout_delays_nobody_and_loses_nothing(
    tmp_path: Path, pipe: tuple[int, int]
) -> None:
    read, write = pipe
    writer = LogWriter(tmp_path, stdout_descriptor=write)
    lines = numbered(200)
    writer.write("stdout", lines)

    got = read_all(read)
    assert got.endswith(b"\n")
    flushes = 0
    while writer.size:
        writer.flush()
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
    writer = LogWriter(tmp_path, stdout_descriptor=write)
    writer.write("stdout", [b"x\n"])

    writer.flush()

    assert os.get_blocking(write)


def test_a_line_longer_than_a_pipe_takes_arrives_whole_over_several_flushes(
    tmp_path: Path, pipe: tuple[int, int]
) -> None:
    read, write = pipe
    writer = LogWriter(tmp_path, stdout_descriptor=write, held_bytes=PIPE_BUF * 4)
    long = b"x" * (PIPE_BUF * 3) + b"\n"
    writer.write("stdout", [long])
    writer.write("stdout", [b"after\n"])
    writer.flush()
    for line in numbered(1000):  # More than is held: the oldest lines go, but not a torn one.
        writer.write("stdout", [line])

    got = read_all(read)
    while writer.size:
        writer.flush()
        got += read_all(read)

    assert got.startswith(long)
    assert writer.dropped > 0
    assert set(got[len(long) :].splitlines(keepends=True)) <= {b"after\n", *numbered(1000)}


def test_a_flush_without_room_keeps_everything(tmp_path: Path, pipe: tuple[int, int]) -> None:
    read, write = pipe
    writer = LogWriter(tmp_path, stdout_descriptor=write)
    writer.write("stdout", numbered(100))
    waiting = writer.size

    writer.flush()
    writer.flush()

    assert writer.size == waiting
    assert waiting + len(read_all(read)) == 100 * 100


def test_the_oldest_lines_are_dropped_counted_and_reported_once(
    tmp_path: Path, pipe: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    read, write = pipe
    writer = LogWriter(tmp_path, stdout_descriptor=write, held_bytes=4000)
    lines = numbered(500)
    for start in range(0, 500, 10):
        writer.write("stdout", lines[start : start + 10])

    assert writer.size <= 4000
    assert writer.dropped > 0
    assert len(caplog.records) == 1
    got = read_all(read)
    while writer.size:
        writer.flush()
        got += read_all(read)
    assert got.endswith(lines[-1])
    assert len(got.splitlines()) + writer.dropped == 500


def test_a_file_that_cannot_be_opened_is_reported_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "access.log").mkdir()
    writer = LogWriter(tmp_path)
    writer.write("access.log", [b"x\n"])
    writer.flush()
    writer.flush()
    assert len(caplog.records) == 1
    (tmp_path / "access.log").rmdir()

    writer.flush()

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
    writer = LogWriter(tmp_path)
    writer.write("access.log", [b"abcdefg\n", b"hij\n"])
    assert (tmp_path / "access.log").read_bytes() == b"abcde"
    room = 0
    writer.flush()
    room = 100
    writer.flush()

    assert (tmp_path / "access.log").read_bytes() == b"abcdefg\nhij\n"
    assert writer.size == 0


def test_stdout_may_be_a_socket(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = LogWriter(tmp_path, stdout_descriptor=ours.fileno())
        writer.write("stdout", numbered(100_000))
        theirs.setblocking(False)
        got = read_all(theirs.fileno())
        while writer.size:
            writer.flush()
            got += read_all(theirs.fileno())
        writer.close()

    lines = got.splitlines(keepends=True)
    assert len(lines) + writer.dropped == 100_000
    assert lines[-1] == numbered(100_000)[-1]


def test_stdout_may_be_a_file(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        writer = LogWriter(tmp_path, stdout_descriptor=file.fileno())
        writer.write("stdout", [b"x\n"])
        writer.close()

    assert (tmp_path / "out").read_bytes() == b"x\n"


def test_a_reader_that_went_away_is_no_crash(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    writer = LogWriter(tmp_path, stdout_descriptor=write)
    writer.write("stdout", [b"x\n"])

    writer.flush()
    os.close(write)
    writer.close()

    assert writer.dropped == 1


def test_only_so_many_files_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "OPEN_FILES", 3)
    writer = LogWriter(tmp_path)
    before = open_descriptors()
    for turn in (b"1\n", b"2\n"):
        for number in range(10):
            writer.write(f"{number}.log", [turn])
        writer.flush()

    assert open_descriptors() == before + 3
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"1\n2\n"}
    writer.close()


def test_closing_writes_what_waits_and_forgets_the_files(tmp_path: Path) -> None:
    before = open_descriptors()
    writer = LogWriter(tmp_path)
    writer.write("access.log", [b"x\n"])

    writer.close()

    assert (tmp_path / "access.log").read_bytes() == b"x\n"
    assert open_descriptors() == before
    assert repr(writer) == "<LogWriter 0 bytes for 0 destinations, 0 open, 0 lines dropped>"


@pytest.mark.parametrize("kind", ["directory", "pipe without a reader"])
def test_what_is_no_file_is_reported_and_not_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    path = tmp_path / "access.log"
    path.mkdir() if kind == "directory" else os.mkfifo(path)
    writer = LogWriter(tmp_path)

    writer.write("access.log", [b"x\n"])

    assert writer.size == 2
    assert "cannot write the log access.log" in caplog.text


def test_a_named_pipe_with_a_reader_is_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "access.log")
    reader = os.open(tmp_path / "access.log", os.O_RDONLY | os.O_NONBLOCK)
    writer = LogWriter(tmp_path)
    writer.write("access.log", numbered(1))

    assert read_all(reader) == b"".join(numbered(1))
    writer.close()
    os.close(reader)
