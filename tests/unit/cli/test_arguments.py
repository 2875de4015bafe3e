from __future__ import annotations

import re

import pytest

from gateway.cli.arguments import SETTING_FLAGS, build_parser
from gateway.settings import Settings

COMMANDS = ("run", "check", "plan", "explain", "routes", "status")


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as exited:
        build_parser().parse_args([command, "--help"])
    assert exited.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples_and_exit_codes_in_its_help(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(command, capsys)

    assert f"examples:\n  stagegate {command}" in text
    assert "exit codes:\n  0  fine" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_are_command_lines_that_parse(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(command, capsys)
    lines = re.findall(r"^  stagegate (.*)$", text, re.MULTILINE)

    assert lines
    for line in lines:
        words = [
            quoted or plain for quoted, plain in re.findall(r"'([^']*)'|(\S+)", line.split("|")[0])
        ]
        assert build_parser().parse_args(words).command == command


def test_no_flag_has_a_default_of_its_own() -> None:
    """Else the flag would beat the environment and `gateway.toml` without being given."""
    for command in ("run", "check", "plan", "routes", "status"):
        parsed = vars(build_parser().parse_args([command]))

        assert {parsed.get(flag) for flag in SETTING_FLAGS} == {None}


def test_flags_that_replace_settings_bear_their_names() -> None:
    assert set(SETTING_FLAGS) <= set(Settings.__dataclass_fields__)


@pytest.mark.parametrize("words", [[], ["serve"], ["run", "--workers", "many"], ["explain", "GET"]])
def test_a_wrong_command_line_exits_with_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exited:
        build_parser().parse_args(words)

    assert exited.value.code == 2
    assert "usage: stagegate" in capsys.readouterr().err
