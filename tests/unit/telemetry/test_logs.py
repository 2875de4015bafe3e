"""The processes' own log."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator

import pytest

from gateway.telemetry.logs import RateLimited, set_up

log = logging.getLogger("gateway.test")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Put the root logger back as pytest set it up."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, logging.raiseExceptions)
    yield
    root.handlers[:], level, logging.raiseExceptions = before
    root.setLevel(level)
    logging.captureWarnings(False)


def logged(*, is_json: bool = False, level: int = logging.INFO) -> io.StringIO:
    stream = io.StringIO()
    set_up("worker-0", is_json=is_json, stream=stream, level=level)
    return stream


def failing(why: str) -> None:
    raise ValueError(why)


def test_a_record_is_one_line_with_time_level_and_process() -> None:
    stream = logged()

    log.info("ready on port %d", 8080)

    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO worker-0 ready on port 8080\n"
    assert re.fullmatch(pattern, stream.getvalue())


def test_a_traceback_stays_on_its_line() -> None:
    stream = logged()

    try:
        failing("a\nb")
    except ValueError:
        log.exception("it failed")

    (line,) = stream.getvalue().splitlines()
    assert "it failed | Traceback (most recent call last): | " in line
    assert line.endswith("ValueError: a | b")


@pytest.mark.parametrize("is_json", [True, False])
def test_no_text_can_forge_a_line(is_json: bool) -> None:
    stream = logged(is_json=is_json)

    log.warning("path %s", "/x\r\n2026 INFO forged \u2028\x1b[2J\udc80")

    assert len(stream.getvalue().splitlines()) == 1
    assert stream.getvalue()[:-1].isprintable()


def test_json_lines_have_members() -> None:
    stream = logged(is_json=True)

    try:
        failing("why")
    except ValueError:
        log.exception("it failed: %s", "é")

    told = json.loads(stream.getvalue())
    assert list(told) == ["time", "level", "process", "logger", "message", "traceback"]
    assert (told["level"], told["process"], told["logger"]) == ("ERROR", "worker-0", "gateway.test")
    assert told["message"] == "it failed: é"
    assert told["traceback"].endswith("ValueError: why")


def test_lower_levels_are_left_out() -> None:
    stream = logged(level=logging.WARNING)

    log.info("quiet")

    assert stream.getvalue() == ""


def test_a_second_set_up_replaces_the_first() -> None:
    first = logged()
    second = logged()

    log.info("once")

    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


def test_without_a_stream_records_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("control")

    log.info("hello")

    assert capsys.readouterr().err.endswith("INFO control hello\n")
    assert sys.stderr is not None


class Limited:
    def __init__(self, most: int = 2) -> None:
        self.now = 0.0
        self.limited = RateLimited(log, lambda: self.now, most=most, interval_seconds=10)

    def __call__(self, key: str = "a") -> None:
        self.limited.warning(key, "backend %s failed", key)


def messages(stream: io.StringIO) -> list[str]:
    return [line.split("worker-0 ")[1] for line in stream.getvalue().splitlines()]


def test_a_key_has_its_share_of_each_interval() -> None:
    stream, warn = logged(), Limited(most=2)

    for _ in range(5):
        warn()

    assert messages(stream) == ["backend a failed"] * 2


def test_the_next_message_tells_how_many_were_left_out() -> None:
    stream, warn = logged(), Limited(most=1)
    for _ in range(4):
        warn()

    warn.now = 10.0
    warn()
    warn.now = 20.0
    warn()

    assert messages(stream) == [
        "backend a failed", "backend a failed (3 like it left out)", "backend a failed"
    ]  # fmt: skip


def test_keys_do_not_take_from_one_another() -> None:
    stream, warn = logged(), Limited(most=1)

    for key in ("a", "b", "a", "b"):
        warn(key)

    assert messages(stream) == ["backend a failed", "backend b failed"]


def test_only_so_many_keys_are_remembered() -> None:
    logged()
    warn = Limited()

    for number in range(5000):
        warn(str(number))

    assert repr(warn.limited) == "<RateLimited 2 per 10 s, 1024 keys>"


def test_errors_are_limited_with_warnings() -> None:
    stream, warn = logged(), Limited(most=1)

    warn.limited.error("a", "first")
    warn.limited.warning("a", "second")

    assert messages(stream) == ["first"]
