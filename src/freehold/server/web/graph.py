"""A neighbourhood of the catalog as geometry: cards in columns from left to right, and curves between their rows.

Cards of one distance stand in one column. Their order, and that of the rows in them, is by the middle of what they are
tied to, swept outward from the start and back: few curves cross. A drawing is made of the two hundred rows or so that a
neighbourhood names, whatever the size of the graph behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from freehold.catalog import Group, Neighbourhood, Node, Tie
from freehold.server.web.model import Mark

_WIDTH, _HEAD, _ROW, _FOOT = 224, 30, 26, 6
_BETWEEN, _ACROSS, _EDGE = 14, 84, 12  # between cards, between columns, around all
_SWEEPS = 3
_LETTERS = 27  # of a name that a row has room for
_HEADING = -1  # the place of a tie's end that is no row of its own


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a card: a node, or those that are not named. `grows` opens what it leads to that is not drawn."""

    id: str
    y: float
    name: str
    shown: str
    kind: str
    href: str
    mark: Mark | None = None
    is_start: bool = False
    more: int = 0
    beyond: int = 0
    grows: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A group of a neighbourhood in its place."""

    x: float
    y: float
    width: float
    height: float
    title: str
    shown: str
    href: str
    count: str
    rows: tuple[Row, ...]
    is_after: bool  # what grows from it goes to the right


@dataclass(frozen=True, slots=True)
class Curve:
    """A tie as a path, between the ids of two rows."""

    path: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Graph:
    """A drawing of some pixels; `center` and `middle` are where the start stands, to be scrolled to."""

    width: float
    height: float
    label: str
    cards: tuple[Card, ...]
    curves: tuple[Curve, ...]
    center: float
    middle: float


@dataclass(frozen=True, slots=True)
class Words:
    """What a drawing needs to be told of what it draws.

    Attributes:
        href: the way to a node's own drawing, by its name (`kind:id`, with `.column` for a column).
        open: the way to this drawing with a group opened; grow: with a node gone on from.
        group_href: the page of a group.
        kind: how people call a kind of entry.
        mark: the state of an asset now; None where there is none to tell.
    """

    href: Callable[[str], str]
    open: Callable[[str], str]
    grow: Callable[[str], str]
    group_href: Callable[[Group], str]
    kind: Callable[[str], str]
    mark: Callable[[str], Mark | None]


def drawn(found: Neighbourhood, words: Words) -> Graph:
    """Return a neighbourhood in its places."""
    columns = _columns(found)
    order = _ordered(found, columns)
    heights = {place: _height(found.groups[place]) for place in order}
    tallest = max(sum(heights[p] + _BETWEEN for p in column) for column in columns.values()) - _BETWEEN
    cards, middles = {}, {}
    for number, hop in enumerate(sorted(columns)):
        x, column = _EDGE + number * (_WIDTH + _ACROSS), columns[hop]
        y = _EDGE + (tallest - sum(heights[p] + _BETWEEN for p in column) + _BETWEEN) / 2
        for place in column:
            cards[place] = _card(found, place, order[place], x, y, words)
            for at, one in zip(_places(found.groups[place], order[place]), cards[place].rows, strict=True):
                middles[place, at] = one.y + _ROW / 2
            middles.setdefault((place, _HEADING), y + _HEAD / 2)
            y += heights[place] + _BETWEEN
    curves = tuple(_curve(tie, cards, middles) for tie in found.ties)
    start = next(c for c in cards.values() if any(row.is_start for row in c.rows) or c.x == _start_x(columns))
    return Graph(
        width=2 * _EDGE + len(columns) * (_WIDTH + _ACROSS) - _ACROSS,
        height=tallest + 2 * _EDGE,
        label=f"Lineage of {found.start}",
        cards=tuple(cards[place] for place in sorted(cards, key=lambda p: (cards[p].x, cards[p].y))),
        curves=curves,
        center=start.x + _WIDTH / 2,
        middle=start.y + start.height / 2,
    )


def _start_x(columns: Mapping[int, Sequence[int]]) -> float:
    return _EDGE + sorted(columns).index(0) * (_WIDTH + _ACROSS)


def _columns(found: Neighbourhood) -> dict[int, list[int]]:
    columns: dict[int, list[int]] = defaultdict(list)
    for place, group in enumerate(found.groups):
        columns[group.hop].append(place)
    return dict(columns)


def _height(group: Group) -> float:
    rows = len(group.nodes) + bool(group.more)
    return _HEAD + rows * _ROW + (_FOOT if rows else 0)


def _ordered(found: Neighbourhood, columns: dict[int, list[int]]) -> dict[int, list[int]]:
    """Put cards, and rows within them, in an order in which few curves cross; return the order of rows by card.

    Rows of columns keep the order of their table, which is how people look for them.
    """
    rows = {place: list(range(len(group.nodes))) for place, group in enumerate(found.groups)}
    near: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for source, target in found.ties:
        near[source].append(target)
        near[target].append(source)
    hops = sorted(columns)
    outward = sorted(h for h in hops if h > 0) + sorted((h for h in hops if h < 0), reverse=True)
    for sweep in range(_SWEEPS):
        for hop in outward if sweep % 2 == 0 else [*reversed(outward), *([0] if 0 in columns else [])]:
            spots = _spots(columns, rows)
            for place in columns[hop]:
                if found.groups[place].key is None:
                    rows[place].sort(key=lambda row, p=place: _middle([(p, row)], near, spots))  # type: ignore[misc]
            columns[hop].sort(key=lambda p: _middle([(p, row) for row in (*rows[p], _HEADING)], near, spots))
    return rows


def _spots(columns: Mapping[int, Sequence[int]], rows: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], float]:
    """Return how far down its column each row is, from 0 to 1."""
    found = {}
    for column in columns.values():
        flat = [(place, row) for place in column for row in (_HEADING, *rows[place])]
        for at, spot in enumerate(flat):
            found[spot] = (at + 1) / (len(flat) + 1)
    return found


def _middle(
    of: Sequence[tuple[int, int]],
    near: Mapping[tuple[int, int], Sequence[tuple[int, int]]],
    spots: Mapping[tuple[int, int], float],
) -> float:
    """Return the mean place of what some rows are tied to; their own where they are tied to nothing."""
    ends = [spots[end] for spot in of for end in near.get(spot, ()) if end in spots]
    return sum(ends) / len(ends) if ends else spots[of[0]]


def _places(group: Group, order: Sequence[int]) -> list[int]:
    return [*order, *([_HEADING] if group.more else [])]


def _card(found: Neighbourhood, place: int, order: Sequence[int], x: float, y: float, words: Words) -> Card:
    group = found.groups[place]
    rows = [_row(found, place, at, y + _HEAD + n * _ROW, words) for n, at in enumerate(order)]
    if group.more:
        rows.append(_rest(group, place, y + _HEAD + len(rows) * _ROW, words))
    title = group.title or (f"{group.others} more products" if group.others else "of no product")
    return Card(
        x=x,
        y=y,
        width=_WIDTH,
        height=_height(group),
        title=title,
        shown=_titled(title),
        href=words.group_href(group),
        count=f"{group.count:,}" if group.count > 1 else "",
        rows=tuple(rows),
        is_after=group.hop >= 0,
    )


def _titled(title: str) -> str:
    """Return as much of a dotted name as a heading has room for, its last parts first."""
    parts = title.split(".")
    for first in range(len(parts)):
        if len(told := ".".join(parts[first:])) <= _LETTERS - 3:
            return told
    return _shortened(parts[-1], _LETTERS - 3)


def _row(found: Neighbourhood, place: int, at: int, y: float, words: Words) -> Row:
    group = found.groups[place]
    node = group.nodes[at]
    name = f"{node.key}.{node.column}" if node.column else str(node.key)
    own = node.column or node.key.id.removeprefix(f"{group.title}.")
    return Row(
        id=f"n{place}-{at}",
        y=y,
        name=str(node),
        shown=_shortened(own, _LETTERS - (5 if group.key is None and node.key.kind != "asset" else 0)),
        kind="" if node.column or node.key.kind == "asset" else words.kind(node.key.kind),
        href=words.href(name),
        mark=words.mark(node.key.id) if node.key.kind == "asset" and not node.column else None,
        is_start=_is_start(found, node),
        beyond=group.beyond[at],
        grows=words.grow(name) if group.beyond[at] else "",
    )


def _is_start(found: Neighbourhood, node: Node) -> bool:
    return node.key == found.start.key and node.column == found.start.column


def _rest(group: Group, place: int, y: float, words: Words) -> Row:
    told = f"{group.more:,} more" if group.nodes else f"{group.more:,} together"
    return Row(f"n{place}-rest", y, told, told, "", words.open(group.name), more=group.more)


def _shortened(text: str, letters: int) -> str:
    """Return a name with its middle left out where there is no room: its ends tell it apart."""
    if len(text) <= letters:
        return text
    after = (letters - 1) // 2
    return f"{text[: letters - 1 - after]}…{text[-after:]}"


def _curve(tie: Tie, cards: Mapping[int, Card], middles: Mapping[tuple[int, int], float]) -> Curve:
    source, target = cards[tie.source.group], cards[tie.target.group]
    y1, y2 = middles[tie.source], middles[tie.target]
    x1, x2 = source.x + source.width, target.x
    if x2 > x1:
        bend = (x1 + x2) / 2 if x2 - x1 < 2 * _ACROSS else x1 + _ACROSS / 2
        path = f"M{x1:g} {y1:g}C{bend:g} {y1:g} {x1 + x2 - bend:g} {y2:g} {x2:g} {y2:g}"
    else:  # within a column, or back: around the right side
        out, x2 = max(x1, target.x + target.width) + _ACROSS / 2, target.x + target.width
        path = f"M{x1:g} {y1:g}C{out:g} {y1:g} {out:g} {y2:g} {x2:g} {y2:g}"
    return Curve(path, _end(tie.source), _end(tie.target))


def _end(spot: tuple[int, int]) -> str:
    return f"n{spot[0]}-{'rest' if spot[1] == _HEADING else spot[1]}"
