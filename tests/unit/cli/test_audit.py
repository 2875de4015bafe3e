from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.cli.audit import shown, since_epoch
from gateway.clock import SystemClock
from gateway.control.api.audit import note
from gateway.control.api.protocol import Call
from gateway.errors import ConfigurationError
from gateway.store.database import Work
from gateway.store.transaction import Transaction
from tests.unit.control.api.handlers import Handlers, call_of

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def noted(call: Call) -> Work:
    def work(transaction: Transaction) -> None:
        note(transaction, call, None, revision=3)

    return work


@pytest.fixture
def flags(tmp_path: Path) -> list[str]:
    data = tmp_path / "data"
    data.mkdir()
    # The command goes by the system's, too.
    handlers = Handlers(data, SystemClock())
    for user, name in (("alice", "CreateStage"), ("bob", "DeleteStage")):
        call = call_of(name, labels={"restapi_id": "a", "stage_name": "prod\n"}, user=user)
        handlers.store.run(noted(call))
    handlers.close()
    return ["--data", str(data), "--config", str(tmp_path / "config")]


def test_records_are_lines(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *flags]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[1] for line in lines] == ["alice", "bob"]
    assert r"restapi_id=a stage_name=prod\n" in lines[0]
    assert lines[0].endswith("revision 3")


def test_records_are_chosen_and_told_as_json(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "--user", "bob", "--since", "1h", "--json", *flags]) == 0

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["eventName"] == "DeleteStage"
    assert main(["audit", "--event", "Nothing", *flags]) == 0
    assert capsys.readouterr().out == ""


def test_a_store_that_is_not_there_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "--data", str(tmp_path / "nothing")]) == 1
    assert "there is no store" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "epoch"),
    [
        (None, 0.0),
        ("30m", NOW.timestamp() - 1800),
        ("2d", NOW.timestamp() - 172_800),
        ("2026-05-01T12:00:00Z", NOW.timestamp()),
        ("2026-05-01", NOW.timestamp() - 43_200),
    ],
)
def test_since_is_an_age_or_a_moment(text: str | None, epoch: float) -> None:
    assert since_epoch(text, NOW) == epoch


@pytest.mark.parametrize(
    "text", ["", "m", "yesterday", "5 m", "²h", "٣d", "9" * 400 + "d", "1000000d", "5m\n"]
)
def test_since_is_nothing_else(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is no time"):
        since_epoch(text, NOW)


def test_a_refusal_shows_its_code() -> None:
    record = {
        "eventTime": "t",
        "userIdentity": {"userName": "u"},
        "sourceIPAddress": "i",
        "eventName": "e",
        "errorCode": "NotFoundException",
    }

    assert shown(record) == "t  u  i  e    NotFoundException"


@pytest.mark.parametrize("flags", [("--since", "soon"), ("--limit", "-1"), ("--limit", "x")])
def test_a_flag_that_makes_no_sense_is_wrong_usage(
    flags: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", *flags]) == 2
    assert flags[0] in capsys.readouterr().err


def test_what_is_no_mutation_has_no_revision(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--data", str(tmp_path / "data"), "--config", str(tmp_path / "config")]
    assert main(["user", "add", "alice", *flags]) == 0
    capsys.readouterr()

    assert main(["audit", *flags]) == 0

    line = capsys.readouterr().out
    assert "  localhost  CreateUser  userName=alice role=admin  done" in line
