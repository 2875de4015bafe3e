"""Draws the costs of a result as bars: SVG, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from loadtests.bench.lines import ITSELF, Line, Verdict
from loadtests.bench.table import work_of

CHARTED_ROWS: Final = ("P1", "P3")
_WIDTH: Final = 760
_LEFT: Final = 260
_RIGHT: Final = 110
_BAR: Final = 20
_STEP: Final = 30
_OURS: Final = "#2f81f7"
_ANCHOR: Final = "#8b949e"
_TEXT: Final = "#768390"
_FIGURES: Final = (Verdict.MET, Verdict.MOONSHOT, Verdict.MISSED, Verdict.SHOWN)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: whose, and what it costs."""

    name: str
    value: float
    is_ours: bool


def bars_of(lines: Sequence[Line], row: str) -> list[Bar]:
    """Return a row's bars, the cheapest first; anchors that were not measured are left out.

    The anchors' bars are ours divided by the paired ratio: what is compared is what is drawn.
    """
    figures = [
        line for line in lines if line.row == row and line.verdict in _FIGURES and line.value
    ]
    measured = [line for line in figures if not line.build]
    if not measured:
        return []
    # Other builds of ours stand in lines of their own, each held against the default one once.
    others = [line for line in figures if line.build and line.anchor == ITSELF]
    if row == "P1":
        own = measured[0].ours or 0.0
        bars = [Bar("Stagegate, full pipeline", own, True)]
        bars += [Bar(f"Stagegate, {line.build}", own * (line.value or 1), True) for line in others]
        bars += [Bar(line.anchor, own / (line.value or 1), False) for line in measured]
    else:
        bars = [Bar(f"Stagegate, {work_of(line)}", line.ours or 0, True) for line in measured]
        bars += [Bar(f"Stagegate, {work_of(line)}", line.ours or 0, True) for line in others]
        bars.append(Bar(measured[0].anchor, measured[0].theirs or 0.0, False))
    return sorted(bars, key=lambda bar: bar.value)


def chart(lines: Sequence[Line], caption: str) -> str:
    """Return the chart as an SVG document."""
    parts: list[str] = []
    top = 30
    for row, title in zip(CHARTED_ROWS, ("Pass-through", "Answers without a backend"), strict=True):
        bars = bars_of(lines, row)
        if bars:
            unit = next(line.unit for line in lines if line.row == row)
            parts.append(_text(0, top, f"{title}, {unit} a request", weight="bold"))
            parts += _group(bars, top + 12)
            top += 12 + _STEP * len(bars) + 34
    if not parts:
        parts.append(_text(0, top, "Nothing was measured."))
        top += 24
    parts.append(_text(0, top, caption, size=11))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top + 14}"'
        f' width="{_WIDTH}" height="{top + 14}" role="img" font-family="system-ui, sans-serif">\n'
        f"<title>Cost of a request: Stagegate and others</title>\n{body}\n</svg>\n"
    )


def _group(bars: Sequence[Bar], top: int) -> list[str]:
    longest = max(bar.value for bar in bars)
    parts = []
    for index, bar in enumerate(bars):
        y = top + index * _STEP
        length = max(1.0, bar.value / longest * (_WIDTH - _LEFT - _RIGHT))
        colour = _OURS if bar.is_ours else _ANCHOR
        parts.append(_text(_LEFT - 10, y + 15, bar.name, anchor="end"))
        parts.append(
            f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="2"'
            f' fill="{colour}"/>'
        )
        parts.append(_text(_LEFT + length + 8, y + 15, f"{bar.value:.1f}"))
    return parts


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: int = 13,
    weight: str = "normal",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}"'
        f' text-anchor="{anchor}" fill="{_TEXT}">{escape(text)}</text>'
    )
