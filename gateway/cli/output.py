"""What the commands print: coloured tables on a terminal, aligned plain text when piped, or JSON.

Plain text is never wrapped or coloured, so that `grep` and `awk` work on it; scripts that want
structure ask for `--json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TextIO

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.errors import Problem

Cell = str | tuple[str, str]
"""Text, or text and its style, such as `("lagging", "red")`; styles only show on a terminal."""


class Output:
    """Where a command prints to. Standard output carries results, standard error complaints."""

    __slots__ = ("_error_console", "_plain", "_results", "is_terminal")

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self._plain = stdout
        self._results = Console(file=stdout, highlight=False, soft_wrap=True)
        self._error_console = Console(file=stderr, highlight=False, soft_wrap=True)
        self.is_terminal = self._results.is_terminal

    def __repr__(self) -> str:
        return f"<Output {'terminal' if self.is_terminal else 'plain'}>"

    def line(self, text: str = "", style: str = "") -> None:
        """Print one line of result."""
        self._results.print(Text(text, style=style))

    def error(self, text: str, style: str = "red") -> None:
        """Print one line of complaint on standard error."""
        self._error_console.print(Text(text, style=style))

    def problems(self, problems: Iterable[Problem]) -> None:
        """Print problems on standard error, `error: FILE:LINE:COLUMN: PATH: MESSAGE`."""
        for problem in problems:
            style = "red" if problem.severity == "error" else "yellow"
            self._error_console.print(Text.assemble((f"{problem.severity}: ", style), str(problem)))

    def json(self, value: Any) -> None:
        """Print a value, which may hold dataclasses, as indented JSON."""
        self._plain.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """Print rows under column heads; columns of numbers are given as text, too."""
        if self.is_terminal:
            self._rich_table(columns, rows)
        else:
            self._plain_table(columns, rows)

    def _rich_table(self, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        table = Table(header_style="bold", box=None, pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(_styled(cell) for cell in row))
        # A table fits the window, unlike lines: folded cells beat broken columns.
        self._results.print(table, soft_wrap=False)

    def _plain_table(self, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        lines = [tuple(columns), *(tuple(_text(cell) for cell in row) for row in rows)]
        widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
        for line in lines:
            padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
            self._plain.write("  ".join(padded).rstrip() + "\n")


def counted(count: int, plural: str) -> str:
    """Return `1 stage` or `2 stages` for `stages`."""
    return f"{count} {plural.removesuffix('s') if count == 1 else plural}"


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]


def _styled(cell: Cell) -> Text:
    return Text(cell) if isinstance(cell, str) else Text(cell[0], style=cell[1])
