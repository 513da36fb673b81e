"""Lineage of an estate, through its models, from files to ports."""

from __future__ import annotations

from pathlib import Path

import pytest
from shop import MODELS, shop

from freehold.delivery.graph import Graph
from freehold.delivery.lineage import EstateLineage, Field, KeptLineage, chosen, estate_lineage
from freehold.foundation import FreeholdError
from freehold.sql.lineage import Use

RAW, LINES, DAILY = "shop.orders.raw", "shop.orders.lines", "shop.orders.daily"


def _read(root: Path, models: dict[str, str] | None = None, kept: KeptLineage | None = None) -> EstateLineage:
    estate = shop(root, {**MODELS, **(models or {})})
    return estate_lineage(Graph.of(estate, "prod", "duckdb"), estate, "duckdb", kept)


def test_a_column_leads_to_the_file_it_was_delivered_in(tmp_path: Path) -> None:
    """Through every model between, with what each does to it and the line that says so."""
    found = _read(tmp_path)

    walked = [(far, str(e.source), e.use, str(e.where)) for far, e in found.walk(Field(DAILY, "revenue"), down=False)]

    assert walked == [
        (1, f"{LINES}.amount", Use.AGGREGATION, "models/daily.sql:3:29"),
        (2, f"{RAW}.quantity", Use.TRANSFORMATION, "models/lines.sql:3:63"),
        (2, f"{RAW}.price", Use.TRANSFORMATION, "models/lines.sql:3:63"),
    ]


def test_a_column_leads_to_whatever_reads_it(tmp_path: Path) -> None:
    """Downstream, the incremental branch of a model included, and its own earlier version left out."""
    found = _read(tmp_path)

    assert found.reached([Field(RAW, "price")], down=True) == {
        Field(LINES, "price"),
        Field(LINES, "amount"),
        Field(DAILY, "revenue"),
        Field("shop.orders.latest", "revenue"),
        Field("shop.orders.totals", "revenue"),
        Field("shop.orders.buyers", "spent"),
    }


def test_what_decides_over_rows_is_kept_apart(tmp_path: Path) -> None:
    """Filters and groups are told for the asset, and lead nowhere by themselves."""
    found = _read(tmp_path)

    assert (Field(LINES, "sold_on"), "GROUP_BY") in found.decides[DAILY]
    assert (Field(LINES, "sold_on"), "FILTER") in found.decides["shop.orders.buyers"]
    assert Field("shop.orders.buyers", "spent") not in found.reached([Field(LINES, "sold_on")], down=True)


def test_a_star_passes_columns_on(tmp_path: Path) -> None:
    """A view of everything has the columns of what it shows."""
    assert _read(tmp_path).columns["shop.orders.latest"] == ("sold_on", "revenue", "lines")


def test_a_python_model_depends_on_all_of_what_it_reads(tmp_path: Path) -> None:
    """Which column goes where, only running it would tell; so each may come from every one."""
    python = 'def model(context):\n    return context.ref("daily")\n'
    estate = shop(tmp_path, MODELS)
    file = next(iter(estate.models.values()))
    python_file = type(file)("shop.orders.py", "shop.orders", "models/py.py", "python", python)
    estate.models["shop.orders.py"] = python_file  # type: ignore[index]
    found = estate_lineage(Graph.of(estate, "prod", "duckdb"), estate, "duckdb")

    assert found.reached([Field("shop.orders.py", "*")], down=False) >= {
        Field(DAILY, "*"),
        Field(LINES, "amount"),
        Field(RAW, "price"),
    }
    assert Field("shop.orders.py", "*") in found.reached([Field(RAW, "price")], down=True)


def test_what_is_kept_is_what_is_found_anew(tmp_path: Path) -> None:
    """The second reading comes from the cache, and a changed model is read again."""
    kept = KeptLineage(tmp_path)
    first = _read(tmp_path, kept=kept)
    kept.save()

    again = _read(tmp_path, kept=KeptLineage(tmp_path))
    assert (again.columns, again.into, again.decides) == (first.columns, first.into, first.decides)

    changed = _read(
        tmp_path,
        {"totals": "select sku, max(price) as revenue from {{ ref('lines') }} group by sku"},
        KeptLineage(tmp_path),
    )
    assert [str(e.source) for e in changed.into[Field("shop.orders.totals", "revenue")]] == [f"{LINES}.price"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("daily.revenue", [Field(DAILY, "revenue")]),
        ("shop.orders.daily.REVENUE", [Field(DAILY, "revenue")]),
        ("daily", [Field(DAILY, "sold_on"), Field(DAILY, "revenue"), Field(DAILY, "lines")]),
    ],
)
def test_a_name_means_a_column_or_an_asset(name: str, expected: list[Field], tmp_path: Path) -> None:
    """With or without the product, in whatever case."""
    assert chosen(name, _read(tmp_path)) == expected


@pytest.mark.parametrize(
    ("name", "near"), [("daily.revenu", "`revenue`"), ("dayly", "daily"), ("nothing.at.all", "There are")]
)
def test_a_name_that_means_nothing_is_refused_with_near_ones(name: str, near: str, tmp_path: Path) -> None:
    """An error of usage that helps."""
    with pytest.raises(FreeholdError) as error:
        chosen(name, _read(tmp_path))

    assert (error.value.code, int(error.value.exit_code)) == ("FH-D208", 2)
    assert near in str(error.value)
