"""What a caller may not see is not there: not in hits, counts, kinds, suggestions, replacements or walks."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from listings import asset, entry, flow, model, told

from freehold.catalog import Catalog, Key, Question
from freehold.foundation import FreeholdError

# The word `payroll` and all that hangs on it is of hr.pay alone.
ENTRIES = (
    asset("hr.pay.payroll", "salary", owner="hr"),
    asset("hr.pay.payroll_old", "salary", status="deprecated", replaced_by=Key("asset", "hr.pay.payroll")),
    asset("sales.orders.lines", "amount", "salesperson", owner="sales"),
    asset("sales.orders.retired", status="deprecated", replaced_by=Key("asset", "hr.pay.payroll")),
    asset("finance.costs.cost", "amount", "wages", owner="finance"),
    entry("metric", "m.cost_of_sales", product="sales.orders", scope=("sales.orders", "hr.pay"), owner="finance"),
    entry("dashboard", "d/payroll", scope=("hr.pay",), owner="hr"),
    entry("team", "sales-data"),
)
JOBS = (
    model("hr.pay.payroll", flow("sales.orders.lines.salesperson", "hr.pay.payroll.salary")),
    model("finance.costs.cost", flow("hr.pay.payroll.salary", "finance.costs.cost.wages"),
          flow("sales.orders.lines.amount", "finance.costs.cost.amount")),
    model("metric:m.cost_of_sales", flow("sales.orders.lines.amount", "metric:m.cost_of_sales")),
    model("dashboard:d/payroll", flow("hr.pay.payroll.salary", "dashboard:d/payroll")),
)  # fmt: skip
SALES = ("sales.orders", "finance.costs")


@pytest.fixture
def mixed(catalog: Catalog) -> Catalog:
    """A catalog of three products, one of which not everybody may see."""
    catalog.update(told(ENTRIES, JOBS))
    return catalog


@pytest.mark.parametrize("allowed", [SALES, lambda product: product != "hr.pay"], ids=["a list", "a callable"])
@pytest.mark.parametrize(
    "text", ["payroll", "hr.pay.payroll", "payrol", "pay", "salary", "hr", "cost_of_sales", "salarry"]
)
def test_nothing_of_another_team_is_told(mixed: Catalog, text: str, allowed: object) -> None:
    """A search tells nothing of a product that the caller may not see, and counts nothing of it."""
    found = mixed.search(Question(text, allowed=allowed))  # type: ignore[arg-type]
    said = json.dumps(found.to_json())

    assert "payroll" not in said
    assert "hr.pay" not in said
    assert "salary" not in said
    assert found.total == len(found.hits) == sum(found.kinds.values())


def test_what_is_of_several_products_needs_all_of_them(mixed: Catalog) -> None:
    """A metric over two products is seen by who may see both, and by nobody else."""
    seen = mixed.search(Question("cost_of_sales", allowed=("sales.orders", "hr.pay")))
    unseen = mixed.search(Question("cost_of_sales", allowed=("sales.orders",)))

    assert [h.key.id for h in seen.hits] == ["m.cost_of_sales"]
    assert unseen.total == 0


def test_what_is_of_no_product_is_seen_by_all(mixed: Catalog) -> None:
    """A team is estate-wide: who may see no product finds it, and nothing else."""
    found = mixed.search(Question("sales data", allowed=()))

    assert [h.key for h in found.hits] == [Key("team", "sales-data")]


def test_a_replacement_that_may_not_be_seen_is_not_named(mixed: Catalog) -> None:
    """A deprecated hit says that it is, without the name of what the caller may not see."""
    hit = mixed.search(Question("retired", allowed=SALES)).hits[0]

    assert hit.replaced_by is None
    assert "deprecated" in hit.why


def test_a_walk_ends_at_what_may_not_be_seen(mixed: Catalog) -> None:
    """What lies behind an asset of another team is not reached through it, and nothing of the way is counted."""
    start = mixed.find("sales.orders.lines", allowed=SALES)
    reached = mixed.reach(start, allowed=SALES)
    column = mixed.find("lines.salesperson", allowed=SALES)
    hit = mixed.blast_radius(start, allowed=SALES)

    assert reached.products == {"finance.costs": 1}
    assert mixed.reach(column, allowed=SALES).count == 0
    assert mixed.reach(column).count == 3
    assert mixed.path(column, mixed.find("finance.costs.cost.wages"), allowed=SALES) == ()
    assert len(mixed.path(column, mixed.find("finance.costs.cost.wages"))) == 2
    assert (hit.assets, len(hit.metrics), len(hit.dashboards), dict(hit.owners)) == (1, 0, 0, {"finance": 1})


@pytest.mark.parametrize("name", ["hr.pay.payroll", "payroll", "payroll.salary", "payrol", "d/payroll"])
def test_a_name_that_may_not_be_seen_means_nothing(mixed: Catalog, name: str) -> None:
    """The error is that of a name that is nowhere, and suggests nothing of other teams."""
    with pytest.raises(FreeholdError) as error:
        mixed.find(name, allowed=SALES)

    assert error.value.code == "FH-F004"
    assert "hr.pay" not in error.value.fix


@given(allowed=st.sets(st.sampled_from(["hr.pay", "sales.orders", "finance.costs"])), text=st.sampled_from(
    ["payroll", "lines", "cost", "sales", "salary amount", "old", "d", "hr finance", "cst"]))  # fmt: skip
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_hits_are_those_of_everybody_less_what_may_not_be_seen(mixed: Catalog, allowed: set[str], text: str) -> None:
    """For every set of products: the hits are those of a caller who sees all, in their order, less the hidden ones."""
    scopes = {e.key: set(e.scope) for e in ENTRIES}
    everything = [h.key for h in mixed.search(Question(text)).hits]
    seen = mixed.search(Question(text, allowed=tuple(allowed)))

    assert [h.key for h in seen.hits] == [key for key in everything if scopes[key] <= allowed]
    assert seen.total == len(seen.hits)
