"""What goes into what: by column and by entry, in counts first, with who is hit."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from listings import asset, entry, flow, model, told

from freehold.catalog import Catalog, Key
from freehold.catalog.entry import Flow
from freehold.catalog.impact import SHOWN, blast_radius, reach
from freehold.catalog.memory import Memory
from freehold.catalog.neighbourhood import View, around
from freehold.foundation import FreeholdError
from freehold.ledger import Event, Ledger
from live_process import until

ENTRIES = (
    asset("shop.raw.orders", "id", "price", "state"),
    asset("shop.core.orders", "id", "amount", owner="shop"),
    asset("shop.core.days", "day", "revenue", owner="shop"),
    asset("fin.board.pack", "revenue", owner="finance"),
    asset("ml.model.scores", owner="ml"),
    entry("metric", "shop.revenue", scope=("shop.core",), owner="shop", status="certified"),
    entry("dashboard", "d/board", owner="finance", viewers=41),
)
JOBS = (
    model("shop.core.orders", flow("shop.raw.orders.price", "shop.core.orders.amount", "transformation"),
          flow("shop.raw.orders.id", "shop.core.orders.id"),
          flow("shop.raw.orders.state", "shop.core.orders.?", "filter", is_direct=False)),
    model("shop.core.days", flow("shop.core.orders.amount", "shop.core.days.revenue", "aggregation")),
    model("fin.board.pack", flow("shop.core.days.revenue", "fin.board.pack.revenue")),
    model("ml.model.scores", flow("shop.core.orders.*", "ml.model.scores.?", "transformation")),
    model("metric:shop.revenue", flow("shop.core.days.revenue", "metric:shop.revenue", "reads")),
    model("dashboard:d/board", flow("fin.board.pack.revenue", "dashboard:d/board", "reads")),
)  # fmt: skip


@pytest.fixture
def shop(catalog: Catalog) -> Catalog:
    """A catalog in which a price goes all the way to the board."""
    catalog.update(told(ENTRIES, JOBS))
    return catalog


def hops(catalog: Catalog, name: str, **more: object) -> list[list[str]]:
    """Return the names at each distance."""
    reached = catalog.reach(catalog.find(name), **more)  # type: ignore[arg-type]
    return [sorted(map(str, hop.nodes)) for hop in reached.hops]


def test_a_column_is_followed_by_columns(shop: Catalog) -> None:
    """Each hop names the columns it reaches; one that reads the whole table is reached by every column of it."""
    assert hops(shop, "shop.raw.orders.price") == [
        ["shop.core.orders.amount"],
        ["ml.model.scores.?", "shop.core.days.revenue"],
        ["fin.board.pack.revenue", "shop.revenue"],
        ["d/board"],
    ]
    assert hops(shop, "shop.raw.orders.id") == [["shop.core.orders.id"], ["ml.model.scores.?"]]


def test_upstream_leads_back_to_the_source(shop: Catalog) -> None:
    """The other way round: from the board to the price."""
    assert hops(shop, "d/board", down=False) == [
        ["fin.board.pack"], ["shop.core.days"], ["shop.core.orders"], ["shop.raw.orders"],
    ]  # fmt: skip
    assert hops(shop, "fin.board.pack.revenue", down=False)[-1] == ["shop.raw.orders.price"]


def test_what_only_decides_is_followed_on_ask(shop: Catalog) -> None:
    """A filter column reaches nothing by default; asked for, it reaches every column of what it decides."""
    assert hops(shop, "shop.raw.orders.state") == []
    assert hops(shop, "shop.raw.orders.state", indirect=True)[0] == ["shop.core.orders.amount", "shop.core.orders.id"]


def test_depth_ends_a_walk(shop: Catalog) -> None:
    """No further than was asked for."""
    assert hops(shop, "shop.raw.orders", depth=1) == [["shop.core.orders"]]


def test_counts_are_told_by_product(shop: Catalog) -> None:
    """How many of each product, the most first."""
    assert shop.reach(shop.find("shop.raw.orders")).products == {"shop.core": 2, "": 2, "fin.board": 1, "ml.model": 1}


def test_a_path_says_how_and_where(shop: Catalog) -> None:
    """A way from one column to another: each step with what it does and the line that says so."""
    steps = shop.path(shop.find("shop.raw.orders.price"), shop.find("fin.board.pack.revenue"))

    assert [(str(s.source), str(s.target), s.how) for s in steps] == [
        ("shop.raw.orders.price", "shop.core.orders.amount", "transformation"),
        ("shop.core.orders.amount", "shop.core.days.revenue", "aggregation"),
        ("shop.core.days.revenue", "fin.board.pack.revenue", "identity"),
    ]
    assert all(step.where == "estate.yaml:1" for step in steps)
    assert shop.path(shop.find("fin.board.pack"), shop.find("shop.raw.orders")) == ()
    assert len(shop.path(shop.find("shop.raw.orders"), shop.find("d/board"))) == 4


def test_the_blast_radius_names_whom_to_tell(shop: Catalog, ledger: Ledger) -> None:
    """Assets and metrics counted, dashboards with owners, services by name, people counted and never named."""
    when = datetime(2011, 3, 1, 5, tzinfo=UTC)
    reads = [
        Event("usage.query", {"consumer": who, "consumer_type": kind, "resource": of, "status": "ok"}, occurred_at=when)
        for who, kind, of in (
            ("user:ada", "person", "fin.board.pack"), ("user:bob", "person", "fin.board.pack"),
            ("user:ada", "person", "shop.core.days"), ("nightly", "service", "shop.core.days"),
            ("nightly", "service", "fin.board.pack"),
        )
    ]  # fmt: skip
    ledger.raw.append("usage.query", reads)
    shop.update(None, ledger)
    found = shop.blast_radius(shop.find("shop.raw.orders"))

    assert (found.assets, found.persons) == (4, 2)
    assert [(m.key.id, m.status) for m in found.metrics] == [("shop.revenue", "certified")]
    assert [d.key.id for d in found.dashboards] == ["d/board"]
    assert dict(found.owners) == {"shop": 3, "finance": 2, "ml": 1}
    assert [(s.name, s.kind, s.reads, s.assets) for s in found.services] == [("nightly", "service", 2, 2)]
    assert "user:" not in str(found.to_json())


def test_a_circle_ends(catalog: Catalog) -> None:
    """Edges in a circle are walked once round, and the start is not reached from itself."""
    ring = [f"a.b.n{i}" for i in range(5)]
    jobs = [model(to, flow(f"{of}.x", f"{to}.x")) for of, to in zip(ring, ring[1:] + ring[:1], strict=True)]
    catalog.update(told([asset(name, "x") for name in ring], jobs))

    assert hops(catalog, "a.b.n0.x", depth=30) == [[f"a.b.n{i}.x"] for i in range(1, 5)]
    assert hops(catalog, "a.b.n0", depth=30, down=False) == [[f"a.b.n{i}"] for i in (4, 3, 2, 1)]


def test_ten_thousand_neighbours_are_a_number(catalog: Catalog) -> None:
    """A table that ten thousand read is answered with their number, by product, and the few that matter most."""
    names = [f"team{i % 7}.p.t{i:05}" for i in range(10_000)]
    entries = [
        asset("hub.core.all", "x"),
        *(asset(n, "x") for n in names),
        entry("metric", "m.top", status="certified"),
    ]
    jobs = [model(n, flow("hub.core.all.x", f"{n}.x")) for n in names]
    jobs.append(model("metric:m.top", flow("hub.core.all.x", "metric:m.top")))
    catalog.update(told(entries, jobs))
    hop = catalog.reach(catalog.find("hub.core.all.x"), depth=1).hops[0]

    assert (hop.count, len(hop.nodes), hop.more) == (10_001, SHOWN, 10_001 - SHOWN)
    assert hop.nodes[0].key == Key("metric", "m.top")
    assert sum(hop.products.values()) == 10_001
    assert len(hop.products) == 8


@pytest.mark.parametrize(
    ("name", "code"),
    [("nothing.like.this", "FH-F004"), ("orders", "FH-F005"), ("shop.core.days.revenu", "FH-F004"), ("", "FH-F004")],
    ids=["no such entry", "two of a name", "no such column", "no name"],
)
def test_a_name_that_means_nothing_or_too_much(shop: Catalog, name: str, code: str) -> None:
    """A name that cannot be followed says what it could be."""
    with pytest.raises(FreeholdError) as error:
        shop.find(name)

    assert error.value.code == code
    assert error.value.fix


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shop.core.orders.AMOUNT", "shop.core.orders.amount"),
        ("shop.core.order", "The catalog has nothing called `shop.core.order`. Did you mean `shop.core.orders`"),
        ("shop.core.orders.amout", "`shop.core.orders` has no column `amout`. Did you mean `amount`?"),
        ("shop.revenue.amount", "The catalog has nothing called `shop.revenue.amount`."),
    ],
    ids=["a column in other letters", "what a product and a metric begin", "no such column", "a column of a metric"],
)
def test_what_has_no_columns_is_not_blamed_for_having_none(catalog: Catalog, name: str, said: str) -> None:
    """A product or a metric may be called as the beginning of a name that is misspelled."""
    called = (entry("product", "shop.core"), entry("metric", "shop.core"), *ENTRIES)
    catalog.update(told(called, JOBS))
    try:
        found = str(catalog.find(name))
    except FreeholdError as error:
        found = f"{error.problem} {error.fix}"

    assert found.startswith(said)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30), st.integers(1, 6))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=timedelta(seconds=5))
def test_reach_is_what_a_search_in_breadth_finds(catalog: Catalog, edges: list[tuple[int, int]], depth: int) -> None:
    """On any graph, circles and loops among them, each node is at its least distance, and no other is there."""
    into: dict[int, list[int]] = {}
    for source, target in edges:
        into.setdefault(target, []).append(source)
    jobs = [
        model(f"a.b.n{t}", *(flow(f"a.b.n{s}.x", f"a.b.n{t}.x") for s in dict.fromkeys(of))) for t, of in into.items()
    ]
    catalog.update(told([asset(f"a.b.n{i}", "x") for i in range(10)], jobs))
    expected, level = {0: 0}, {0}
    for hop in range(1, depth + 1):
        level = {t for s, t in edges if s in level and t not in expected}
        expected |= dict.fromkeys(level, hop)

    reached = catalog.reach(catalog.find("a.b.n0.x"), depth=depth)
    assert {int(str(n)[5]): n.hop for hop in reached.hops for n in hop.nodes} == {
        n: h for n, h in expected.items() if n
    }


columns_of = st.sampled_from(["*", "?", "a", "b"])
ends_of = st.tuples(st.integers(0, 7), columns_of)
graphs = st.lists(st.tuples(ends_of, ends_of), max_size=24)


@given(
    graphs=st.lists(graphs, min_size=1, max_size=4),
    made_at=st.integers(0, 3),
    shown=st.integers(1, 4),
    certified=st.sets(st.integers(0, 7)),
    unseen=st.sets(st.integers(0, 2)),
    indirect=st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_told_from_arrays_is_what_the_tables_tell(
    tmp_path_factory: pytest.TempPathFactory,
    graphs: list[Any],
    made_at: int,
    shown: int,
    certified: set[int],
    unseen: set[int],
    indirect: bool,
) -> None:
    """However a catalog changes after they were made: what is reached, who is hit, and what is drawn."""
    with Catalog(tmp_path_factory.mktemp("arrays")) as catalog:
        memory = Memory(catalog._store)
        for turn, edges in enumerate(graphs):
            entries = [
                asset(f"p{n % 3}.a.t{n}", "a", "b", status="certified" if n in certified and turn else "",
                      scope=(f"p{(n + turn) % 3}.a",))
                for n in range(8)
            ]  # fmt: skip
            names = [one.key.id for one in entries]
            flows: dict[int, list[Flow]] = {}
            for (a, x), (b, y) in edges:
                if a != b:
                    flows.setdefault(b, []).append(
                        flow(f"{names[a]}.{x}", f"{names[b]}.{y}", is_direct=(a + b) % 4 > 0)
                    )
            catalog.update(told(entries, [model(names[b], *found) for b, found in flows.items()]))
            scopes = frozenset(f"p{n}.a" for n in range(3) if n not in unseen) if unseen else None
            with catalog._reading() as connection:
                if turn == min(made_at, len(graphs) - 1):
                    memory.make(connection)
                arrays = memory.at(connection)
                if arrays is None and turn >= made_at:  # no edge was there when they were made
                    memory.make(connection)
                    arrays = memory.at(connection)
                assert (arrays is not None) == (turn >= min(made_at, len(graphs) - 1))
                for name in names:
                    for start in (catalog.find(name), catalog.find(f"{name}.a")):
                        for down in (True, False):
                            asked = {"down": down, "shown": shown, "scopes": scopes, "indirect": indirect}
                            assert reach(connection, start, **asked, arrays=arrays) == reach(connection, start, **asked)
                        asked = {"shown": shown, "scopes": scopes, "indirect": indirect}
                        hit = blast_radius(connection, start, **asked, arrays=arrays)
                        assert hit == blast_radius(connection, start, **asked)
                        for view in (View(), View(3, 1, by_columns=True)):
                            drawn = around(connection, start, view, scopes, arrays)
                            assert drawn == around(connection, start, view, scopes)


def test_arrays_are_made_in_the_background_and_anew_for_another_catalog(shop: Catalog, tmp_path: Path) -> None:
    """Until they are there the tables are asked; those of a catalog that was dropped are not asked any more."""
    memory = Memory(shop._store)
    with shop._reading() as connection:
        assert memory.at(connection) is None
    memory.keep()
    with shop._reading() as connection:
        first = until(lambda: memory.at(connection), "they are made")
    shop.rebuild(told(ENTRIES, JOBS))

    def at() -> object:
        with shop._reading() as connection:
            return memory.at(connection)

    assert at() is None
    again = until(at, "they are made anew")
    memory.close()
    assert (again.life == first.life, at()) == (False, None)


def test_closing_breaks_off_what_is_being_made(shop: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ends does not wait for five million edges."""
    begun = threading.Event()

    def made(connection: sqlite3.Connection, *_: object) -> None:
        begun.set()
        endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
        connection.execute(endless).fetchone()

    monkeypatch.setattr("freehold.catalog.arrays.made", made)
    memory = Memory(shop._store)
    memory.keep()
    assert begun.wait(60)
    closing_ = threading.Thread(target=memory.close, daemon=True)
    closing_.start()
    closing_.join(60)

    assert not closing_.is_alive()


def test_whoever_reads_an_earlier_state_is_not_told_a_later_one(shop: Catalog) -> None:
    """Arrays that are ahead of what a reader sees are not asked."""
    memory = Memory(shop._store)
    with shop._reading() as connection:
        early = Path(connection.execute("PRAGMA database_list").fetchone()[2])
    with closing(sqlite3.connect(early, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM asset").fetchone()[0]
        shop.update(told((*ENTRIES, asset("new.one.here", "id")), JOBS))
        with shop._reading() as connection:
            memory.make(connection)
            assert memory.at(connection) is not None

        assert memory.at(reader) is None
