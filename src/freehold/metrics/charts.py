"""An answer as a picture: SVG for a page, without script or font of its own, that follows light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any

from freehold.metrics.telling import short

if TYPE_CHECKING:
    import pyarrow as pa

WIDTH, HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 28
_COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#6b46c1", "#b83280", "#718096")
_MOST_SERIES, _MOST_BARS = 6, 20


def chart(found: pa.Table, keys: int) -> str:
    """Return an answer as SVG, or an empty text where it is nothing to draw: a line over time, else bars.

    Args:
        found: the answer; its first `keys` columns are keys, the first one after them is drawn.
        keys: how many keys there are. A second key makes a line for each of its values.
    """
    if keys == 0 or found.num_rows < 2 or found.num_columns <= keys:
        return ""
    columns = [found.column(i).to_pylist() for i in range(keys + 1)]
    name = found.column_names[keys]
    if any(isinstance(value, date | datetime) for value in columns[0]) and keys <= 2:
        return _lines(columns, name)
    return _bars(columns, name) if keys == 1 else ""


def _lines(columns: Sequence[Sequence[Any]], name: str) -> str:
    times = sorted({t for t in columns[0] if t is not None})
    series: dict[str, dict[Any, float]] = {}
    labels = columns[1] if len(columns) == 3 else [name] * len(columns[0])
    for time, label, value in zip(columns[0], labels, columns[-1], strict=True):
        if time is not None and _is_number(value):
            series.setdefault("unknown" if label is None else str(label), {})[time] = float(value)
    largest = sorted(series, key=lambda s: -sum(map(abs, series[s].values())))[:_MOST_SERIES]
    values = [v for s in largest for v in series[s].values()]
    if len(times) < 2 or not values:
        return ""
    low, high = min(0.0, *values), max(0.0, *values)
    x = {t: _LEFT + (WIDTH - _LEFT - _RIGHT) * i / (len(times) - 1) for i, t in enumerate(times)}
    drawn = [*_axis(low, high), *_ends(times)]
    for colour, label in zip(_COLOURS, largest, strict=False):
        points = " ".join(f"{x[t]:.1f},{_y(v, low, high):.1f}" for t, v in sorted(series[label].items()))
        title = f"<title>{escape(label)}</title>"
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2">{title}</polyline>')
    if len(largest) > 1:
        drawn += [
            _text(_LEFT + 8, _TOP + 12 + 14 * i, label, colour=colour)
            for i, (colour, label) in enumerate(zip(_COLOURS, largest, strict=False))
        ]
    return _svg(drawn, HEIGHT, name)


def _bars(columns: Sequence[Sequence[Any]], name: str) -> str:
    pairs = [(k, float(v)) for k, v in zip(columns[0], columns[1], strict=True) if _is_number(v)]
    pairs = sorted(pairs, key=lambda p: -abs(p[1]))[:_MOST_BARS]
    longest = max((abs(v) for _, v in pairs), default=0.0)
    if not longest:
        return ""
    room, left = WIDTH - 260, 150
    drawn = []
    for i, (key, value) in enumerate(pairs):
        y, width = 8 + i * 20, abs(value) / longest * room
        label = "unknown" if key is None else str(key)
        colour = _COLOURS[1] if value < 0 else _COLOURS[0]
        place = f'x="{left}" y="{y}" width="{width:.1f}" height="15"'
        bar = f'<rect {place} fill="{colour}"><title>{escape(label)}</title></rect>'
        drawn += [_text(left - 6, y + 12, label[:24], "end"), bar, _text(left + width + 6, y + 12, short(value))]
    return _svg(drawn, 16 + 20 * len(pairs), name)


def _axis(low: float, high: float) -> list[str]:
    drawn = []
    for value in (low, (low + high) / 2, high):
        y = _y(value, low, high)
        line = f'x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"'
        drawn += [
            f'<line {line} stroke="currentColor" stroke-opacity=".15"/>',
            _text(_LEFT - 6, y + 4, short(value), "end"),
        ]
    return drawn


def _ends(times: Sequence[Any]) -> list[str]:
    return [
        _text(_LEFT, HEIGHT - 8, str(times[0])[:16]),
        _text(WIDTH - _RIGHT, HEIGHT - 8, str(times[-1])[:16], "end"),
    ]


def _y(value: float, low: float, high: float) -> float:
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - (value - low) / ((high - low) or 1.0))


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = "currentColor") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11" fill="{colour}">{escape(text)}</text>'


def _svg(drawn: Sequence[str], height: int, name: str) -> str:
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    head = f'<svg {size} role="img" aria-label="{escape(name)}"'
    return f'{head} font-family="system-ui, sans-serif">{"".join(drawn)}</svg>'


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
