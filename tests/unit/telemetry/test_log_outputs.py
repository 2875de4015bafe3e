"""Facts about opening what logs are written to."""

import fcntl
import os
from pathlib import Path
from select import PIPE_BUF

import pytest

from gateway.telemetry.log_outputs import open_file, standard_output


def test_a_file_takes_a_batch_as_one_write_and_keeps_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(b"earlier\n")
    output = open_file(tmp_path, "access.log")

    assert output.most_bytes is None
    assert output.write(b"x" * 100_000) == 100_000
    output.close()
    assert (tmp_path / "access.log").read_bytes() == b"earlier\n" + b"x" * 100_000


def test_directories_that_are_made_are_nobody_elses_business(tmp_path: Path) -> None:
    open_file(tmp_path / "data", "logs/a/b.log").close()

    made = [tmp_path / "data" / name for name in ("logs", "logs/a")]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o750}
    assert (made[1] / "b.log").stat().st_mode & 0o777 == 0o640


def test_a_canary_gets_its_directory_and_other_absolute_paths_none(tmp_path: Path) -> None:
    open_file(tmp_path / "data", str(tmp_path / "shop/Canary.log")).close()
    with pytest.raises(FileNotFoundError):
        open_file(tmp_path / "data", str(tmp_path / "nowhere/shop.log"))
    with pytest.raises(FileNotFoundError):
        open_file(tmp_path / "data", str(tmp_path / "nowhere/shop/Canary.log"))

    assert (tmp_path / "shop/Canary.log").exists()


@pytest.mark.parametrize("destination", ["../outside.log", "logs/../../outside.log", "a\0b"])
def test_a_destination_that_leaves_the_data_directory_is_an_error(
    tmp_path: Path, destination: str
) -> None:
    with pytest.raises(OSError, match=r"data directory|NUL"):
        open_file(tmp_path / "data", destination)

    assert list(tmp_path.rglob("*.log")) == []


def test_a_file_of_the_gateways_own_is_never_written(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "innocent.log").symlink_to("users.toml")
    (tmp_path / "alias").symlink_to("data")

    for name in ("users.toml", data / "store.sqlite", "innocent.log", tmp_path / "alias/run/x"):
        with pytest.raises(OSError, match="gateway's own"):
            open_file(data, str(name))
    assert not (data / "users.toml").exists()


def test_a_directory_and_a_pipe_without_a_reader_are_errors_and_not_waited_for(
    tmp_path: Path,
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device"):
        open_file(tmp_path, "pipe")
    (tmp_path / "directory").mkdir()
    with pytest.raises(IsADirectoryError):
        open_file(tmp_path, "directory")


def test_a_pipe_takes_whole_lines_and_nothing_when_it_is_full() -> None:
    read, write = os.pipe()
    output = standard_output(write)

    assert output.most_bytes == PIPE_BUF
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE_BUF)
    assert output.write(b"x" * PIPE_BUF) == PIPE_BUF
    with pytest.raises(BlockingIOError):
        output.write(b"x")
    output.close()
    for descriptor in (read, write):
        os.close(descriptor)
