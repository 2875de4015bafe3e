"""Prints lines: a coloured table on a terminal, plain columns elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtests.bench.lines import Line, Verdict

COLUMNS: Final = ("row", "work", "ours", "anchor", "anchor's", "value", "must", "moonshot", "")
_STYLES: Final = {
    Verdict.MET: "green",
    Verdict.MOONSHOT: "bold green",
    Verdict.MISSED: "bold red",
    Verdict.VOID: "bold red",
    Verdict.SKIPPED: "yellow",
    Verdict.SHOWN: "dim",
}
_PLAIN_WIDTH: Final = 160


def number(value: float | None, unit: str = "") -> str:
    """Return a figure with three significant digits and its unit; nothing for None."""
    if value is None:
        return ""
    size = abs(value)
    text = f"{value:,.0f}" if size >= 100 or value == 0 else f"{value:.3g}"
    return f"{text}{'' if unit in ('×', '') else ' '}{unit}"


def work_of(line: Line) -> str:
    """Return what was done, and by which build unless it is the default one."""
    return f"{line.work}, {line.build}" if line.build else line.work


def cells(line: Line) -> tuple[str, ...]:
    """Return a line's texts in the order of the columns."""
    bounds = [
        f"≤ {number(bound, line.value_unit)}" if bound is not None else ""
        for bound in (line.must, line.moonshot)
    ]
    return (
        line.row,
        work_of(line),
        number(line.ours, line.unit),
        line.anchor,
        number(line.theirs, line.unit),
        number(line.value, line.value_unit),
        *bounds,
        line.verdict.value,
    )


def remarks(lines: Sequence[Line]) -> list[str]:
    """Return what must be said besides: why lines are void or skipped, and notes."""
    said = [
        f"{line.row} {work_of(line)}{f' / {line.anchor}' if line.anchor else ''}: {text}"
        for line in lines
        for text in (*line.voided, line.skipped, *line.notes)
        if text
    ]
    return list(dict.fromkeys(said))


def print_table(lines: Sequence[Line], output: TextIO, *, about: Sequence[str] = ()) -> None:
    """Print all lines with what must be said about them."""
    width = None if output.isatty() else _PLAIN_WIDTH
    console = Console(file=output, width=width, highlight=False)
    table = Table(*COLUMNS, box=None, pad_edge=False, header_style="bold")
    for line in lines:
        *texts, verdict = cells(line)
        table.add_row(*map(Text, texts), Text(verdict, style=_STYLES[line.verdict]))
    console.print(table)
    for text in (*remarks(lines), *about):
        console.print(Text(f"- {text}"))
