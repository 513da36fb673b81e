"""Why a number moved: the slice that moved otherwise than the rest is told first, whichever way the whole went."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from freehold.engines import Session, open_engine
from freehold.foundation import LOCAL
from freehold.metrics import Answerer, Source, asked
from freehold.metrics.moving import Part, movement
from freehold.metrics.scanning import scanned

from .conftest import catalogue_from

KEYS = ("country", "channel", "grade")
LEAVES = list(itertools.product(("de", "fr", "us", "uk"), ("web", "shop"), ("a", "b", "c")))
SLICES = {"one key": {"country": "fr"}, "two keys": {"country": "fr", "channel": "web"}, "three keys": dict(
    zip(KEYS, ("us", "shop", "b"), strict=True))}  # fmt: skip


def counts(cause: dict[str, str], factor: float, drift: float) -> tuple[list[float], list[float]]:
    """Return each cell before and after: all of them drift, those of the cause by a factor more."""
    before = [float(100 + 37 * i % 211) for i in range(len(LEAVES))]
    hit = [all(leaf[KEYS.index(k)] == v for k, v in cause.items()) for leaf in LEAVES]
    return before, [n * drift * (factor if is_hit else 1) for n, is_hit in zip(before, hit, strict=True)]


@pytest.mark.parametrize("slice_", SLICES)
@pytest.mark.parametrize("factor", [0.5, 1.8], ids=["falls", "rises"])
@pytest.mark.parametrize("drift", [1.0, 0.96, 1.04, 0.7, 1.5], ids=lambda d: f"while the rest moves by {d}")
def test_the_slice_that_moved_otherwise_is_told_first(slice_: str, factor: float, drift: float) -> None:
    """It is found whichever way the whole went, and its effect has the sign that it had."""
    before, after = counts(SLICES[slice_], factor, drift)

    first, *_ = scanned(KEYS, LEAVES, before, after).causes

    assert dict(first.values) == SLICES[slice_]
    assert (first.own > 0) == (factor > 1)


def test_nothing_is_told_where_all_moved_alike() -> None:
    """A drift of the whole is the trend, and no slice is blamed for it."""
    before, after = counts({}, 1.0, 0.7)
    found = scanned(KEYS, LEAVES, before, after)

    assert found.trend == pytest.approx(0.7)
    assert [cause for cause in found.causes if abs(cause.own) > 1e-6] == []


# -- what is told of a slice ------------------------------------------------------------------------------------------

MODEL = """
name: m
datasets:
  sale:
    source: sale
    primary_key: [id]
    time: d
    fields: {id: , d: {datatype: Date}, v: {datatype: Decimal}, place: {datatype: String}, way: {datatype: String}}
metrics:
  revenue: SUM(sale.v)
"""
SEPTEMBER, OCTOBER = ((datetime(2026, month, 1), datetime(2026, month + 1, 1)) for month in (9, 10))  # noqa: DTZ001
SALES = st.tuples(
    st.sampled_from((SEPTEMBER[0], OCTOBER[0])), st.decimals(-500, 900, places=2), st.sampled_from((None, *"abc")),
    st.sampled_from(("web", "shop")),
)  # fmt: skip


@pytest.fixture(scope="module")
def warehouse() -> Iterator[tuple[Answerer, Session]]:
    """A warehouse whose one table each example fills anew."""
    engine = open_engine("duckdb://")
    session = engine.session(LOCAL)
    session.run("CREATE SCHEMA shop")
    session.run("CREATE TABLE shop.sale (id integer, d date, v decimal(12, 2), place text, way text)")
    catalogue = catalogue_from(MODEL)
    yield Answerer(catalogue, engine, LOCAL, lambda d: Source(d.source, exp.table_(d.source, "shop"))), session
    session.close()
    engine.close()


def value(answerer: Answerer, part: Part, time: tuple[datetime, datetime]) -> float | None:
    """Return the metric of the rows of a slice, as somebody asks for it; None where there are no rows."""
    where = " AND ".join(f"{k} IS NULL" if v is None else f"{k} = '{v}'" for k, v in part.values)
    answer = answerer.answer(asked(["revenue"], where=where, start=time[0], end=time[1]))
    found = answer.table.column(0)[0].as_py()
    return None if found is None else float(found)


@settings(max_examples=15, deadline=None)
@given(sales=st.lists(SALES, min_size=1, max_size=12))
def test_what_is_told_of_a_slice_is_the_metric_of_its_rows(
    warehouse: tuple[Answerer, Session], sales: list[tuple[datetime, Decimal, str | None, str]]
) -> None:
    """Before and after are the metric's own values, negative ones too, and effects what lies between."""
    answerer, session = warehouse
    session.run("DELETE FROM shop.sale")
    rows = ", ".join(
        f"({i}, DATE '{d:%Y-%m-%d}', {v}, nullif('{place}', 'None'), '{way}')"
        for i, (d, v, place, way) in enumerate(sales)
    )
    session.run(f"INSERT INTO shop.sale VALUES {rows}")

    moved = movement(answerer, answerer.catalogue.metric("revenue"), SEPTEMBER, OCTOBER)

    told = [*moved.causes, *(part for _, parts in moved.keys for part in parts)]
    for part in told:
        before, after = (value(answerer, part, time) for time in (SEPTEMBER, OCTOBER))
        assert (part.before, part.after) == (before, after), part
        assert repr(part.effect) == repr(round(part.effect, 2))
        assert part.effect == round((after or 0) - (before or 0), 2)


# -- what adds up -----------------------------------------------------------------------------------------------------

RATIO = """
name: m
datasets:
  try:
    source: try
    primary_key: [id]
    time: d
    fields: {id: , d: {datatype: Date}, won: {datatype: Integer}, place: {datatype: String}, way: {datatype: String}}
metrics:
  won: SUM(try.won)
  tries: COUNT(try.id)
  success: {expression: won / tries, unit: "%"}
"""
WAYS, PLACES = ("web", "shop", "phone"), ("de", "fr", "us", "uk")


@pytest.fixture
def tries() -> Iterator[tuple[Answerer, Session]]:
    """A warehouse of tries that mostly succeed, those of the web in France much less in October."""
    engine = open_engine("duckdb://")
    session = engine.session(LOCAL)
    session.run("CREATE SCHEMA shop")
    session.run(
        "CREATE TABLE shop.try AS SELECT row_number() OVER () AS id, d, place, way, CAST(n % 100 < CASE "
        "WHEN place = 'fr' AND way = 'web' AND month(d) = 10 THEN 60 ELSE 95 END AS integer) AS won FROM "
        "(SELECT unnest([DATE '2026-09-05', DATE '2026-10-05']) AS d), "
        f"(SELECT unnest({[*PLACES]}) AS place), (SELECT unnest({[*WAYS]}) AS way), range(600) AS r (n) "
        "WHERE place <> 'us' OR month(d) = 9 OR n < 100"  # there are fewer tries from there, which is no cause
    )
    catalogue = catalogue_from(RATIO)
    yield Answerer(catalogue, engine, LOCAL, lambda d: Source(d.source, exp.table_(d.source, "shop"))), session
    session.close()
    engine.close()


@pytest.mark.parametrize("name", ["success", "won"])
def test_causes_trend_weights_and_rest_add_up_to_the_change(tries: tuple[Answerer, Session], name: str) -> None:
    """What is told of a change is all of it, of a ratio as of a sum."""
    answerer, _ = tries
    moved = movement(answerer, answerer.catalogue.metric(name), SEPTEMBER, OCTOBER)

    assert moved.causes
    own = sum(cause.own or 0.0 for cause in moved.causes)
    assert moved.across + moved.mix + own + moved.rest == pytest.approx(moved.change)
    shares = [moved.share(cause) or 0.0 for cause in moved.causes]
    assert sum(shares) == pytest.approx(own / moved.change)
    assert (moved.mix != 0) == (name == "success")


def test_a_ratio_blames_the_slice_whose_own_rate_fell(tries: tuple[Answerer, Session]) -> None:
    """Not the one of which there are fewer; its figures are its rates, its effect what they do to the whole."""
    answerer, _ = tries
    moved = movement(answerer, answerer.catalogue.metric("success"), SEPTEMBER, OCTOBER)

    first = moved.causes[0]
    assert {key.partition(".")[2]: value for key, value in first.values} == {"place": "fr", "way": "web"}
    assert (first.before, first.after) == pytest.approx((0.95, 0.60))
    assert moved.share(first) == pytest.approx(1.0, abs=0.1)
    assert len(moved.causes) == 1


def test_small_groups_that_a_policy_withholds_are_no_cause(tries: tuple[Answerer, Session]) -> None:
    """Where the finest cells are withheld, coarser ones are scanned: causes are told of what may be seen alone."""
    answerer = replace(tries[0], fewest=1_500)  # a cell by two keys has 600 rows at most
    moved = movement(answerer, answerer.catalogue.metric("won"), SEPTEMBER, OCTOBER)

    assert moved.causes
    assert all(len(cause.values) == 1 and cause.before is not None for cause in moved.causes)
    own = sum(cause.own or 0.0 for cause in moved.causes)
    assert moved.across + own + moved.rest == pytest.approx(moved.change)


def test_what_does_not_stand_out_from_chance_is_no_cause() -> None:
    """Where every cell is off by as much as chance does, none is blamed."""
    leaves = list(itertools.product("abcdef", "ghijkl", "mnopq"))
    off = [(n * 7919 % 13) - 6 for n in range(len(leaves))]

    assert scanned(("one", "two", "three"), leaves, [100.0] * len(leaves), [100.0 + n for n in off]).causes == ()
