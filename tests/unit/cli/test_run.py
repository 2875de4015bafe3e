from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import Settings

Command = Callable[..., Any]


def test_a_tls_listener_is_refused_as_wrong_usage(stagegate: Command, config: Path) -> None:
    outcome = stagegate("run", "--listen-tls", "127.0.0.1:8443")

    assert outcome.code == 2
    assert "certificates are not supported yet" in outcome.err


def test_flags_become_the_settings_that_are_served(
    stagegate: Command, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Settings] = []

    def serve(settings: Settings) -> int:
        served.append(settings)
        return 0

    monkeypatch.setattr("gateway.cli.run.serve", serve)

    outcome = stagegate(
        "run", "--listen", "127.0.0.1:0", "--workers", "3", "--region", "eu-west-1",
        "--account", "123456789012", "--data", "elsewhere",
    )  # fmt: skip
    (settings,) = served

    assert outcome.code == 0
    assert (settings.workers, settings.region, settings.account) == (3, "eu-west-1", "123456789012")
    assert settings.data == Path("elsewhere")
    assert settings.listen.port == 0


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--listen", "x"),
        ("--listen", "8080"),
        ("--admin", "127.0.0.1:http"),
        ("--admin", "x:y"),
        ("--workers", "100000"),
        ("--workers", "-1"),
        ("--workers", "many"),
        ("--account", "12"),
        ("--region", "Mars!"),
        ("--data", ""),
        ("--config", ""),
    ],
)
def test_a_value_that_makes_no_sense_is_named_by_its_flag(
    stagegate: Command, config: Path, flag: str, value: str
) -> None:
    outcome = stagegate("run", flag, value)

    assert (outcome.code, outcome.out) == (2, "")
    assert f"stagegate run: error: argument {flag}: must " in outcome.err


def test_a_variable_that_makes_no_sense_is_a_problem_and_no_wrong_usage(
    stagegate: Command, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGEGATE_WORKERS", "-1")

    outcome = stagegate("run")

    assert outcome.code == 1
    assert outcome.err == "error: STAGEGATE_WORKERS: must be 0 to 512, not -1\n"


def test_an_address_that_is_taken_is_told(
    stagegate: Command, config: Path, taken_port: int
) -> None:
    outcome = stagegate("run", "--listen", f"127.0.0.1:{taken_port}", "--admin", "127.0.0.1:0")

    assert outcome.code == 1
    assert f"127.0.0.1:{taken_port}" in outcome.err
