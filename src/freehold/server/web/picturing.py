"""An answer as a picture, chosen by what it is: lines over time, strips of heat where they are many, else bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from freehold.metrics.telling import number
from freehold.server.web.drawing import axis_of
from freehold.server.web.model import Gridline, Point

MOST_LINES, MOST_STRIPS, MOST_BARS = 5, 14, 20
MOST_DRAWN = 20_000  # rows that are looked at for a picture
_LEVELS = 6
_WIDTH, _TOP, _HEIGHT, _BOTTOM = 920, 12, 240, 34
_PLOT = 760  # what lines have of the width; the names of lines have the rest


@dataclass(frozen=True, slots=True)
class Line:
    """One line of several, and the name that stands at its end."""

    name: str
    path: str
    end_y: float
    name_y: float
    last: str


@dataclass(frozen=True, slots=True)
class Lines:
    """Several lines over the same time, named at their ends."""

    title: str
    width: int
    height: int
    plot: int
    lines: tuple[Line, ...]
    gridlines: tuple[Gridline, ...]
    ticks: tuple[Point, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A period of a strip: where, how strong (0 to 6), and what a pointer is told."""

    x: float
    level: int
    told: str


@dataclass(frozen=True, slots=True)
class Strip:
    """One value of a key over time."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Strips:
    """Many values of a key over time, the largest first; darker is more."""

    title: str
    width: float
    size: float
    strips: tuple[Strip, ...]
    first: str
    last: str
    left_out: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A value as a length, 0 to 100."""

    name: str
    shown: str
    length: float
    is_less: bool
    href: str = ""


@dataclass(frozen=True, slots=True)
class Bars:
    """Values of a key, the largest first."""

    title: str
    bars: tuple[Bar, ...]
    left_out: int


Series = Mapping[str, Mapping[str, float]]  # values by name, then by period


def lines(title: str, unit: str, series: Series, periods: Sequence[str], labels: Sequence[str]) -> Lines | None:
    """Return the largest series as lines; None where there is nothing to connect."""
    chosen = _largest(series)[:MOST_LINES]
    values = [v for name in chosen for v in series[name].values()]
    if len(periods) < 2 or not values:
        return None
    grid, y = axis_of(values, _TOP, _HEIGHT - _BOTTOM, unit)
    x = {p: round(_PLOT * i / (len(periods) - 1), 1) for i, p in enumerate(periods)}
    ends = {name: y(series[name][max(series[name])]) for name in chosen}
    drawn = [
        Line(
            name,
            "M" + "L".join(f"{x[p]:.1f} {y(v):.1f}" for p, v in sorted(series[name].items())),
            round(ends[name], 1),
            0.0,
            number(series[name][max(series[name])], unit),
        )
        for name in chosen
    ]
    placed = _apart([line.end_y for line in drawn])
    every = max(1, -(-len(periods) // 7))
    ticks = tuple(Point(x[p], 0, p, "", 0, labels[i]) for i, p in enumerate(periods) if i % every == 0)
    return Lines(
        title, _WIDTH, _HEIGHT, _PLOT,
        tuple(Line(d.name, d.path, d.end_y, at, d.last) for d, at in zip(drawn, placed, strict=True)),
        tuple(Gridline(round(y(value), 1), told) for value, told in grid), ticks, len(series) - len(chosen),
    )  # fmt: skip


def strips(title: str, unit: str, series: Series, periods: Sequence[str]) -> Strips | None:
    """Return the largest series as strips of heat; None where there is nothing to compare."""
    chosen = _largest(series)[:MOST_STRIPS]
    values = [v for name in chosen for v in series[name].values()]
    if not values or not periods:
        return None
    low, high = min(0.0, *values), max(values)
    size = min(28.0, _PLOT / len(periods))
    rows = []
    for name in chosen:
        cells = [
            Cell(
                round(i * size, 2), _level(series[name][p], low, high), f"{name}, {p}: {number(series[name][p], unit)}"
            )
            for i, p in enumerate(periods)
            if p in series[name]
        ]
        rows.append(Strip(name, tuple(cells)))
    whole = round(size * len(periods), 2)
    return Strips(title, whole, size, tuple(rows), periods[0], periods[-1], len(series) - len(chosen))


def _level(value: float, low: float, high: float) -> int:
    """Return how strong a cell is; by the root, since one large value would leave all others blank."""
    return round(_LEVELS * sqrt(max(0.0, value - low) / ((high - low) or 1.0)))


def bars(title: str, unit: str, values: Sequence[tuple[str, float, str]]) -> Bars | None:
    """Return the largest of some values (name, value, where it leads) as bars; None where there are none."""
    chosen = sorted(values, key=lambda one: -abs(one[1]))[:MOST_BARS]
    longest = max((abs(value) for _, value, _ in chosen), default=0.0)
    if not longest:
        return None
    drawn = (Bar(name, number(v, unit), round(100 * abs(v) / longest, 2), v < 0, href) for name, v, href in chosen)
    return Bars(title, tuple(drawn), len(values) - len(chosen))


def _largest(series: Series) -> list[str]:
    return sorted((s for s in series if series[s]), key=lambda s: -sum(map(abs, series[s].values())))


def _apart(wanted: Sequence[float], room: float = 15.0) -> list[float]:
    """Return where names stand so that none covers another, each as near to its line's end as that lets it."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [0.0] * len(wanted)
    last = -room
    for i in order:
        last = placed[i] = max(wanted[i], last + room)
    over = max(0.0, last - (_HEIGHT - _BOTTOM))
    return [round(at - over, 1) for at in placed]
