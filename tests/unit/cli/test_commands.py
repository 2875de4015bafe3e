from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway.cli.arguments import build_parser
from gateway.cli.commands import command_of

Command = Callable[..., Any]

ROOT = Path(__file__).resolve().parents[3]


def test_the_version_is_the_packages(stagegate: Command) -> None:
    outcome = stagegate("--version")

    assert (outcome.code, outcome.out) == (0, f"stagegate {gateway.__version__}\n")


def test_help_is_no_error(stagegate: Command) -> None:
    assert stagegate("--help").code == 0


@pytest.mark.parametrize("words", [(), ("serve",), ("check", "--no-such-flag")])
def test_wrong_usage_returns_2(stagegate: Command, words: tuple[str, ...]) -> None:
    outcome = stagegate(*words)

    assert outcome.code == 2
    assert "usage: stagegate" in outcome.err


@pytest.mark.parametrize("command", [("routes",), ("plan",), ("explain", "GET", "/")])
def test_a_wrong_setting_ends_a_command_with_its_place(
    stagegate: Command, config: Path, command: tuple[str, ...]
) -> None:
    (config / "gateway.toml").write_text("workers = 'many'\n")

    outcome = stagegate(*command)

    assert (outcome.code, outcome.out) == (1, "")
    assert "gateway.toml:1:" in outcome.err


def test_a_reader_that_has_seen_enough_is_no_error(config: Path) -> None:
    """`stagegate routes | head`: no traceback, whatever is left to print."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed_pipe:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "routes", "--config", config],
            cwd=ROOT,
            stdout=closed_pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.stderr == ""
    assert done.returncode == 1


def test_an_interrupt_is_told_by_the_shells_code(
    stagegate: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("gateway.cli.commands.command_of", lambda _: interrupted)

    assert stagegate("check").code == 130


def test_every_command_is_found_by_its_name() -> None:
    actions = build_parser()._actions
    (commands,) = (action.choices for action in actions if isinstance(action.choices, dict))

    assert "run" in commands
    assert all(callable(command_of(name)) for name in commands)


def test_run_does_not_wait_for_what_other_commands_need() -> None:
    code = "from gateway.cli.commands import command_of; command_of('run')"
    check = "import sys; sys.exit('sqlalchemy' in sys.modules or 'aiohttp' in sys.modules)"

    subprocess.run([sys.executable, "-c", f"{code}; {check}"], cwd=ROOT, check=True)
