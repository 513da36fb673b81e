"""Charts as geometry: from values over time to paths in a box, on round gridlines. The macro only writes them down."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from freehold.metrics.telling import number, short
from freehold.server.web.model import Annotation, Chart, Gridline, Point, Spark, Tone

_WIDTH, _HEIGHT = 920, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 0, 52, 18, 34
_SPARK = (96.0, 20.0)
Usual = tuple[float, float, str]  # from, to, and how that is said
_MOST_TICKS = 7


@dataclass(frozen=True, slots=True)
class Value:
    """A value and the start of the period it is of."""

    at: datetime
    key: str
    value: float


@dataclass(frozen=True, slots=True)
class Happening:
    """Something to be marked on the axis."""

    at: datetime
    label: str
    href: str
    tone: Tone = "idle"


def spark(values: Sequence[float], label: str) -> Spark | None:
    """Return a line of values without axes; None where there is no line to draw."""
    if len(values) < 2:
        return None
    width, height = _SPARK
    low, high = min(values), max(values)
    step = width / (len(values) - 1)
    spots = [(i * step, 2 + (height - 4) * (1 - _share(v, low, high))) for i, v in enumerate(values)]
    line = _path(spots)
    return Spark(line, f"{line}L{width:g} {height:g}L0 {height:g}Z", label)


def line_chart(
    title: str,
    unit: str,
    values: Sequence[Value],
    happenings: Sequence[Happening] = (),
    *,
    is_partial: bool = False,
    bound: float | None = None,
    explained: Callable[[Value], str] | None = None,
    focus: str = "",
    usual: Sequence[Usual | None] = (),
) -> Chart | None:
    """Return a line over time; None where there are not two values to connect.

    Args:
        title: what is drawn.
        unit: of the values, as metrics say it.
        values: in the order of time.
        happenings: what to mark; those outside of the line's time are left out.
        is_partial: whether the last period is not over, so that its value will grow.
        bound: a value to be drawn as a limit.
        explained: gives the address that explains a value.
        focus: the key of the value that it is about.
        usual: between what each value would have been usual; None where that is not known.
    """
    if len(values) < 2:
        return None
    x = _across(values[0].at, values[-1].at)
    ranges = _within(usual, [v.value for v in values])
    drawn = [side for one in ranges if one for side in one] + ([bound] if bound is not None else [])
    grid = _gridvalues([*(v.value for v in values), *drawn])
    low, high = grid[0], grid[-1]

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - _share(value, low, high))

    said, labels = [number(v.value, unit) for v in values], _labels([v.at for v in values])
    points = tuple(
        Point(x(v.at), round(y(v.value), 1), v.key, shown, v.value, label, explained(v) if explained else "", room)
        for v, shown, label, room in zip(values, said, labels, _said_usual(usual, len(values)), strict=True)
    )
    spots = [(p.x, p.y) for p in points]
    whole = spots[:-1] if is_partial and len(spots) > 2 else spots
    base = _HEIGHT - _BOTTOM
    return Chart(
        title=title,
        unit=unit,
        width=_WIDTH,
        height=_HEIGHT,
        top=_TOP,
        bottom=base,
        line=_path(whole),
        area=f"{_path(spots)}L{spots[-1][0]:g} {base}L{spots[0][0]:g} {base}Z",
        partial=_path(spots[-2:]) if whole is not spots else "",
        points=points,
        gridlines=tuple(Gridline(round(y(value), 1), _axis(value, unit)) for value in grid),
        ticks=_ticks(points),
        annotations=_placed(happenings, values[0].at, values[-1].at, x),
        bound=Gridline(round(y(bound), 1), _axis(bound, unit)) if bound is not None else None,
        focus=next((p for p in points if p.key == focus), None),
        band=_band([(p.x, y(one[0]), y(one[1])) if one else None for p, one in zip(points, ranges, strict=False)]),
    )


def _within(usual: Sequence[Usual | None], values: Sequence[float]) -> list[tuple[float, float] | None]:
    """Return usual ranges, cut where drawing them whole would leave no height to the values."""
    most, least = max(values), min(values)
    room = (most - least) or abs(most) or 1.0
    return [(max(one[0], least - room), min(one[1], most + room)) if one else None for one in usual]


def _said_usual(usual: Sequence[Usual | None], number: int) -> list[str]:
    return [one[2] if one else "" for one in usual] or [""] * number


def _band(edges: Sequence[tuple[float, float, float] | None]) -> str:
    """Return the room between two edges as one closed path for each stretch in which it is known."""
    paths = []
    for is_known, stretch in groupby(edges, lambda edge: edge is not None):
        spots = [edge for edge in stretch if edge is not None]
        if is_known and len(spots) > 1:
            upper = [(x, high) for x, _, high in spots]
            lower = [(x, low) for x, low, _ in reversed(spots)]
            paths.append(f"{_path([*upper, *lower])}Z")
    return "".join(paths)


def axis_of(
    values: Sequence[float], top: float, bottom: float, unit: str = ""
) -> tuple[list[tuple[float, str]], Callable[[float], float]]:
    """Return round values to draw lines at, each with how it is said, and where a value stands between two heights."""
    grid = _gridvalues(values)

    def y(value: float) -> float:
        return top + (bottom - top) * (1 - _share(value, grid[0], grid[-1]))

    return [(value, _axis(value, unit)) for value in grid], y


def period_labels(instants: Sequence[datetime]) -> list[str]:
    """Return periods as an axis has them."""
    return _labels(instants)


def effect_bar(effect: float, largest: float) -> tuple[float, float]:
    """Return where a bar begins and how wide it is, in a box 160 wide: from the middle to the right for more."""
    width = round(78 * abs(effect) / largest, 1) if largest else 0.0
    return (80.0 if effect >= 0 else round(80 - width, 1)), max(width, 1.0 if effect else 0.0)


def _across(first: datetime, last: datetime) -> Callable[[datetime], float]:
    span = (last - first).total_seconds() or 1.0
    room = _WIDTH - _LEFT - _RIGHT
    return lambda at: round(_LEFT + room * (at - first).total_seconds() / span, 1)


def _placed(
    happenings: Sequence[Happening], first: datetime, last: datetime, x: Callable[[datetime], float]
) -> tuple[Annotation, ...]:
    within = [h for h in happenings if first <= h.at <= last]
    return tuple(Annotation(x(h.at), h.label, h.href, h.tone) for h in within)


def _gridvalues(values: Sequence[float]) -> list[float]:
    """Return three to five round values that hold all of some values and, unless they are far from it, zero."""
    low, high = min(values), max(values)
    if low > 0 and low < 0.6 * high:
        low = 0.0
    if low == high:
        low, high = min(low, 0.0), max(high, 0.0) or 1.0
    rough = (high - low) / 3
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [i * step for i in range(first, last + 1)]


def _ticks(points: Sequence[Point]) -> tuple[Point, ...]:
    every = max(1, math.ceil(len(points) / _MOST_TICKS))
    return tuple(points[i] for i in range(0, len(points), every))


def _labels(instants: Sequence[datetime]) -> list[str]:
    """Return periods as the axis has them: the month where each begins one, else the day."""
    if all(at.day == 1 for at in instants):
        return [f"{at:%b %Y}" for at in instants]
    return [f"{at.day} {at:%b}" for at in instants]


def _axis(value: float, unit: str) -> str:
    return f"{value * 100:g} %" if unit == "%" else short(value)


def _path(spots: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / ((high - low) or 1.0)
