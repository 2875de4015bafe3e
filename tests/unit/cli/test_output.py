from __future__ import annotations

import io

import pytest

from gateway.cli.output import Output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def colour_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def test_a_piped_table_is_aligned_and_has_no_colour() -> None:
    stdout = io.StringIO()

    Output(stdout, io.StringIO()).table(
        ("api", "state"), [("petstore", ("fine", "green")), ("x", "")]
    )

    assert stdout.getvalue() == "api       state\npetstore  fine\nx\n"


def test_a_piped_line_is_never_wrapped() -> None:
    stdout = io.StringIO()

    Output(stdout, io.StringIO()).line("word " * 200, style="bold red")

    assert stdout.getvalue() == "word " * 200 + "\n"


def test_a_piped_table_without_rows_still_has_its_head() -> None:
    stdout = io.StringIO()

    Output(stdout, io.StringIO()).table(("api", "stage"), [])

    assert stdout.getvalue() == "api  stage\n"


def test_a_terminal_gets_colour() -> None:
    stdout = Terminal()
    output = Output(stdout, io.StringIO())

    output.table(("api",), [(("broken", "red"),)])

    assert output.is_terminal
    assert "\x1b[31mbroken" in stdout.getvalue()


def test_markup_in_what_users_wrote_is_text() -> None:
    stdout = Terminal()

    Output(stdout, io.StringIO()).table(("path",), [("/[bold]x[/bold]",)])

    assert "/[bold]x[/bold]" in stdout.getvalue()


def test_complaints_go_to_standard_error() -> None:
    stdout, stderr = io.StringIO(), io.StringIO()

    Output(stdout, stderr).error("no such file")

    assert (stdout.getvalue(), stderr.getvalue()) == ("", "no such file\n")


def test_json_is_indented_and_ends_with_a_line_break() -> None:
    stdout = io.StringIO()

    Output(stdout, io.StringIO()).json({"a": [1]})

    assert stdout.getvalue() == '{\n  "a": [\n    1\n  ]\n}\n'
