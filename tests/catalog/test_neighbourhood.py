"""What stands around a start, to be drawn: grouped, bounded, and nothing that is not there."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from listings import asset, entry, flow, model, told

from freehold.catalog import Catalog, Group, Neighbourhood, View
from freehold.catalog.neighbourhood import NAMED, NAMED_OPEN

ENTRIES = (
    asset("shop.raw.orders", "id", "price"),
    asset("shop.core.orders", "id", "amount"),
    asset("shop.core.days", "day", "revenue"),
    asset("fin.board.pack", "revenue"),
    asset("fin.board.archive", "revenue"),
    asset("ml.model.scores"),
    entry("metric", "shop.revenue", product="shop.core"),
    entry("dashboard", "d/board"),
)
JOBS = (
    model("shop.core.orders", flow("shop.raw.orders.price", "shop.core.orders.amount"),
          flow("shop.raw.orders.id", "shop.core.orders.id")),
    model("shop.core.days", flow("shop.core.orders.amount", "shop.core.days.revenue")),
    model("fin.board.pack", flow("shop.core.days.revenue", "fin.board.pack.revenue")),
    model("fin.board.archive", flow("fin.board.pack.revenue", "fin.board.archive.revenue")),
    model("ml.model.scores", flow("shop.core.orders.*", "ml.model.scores.?")),
    model("metric:shop.revenue", flow("shop.core.days.revenue", "metric:shop.revenue", "reads")),
    model("dashboard:d/board", flow("fin.board.pack.revenue", "dashboard:d/board", "reads")),
)  # fmt: skip
HUB, MANY = "hub.core.orders", 3_000


@pytest.fixture
def shop(catalog: Catalog) -> Catalog:
    """A catalog in which a price goes all the way to the board."""
    catalog.update(told(ENTRIES, JOBS))
    return catalog


def shown(found: Neighbourhood) -> dict[str, list[str]]:
    """Return the groups by name with the nodes that each names."""
    return {group.name: [str(node) for node in group.nodes] for group in found.groups}


def tied(found: Neighbourhood) -> set[tuple[str, str]]:
    """Return the ties by the names of their ends; a group stands for those that it does not name."""

    def end(group: Group, node: int) -> str:
        return str(group.nodes[node]) if node >= 0 else group.name

    return {(end(found.groups[a.group], a.node), end(found.groups[b.group], b.node)) for a, b in found.ties}


def test_two_steps_each_way_stand_in_their_products(shop: Catalog) -> None:
    """Around an asset: what it comes from, what it goes into, each with its product, and how many lie beyond."""
    found = shop.around(shop.find("shop.core.orders"))

    assert shown(found) == {
        "-1:shop.raw": ["shop.raw.orders"],
        "0:shop.core": ["shop.core.orders"],
        "1:shop.core": ["shop.core.days"],
        "1:ml.model": ["ml.model.scores"],
        "2:shop.core": ["shop.revenue"],
        "2:fin.board": ["fin.board.pack"],
    }
    assert tied(found) == {
        ("shop.raw.orders", "shop.core.orders"), ("shop.core.orders", "shop.core.days"),
        ("shop.core.orders", "ml.model.scores"), ("shop.core.days", "shop.revenue"),
        ("shop.core.days", "fin.board.pack"),
    }  # fmt: skip
    assert {str(n): b for g in found.groups for n, b in zip(g.nodes, g.beyond, strict=True) if b} == {
        "fin.board.pack": 2  # the archive and the dashboard, which are a third step
    }
    assert (found.before, found.after, found.is_cut) == (1, 4, False)


def test_a_node_is_gone_on_from_where_somebody_asks(shop: Catalog) -> None:
    """One more step from one node alone; from what came of it, one more again."""
    start = shop.find("shop.core.orders")
    grown = shop.around(start, View(grown=("asset:fin.board.pack",)))

    assert shown(grown)["3:fin.board"] == ["fin.board.archive"]
    assert shown(grown)["3:dashboard:"] == ["d/board"]
    assert shown(shop.around(start, View(grown=("asset:no.such.thing", "nonsense")))) == shown(shop.around(start))


def test_columns_stand_in_their_assets(shop: Catalog) -> None:
    """By columns: each asset once, with the columns that are reached; what has none stands with its product."""
    found = shop.around(shop.find("shop.core.orders"), View(by_columns=True))

    assert shown(found) == {
        "-1:asset:shop.raw.orders": ["shop.raw.orders.id", "shop.raw.orders.price"],
        "0:asset:shop.core.orders": ["shop.core.orders.id", "shop.core.orders.amount"],
        "1:asset:shop.core.days": ["shop.core.days.revenue"],
        "1:asset:ml.model.scores": [],
        "2:asset:fin.board.pack": ["fin.board.pack.revenue"],
        "2:shop.core": ["shop.revenue"],
    }
    assert ("0:asset:shop.core.orders", "1:asset:ml.model.scores") in tied(found)  # it reads the whole
    assert ("shop.raw.orders.price", "shop.core.orders.amount") in tied(found)


def test_a_column_is_drawn_by_columns(shop: Catalog) -> None:
    """A start that is a column shows only what that column goes into and comes from."""
    found = shop.around(shop.find("shop.core.orders.amount"))

    assert shown(found)["-1:asset:shop.raw.orders"] == ["shop.raw.orders.price"]
    assert shown(found)["0:asset:shop.core.orders"] == ["shop.core.orders.amount"]


@pytest.fixture
def hub(catalog: Catalog) -> Catalog:
    """A catalog in which one asset goes into three thousand, of three hundred products."""
    leaves = [asset(f"d.p{n // 10:03}.a{n % 10}") for n in range(MANY)]
    jobs = [model(f"d.p{n // 10:03}.a{n % 10}", flow(f"{HUB}.*", f"d.p{n // 10:03}.a{n % 10}.?")) for n in range(MANY)]
    wide = [asset(f"one.wide.a{n:03}") for n in range(100)]
    jobs += [model(f"one.wide.a{n:03}", flow("one.core.few.*", f"one.wide.a{n:03}.?")) for n in range(100)]
    catalog.update(told([asset(HUB, "id"), asset("one.core.few", "id"), *leaves, *wide], jobs))
    return catalog


def test_a_node_with_thousands_of_neighbours_is_a_few_groups(hub: Catalog) -> None:
    """The largest products by name, the rest as one count that says of how many products it is."""
    found = hub.around(hub.find(HUB))
    after = [group for group in found.groups if group.hop == 1]

    assert sum(group.count for group in after) == found.after == MANY
    assert len(after) <= 11
    assert next(group for group in after if group.others).others == 290
    assert len(found.ties) <= sum(len(group.nodes) + 1 for group in after)
    assert found.is_cut  # it goes no further from so many


def test_a_group_names_more_where_it_is_opened(hub: Catalog) -> None:
    """Closed it names a few, opened some dozens, and always says how many it has."""
    start = hub.find("one.core.few")
    closed = hub.around(start).groups[-1]
    opened = hub.around(start, View(opened=frozenset({closed.name}))).groups[-1]

    assert (len(closed.nodes), closed.more) == (NAMED, 100 - NAMED)
    assert (len(opened.nodes), opened.more) == (NAMED_OPEN, 100 - NAMED_OPEN)


def test_what_may_not_be_seen_is_no_part_of_a_drawing(shop: Catalog) -> None:
    """No group, no tie, no count beyond tells of a product that the caller may not see."""
    allowed = frozenset({"shop.raw", "shop.core", "ml.model"})
    found = shop.around(shop.find("shop.core.orders"), allowed=allowed)

    assert "fin" not in repr(found.groups)
    assert not any(count for group in found.groups for count in group.beyond)


EDGES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30, unique=True)


@given(EDGES, st.integers(0, 9), st.integers(1, 3))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_drawing_is_the_graph_around_its_start(
    catalog: Catalog, edges: list[tuple[int, int]], start: int, depth: int
) -> None:
    """Whatever the graph, with cycles: each node once, at its distance, and exactly the edges between them."""
    names = [f"p.q{n // 3}.a{n}" for n in range(10)]
    by_target = {t: [flow(f"{names[s]}.*", f"{names[t]}.?") for s, u in edges if u == t] for t in range(10)}
    jobs = [model(names[t], *flows) for t, flows in by_target.items() if flows]
    catalog.update(told(map(asset, names), jobs))
    found = catalog.around(catalog.find(names[start]), View(up=depth, down=depth))

    drawn = Counter(str(node) for group in found.groups for node in group.nodes)
    near = {names[start]}
    for side in (0, 1):
        level = {start}
        for _ in range(depth):
            level = {edge[1 - side] for edge in edges if edge[side] in level}
            near |= {names[n] for n in level}
    assert drawn == Counter(near)
    assert tied(found) == {(names[s], names[t]) for s, t in edges if names[s] in near and names[t] in near and s != t}
