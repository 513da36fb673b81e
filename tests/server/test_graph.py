"""Lineage as geometry: cards that keep out of each other's way, curves that begin and end at their rows."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from freehold.catalog import Group, Key, Neighbourhood, Node, Spot, Start, Tie
from freehold.server.web.graph import Graph, Words, drawn
from freehold.server.web.model import Mark

WORDS = Words(
    href=lambda name: f"/of/{name}",
    open=lambda name: f"/open/{name}",
    grow=lambda name: f"/grow/{name}",
    group_href=lambda group: f"/group/{group.title}",
    kind=lambda kind: kind,
    mark=lambda asset: Mark("ok", "live") if asset.startswith("a") else None,
)


def group(hop: int, title: str, *names: str, more: int = 0) -> Group:
    """Return a group of assets at a distance."""
    nodes = tuple(Node(Key("asset", name), "", hop) for name in names)
    return Group(f"{hop}:{title}", title, hop, len(nodes) + more, nodes, tuple(0 for _ in nodes))


def neighbourhood(groups: list[Group], ties: list[Tie]) -> Neighbourhood:
    """Return groups around an asset called `start`."""
    return Neighbourhood(Start(Key("asset", "start"), 1), tuple(groups), tuple(ties))


@st.composite
def neighbourhoods(draw: st.DrawFn) -> Neighbourhood:
    """Draw any groups around a start, and any ties between them, also back and within a column."""
    groups = [group(0, "p", "start")]
    for hop in (-2, -1, 1, 2):
        for number in range(draw(st.integers(0, 3))):
            names = [f"{hop}.{number}.{n}" for n in range(draw(st.integers(0, 4)))]
            groups.append(group(hop, f"p{number}", *names, more=draw(st.sampled_from((0, 7)))))
    spots = [Spot(g, n) for g, one in enumerate(groups) for n in (*range(len(one.nodes)), -1)]
    ends = st.sampled_from(spots)
    ties = draw(st.lists(st.builds(Tie, ends, ends).filter(lambda tie: tie.source != tie.target), max_size=20))
    return neighbourhood(groups, ties)


@given(neighbourhoods())
def test_a_drawing_holds_everything_and_nothing_overlaps(found: Neighbourhood) -> None:
    """Each group is a card, each node and rest a row within its card, and no card lies on another."""
    graph = drawn(found, WORDS)

    assert len(graph.cards) == len(found.groups)
    assert sum(len(card.rows) for card in graph.cards) == sum(len(g.nodes) + bool(g.more) for g in found.groups)
    for card in graph.cards:
        assert min(card.x, card.y) >= 0
        assert card.x + card.width <= graph.width
        assert card.y + card.height <= graph.height
        assert all(card.y < row.y < card.y + card.height for row in card.rows)
    for a, b in combinations(graph.cards, 2):
        beside = a.x + a.width <= b.x or b.x + b.width <= a.x
        assert beside or a.y + a.height <= b.y or b.y + b.height <= a.y


@given(neighbourhoods())
def test_a_curve_joins_the_rows_it_is_of(found: Neighbourhood) -> None:
    """It begins at the right edge of one row and ends at an edge of the other, in the middle of their height."""
    graph = drawn(found, WORDS)
    rows = {row.id: (card, row) for card in graph.cards for row in card.rows}

    assert len(graph.curves) == len(found.ties)
    for curve in graph.curves:
        x1, y1, *_, x2, y2 = (float(part) for part in curve.path[1:].replace("C", " ").split())
        if curve.source in rows:
            card, row = rows[curve.source]
            assert (x1, y1) == (card.x + card.width, row.y + 13)
        if curve.target in rows:
            card, row = rows[curve.target]
            assert x2 in (card.x, card.x + card.width)
            assert y2 == row.y + 13


def crossings(graph: Graph) -> int:
    """Count the pairs of curves between the same two columns that cross."""
    lines = []
    for curve in graph.curves:
        x1, y1, *_, x2, y2 = (float(part) for part in curve.path[1:].replace("C", " ").split())
        lines.append((x1, x2, y1, y2))
    return sum(
        a[:2] == b[:2] and (a[2] - b[2]) * (a[3] - b[3]) < 0 for a, b in combinations(lines, 2)
    )  # fmt: skip


def test_cards_are_put_in_an_order_in_which_curves_do_not_cross() -> None:
    """Two chains given upside down are drawn side by side."""
    groups = [
        group(0, "p", "start"), group(1, "one", "one.a"), group(1, "two", "two.a"),
        group(2, "three", "three.a"), group(2, "four", "four.a"),
    ]  # fmt: skip
    ties = [(0, 1), (0, 2), (1, 4), (2, 3)]
    graph = drawn(neighbourhood(groups, [Tie(Spot(a, 0), Spot(b, 0)) for a, b in ties]), WORDS)

    assert crossings(graph) == 0


def test_rows_say_what_they_are_and_lead_on() -> None:
    """A row has the last part of its name, its state and its way; what is not named is one row that opens it."""
    one = group(1, "shop.orders", "shop.orders.a_name_that_is_far_too_long_for_a_card", more=12)
    graph = drawn(neighbourhood([group(0, "p", "start"), one], []), WORDS)
    first, rest = graph.cards[1].rows

    assert (first.shown, first.name) == ("a_name_that_i…ng_for_a_card", one.nodes[0].key.id)
    assert first.href == f"/of/asset:{one.nodes[0].key.id}"
    assert (rest.shown, rest.href) == ("12 more", "/open/1:shop.orders")
    assert graph.cards[0].rows[0].is_start
