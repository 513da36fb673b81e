"""Who reads assets from outside: names found again in the graph, and what a plan does to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from shop import MODELS, RAW, column, contract, shop

from freehold.delivery.consumers import Consumers, consumers_of, described
from freehold.delivery.graph import Graph
from freehold.delivery.lineage import Field, estate_lineage
from freehold.delivery.plan import Plan, Version, plan
from freehold.delivery.plan.markdown import comment
from freehold.estate.dashboards import Dashboard, Reading
from freehold.foundation import FreeholdError, Where

LINES, DAILY, TOTALS = "shop.orders.lines", "shop.orders.daily", "shop.orders.totals"
HERE = Where("bi/dashboards.csv", 2, 1)


def board(*reads: Reading | str, **said: object) -> Dashboard:
    """Return a dashboard that reads columns, written `asset.column`, or whatever readings say."""
    made = [r if isinstance(r, Reading) else Reading(*r.rsplit(".", 1)) for r in reads]
    known = {"id": "board-pack", "name": "Board pack", "tool": "csv", "where": HERE, "owner": "finance", "viewers": 41}
    return Dashboard(**{**known, **said, "reads": tuple(made)})  # type: ignore[arg-type]


def found(root: Path, *dashboards: Dashboard, dialect: str = "duckdb", env: str = "prod") -> Consumers:
    """Return who reads the shop, held against the columns of its lineage."""
    estate = shop(root)
    graph = Graph.of(estate, env, dialect)
    columns = estate_lineage(graph, estate, dialect).columns
    return consumers_of(dashboards, graph.assets.values(), "prod", dialect, columns)


NAMES: list[tuple[str, str, str, str, str | None]] = [
    ("an id", DAILY, "revenue", "duckdb", "revenue"),
    ("the relation", "shop_orders.daily", "revenue", "duckdb", "revenue"),
    ("the database before it", "lake.shop_orders.daily", "revenue", "duckdb", "revenue"),
    ("another case, where case is nothing", "SHOP_ORDERS.Daily", "Revenue", "duckdb", "revenue"),
    ("another case without quotes", "SHOP_ORDERS.Daily", "Revenue", "postgres", "revenue"),
    ("quotes", '"shop_orders"."daily"', "revenue", "postgres", "revenue"),
    ("brackets", "[shop_orders].[daily]", "revenue", "duckdb", "revenue"),
    ("ticks", "`shop_orders`.`daily`", "revenue", "duckdb", "revenue"),
    ("quotes that hold another case", '"Shop_Orders"."daily"', "revenue", "postgres", None),
    ("no schema", "daily", "revenue", "duckdb", None),
    ("no such table", "shop_orders.dayly", "revenue", "duckdb", None),
    ("too many parts", "a.b.shop_orders.daily", "revenue", "duckdb", None),
]


@pytest.mark.parametrize(("of", "column", "dialect", "expected"), [n[1:] for n in NAMES], ids=[n[0] for n in NAMES])
def test_a_reading_means_an_asset_by_its_names(
    tmp_path: Path, of: str, column: str, dialect: str, expected: str | None
) -> None:
    """Its id or its relation, compared as the dialect compares; a near name is named and not taken."""
    consumers = found(tmp_path, board(Reading(of, column)), dialect=dialect)

    read = [(asset, sorted(r.columns)) for asset, reads in consumers.reads.items() for r in reads]
    assert read == ([(DAILY, [expected])] if expected else [])
    assert [error.code for error in consumers.strange] == ([] if expected else ["FH-X210"])


def test_names_that_are_near_are_offered(tmp_path: Path) -> None:
    """At the row that says so, for an asset and for a column."""
    row = Where("bi/dashboards.csv", 7, 1)
    consumers = found(
        tmp_path, board(Reading("shop_orders.dayly", "", row), Reading(DAILY, "revenu", row), Reading(DAILY))
    )

    assert [(e.code, str(e.where)) for e in consumers.strange] == [
        ("FH-X210", "bi/dashboards.csv:7:1"),
        ("FH-X211", "bi/dashboards.csv:7:1"),
    ]
    assert "`shop_orders.daily`" in consumers.strange[0].fix
    assert "`revenue`" in consumers.strange[1].fix


def test_a_dashboard_is_of_every_environment(tmp_path: Path) -> None:
    """It names the relation without a prefix, and a plan for dev says what would reach it."""
    assert DAILY in found(tmp_path, board("shop_orders.daily.revenue"), env="dev").reads


def test_lineage_ends_at_dashboards(tmp_path: Path) -> None:
    """Of a column those that read it or all of its asset, the most looked at first."""
    estate = shop(tmp_path)
    graph = Graph.of(estate, "prod", "duckdb")
    lineage = estate_lineage(graph, estate, "duckdb")
    few = board(f"{DAILY}.revenue", id="few", name="Few", viewers=3)
    whole = board(Reading(DAILY), id="whole", name="Whole", viewers=None)
    lineage.consumers = consumers_of(
        [few, whole, board(f"{DAILY}.revenue")], graph.assets.values(), "prod", "duckdb", lineage.columns
    )

    assert [d.name for d in lineage.readers(Field(DAILY, "revenue"))] == ["Board pack", "Few", "Whole"]
    assert [d.name for d in lineage.readers(Field(DAILY, "lines"))] == ["Whole"]
    assert lineage.readers(Field(LINES, "amount")) == ()


REVENUE, LINES_READ = f"{DAILY}.revenue", f"{DAILY}.lines"
RENAMED = {"daily": MODELS["daily"].replace("as revenue", "as income")}
DROPPED = {"totals": MODELS["totals"].replace(", sum(amount) as revenue", "")}
DOUBLED = {"daily": MODELS["daily"].replace("sum(amount)", "2 * sum(amount)")}
FILTERED = {"daily": MODELS["daily"].replace("group by", "where amount > 1 group by")}
ADDED = {"daily": MODELS["daily"].replace("as lines", "as lines, max(price) as dearest")}
REACHED: list[tuple[str, dict[str, str], Dashboard, str]] = [
    ("a column that is renamed", RENAMED, board(REVENUE), "breaks: it reads `revenue` of `daily` (now `income`)"),
    ("a column that goes", DROPPED, board(f"{TOTALS}.revenue"), "breaks: it reads `revenue` of `totals` (goes)"),
    ("another column than that which goes", DROPPED, board(f"{TOTALS}.sku"), ""),
    ("a column goes of what is read as a whole", DROPPED, board(Reading(TOTALS)), "may break: it reads `revenue` of"),
    ("an asset that goes", {"totals": ""}, board(f"{TOTALS}.sku"), "breaks: it reads `shop.orders.totals` (goes)"),
    ("a column that holds something else", DOUBLED, board(REVENUE), "changes: it reads `revenue` of `daily`\n"),
    ("another column than that which changes", DOUBLED, board(LINES_READ), ""),
    ("other rows", FILTERED, board(LINES_READ), "changes: it reads `shop.orders.daily` (other rows)"),
    ("a column that comes", ADDED, board(REVENUE, LINES_READ), ""),
    ("a column that comes to what is read as a whole", ADDED, board(Reading(DAILY)), ""),
    ("layout", {"daily": MODELS["daily"].replace("sum(", "SUM(")}, board(REVENUE), ""),
    ("an asset that a change passes through", DOUBLED, board("shop.orders.latest.revenue"), "changes: it reads"),
]


@pytest.mark.parametrize(("models", "one", "said"), [r[1:] for r in REACHED], ids=[r[0] for r in REACHED])
def test_a_plan_names_the_dashboards_it_reaches(
    tmp_path: Path, models: dict[str, str], one: Dashboard, said: str
) -> None:
    """Only for columns that change or go; other rows concern whoever reads any."""
    text = comment(_planned(tmp_path, models, one))

    assert ("Board pack" in text) is bool(said)
    assert (f"**Board pack** (41 viewers, owner finance) {said}" if said else "") in text


def test_the_verdict_counts_what_breaks(tmp_path: Path) -> None:
    """A comment never says that nothing is broken above a dashboard that is."""
    heads = {
        name: comment(_planned(tmp_path, DROPPED, one)).splitlines()[0].partition(": ")[2]
        for name, one in (("read", board(f"{TOTALS}.revenue")), ("not read", board(f"{TOTALS}.sku")))
    }

    assert heads == {
        "read": "1 dashboard breaks; 1 asset to build",
        "not read": "nothing is broken; 1 asset to build",
    }


def test_a_broken_promise_breaks_who_reads_that_column(tmp_path: Path) -> None:
    """By the contract, though the column is still there."""
    columns = [
        column("sold_on", "date", required=True, unique=True),
        column("revenue", "string", required=True),
        column("lines", "integer"),
    ]
    hashes = {"DataContract:shop.orders.daily": "changed"}
    changed = replace(shop(tmp_path, contracts=(RAW, contract("shop.orders.daily", columns))), hashes=hashes)
    before = Version(shop(tmp_path), "before", is_deployed=True)

    made = plan(changed, before, "prod", "duckdb", dashboards=[board(REVENUE), board(LINES_READ, id="other")])

    assert [(r.dashboard.id, str(r.verdict)) for r in made.dashboards] == [("board-pack", "breaks")]
    assert made.dashboards[0].touches[0].what == "broken"


def test_the_worst_and_the_most_looked_at_come_first(tmp_path: Path) -> None:
    """And what could not be read is told beside them, for it may be the one that matters."""
    unread = FreeholdError("FH-X203", "`bi/a.twb` cannot be read: no XML.", where=Where("bi/a.twb", 3))
    models = {**RENAMED, **DROPPED}
    seen = [
        board(f"{TOTALS}.sku", REVENUE, id="b", name="Seen by few", viewers=2),
        board(f"{DAILY}.revenue", id="c", name="Nobody counted", viewers=None, owner=""),
        board(Reading(TOTALS), id="d", name="All of it", viewers=900),
        board(REVENUE, f"{TOTALS}.revenue"),
    ]

    text = comment(_planned(tmp_path, models, *seen, unread=unread))

    assert [line for line in text.splitlines() if line.startswith(("- **", "Not known"))] == [
        "- **Board pack** (41 viewers, owner finance) breaks: it reads `revenue` of `daily` (now `income`), "
        "`revenue` of `totals` (goes)",
        "- **Seen by few** (2 viewers, owner finance) breaks: it reads `revenue` of `daily` (now `income`)",
        "- **Nobody counted** breaks: it reads `revenue` of `daily` (now `income`)",
        "- **All of it** (900 viewers, owner finance) may break: it reads `revenue` of `totals` (goes)",
        "Not known whom this reaches: `bi/a.twb` cannot be read: no XML.",
    ]


def test_the_json_of_a_plan_has_what_a_machine_needs(tmp_path: Path) -> None:
    """Who, and because of which columns of which assets."""
    said = _planned(tmp_path, RENAMED, board(REVENUE, metrics=("revenue",))).to_json()

    assert said["dashboards"] == [
        {
            "id": "board-pack",
            "name": "Board pack",
            "tool": "csv",
            "kind": "dashboard",
            "owner": "finance",
            "viewers": 41,
            "url": None,
            "metrics": ["revenue"],
            "where": "bi/dashboards.csv:2:1",
            "verdict": "breaks",
            "because": [
                {"asset": DAILY, "column": "revenue", "what": "renamed", "verdict": "breaks", "to": "income"},
            ],
        }
    ]
    assert said["dashboards_unread"] == []


def test_many_dashboards_are_counted(tmp_path: Path) -> None:
    """A comment is read in twenty seconds."""
    many = [board(REVENUE, id=f"b{n}", name=f"Board {n:02}") for n in range(14)]

    text = comment(_planned(tmp_path, RENAMED, *many))

    assert text.count("breaks: it reads") == 10
    assert "- and 4 more" in text


def test_people_are_described_as_far_as_they_are_known() -> None:
    """One viewer is one; an owner without viewers stands alone."""
    said = [
        described(board(viewers=v, owner=o)) for v, o in ((1, ""), (1200, "ops"), (None, "ops"), (None, ""), (0, ""))
    ]

    assert said == ["1 viewer", "1,200 viewers, owner ops", "owner ops", "", "0 viewers"]


def _planned(
    tmp_path: Path, models: dict[str, str], *dashboards: Dashboard, unread: FreeholdError | None = None
) -> Plan:
    before = Version(shop(tmp_path), "before", is_deployed=True)
    after = shop(tmp_path, {name: text for name, text in {**MODELS, **models}.items() if text})
    return plan(after, before, "prod", "duckdb", dashboards=dashboards, unread=[unread] if unread else ())
