# ruff: noqa: E501 - models read better whole

"""Edges at which a number could come out wrong: names, ends of months, events that follow themselves, gaps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from freehold.engines import Column, open_engine
from freehold.foundation import LOCAL, FreeholdError
from freehold.metrics.typing import with_types

from .conftest import Shop, catalogue_from

MODEL = """
name: e
datasets:
  s: {source: s, primary_key: [id], time: d, fields: {id: , d: {datatype: Date}, v: , k: , who: , at_: {datatype: DateTime}}}
  k: {source: k, primary_key: [k], time: born, fields: {k: , r: , born: {datatype: Date}}}
  r: {source: r, primary_key: [r, f], valid: [f, t], fields: {r: , name: , f: {datatype: Date, is_time: false}, t: {datatype: Date, is_time: false}}}
  late: {source: late, primary_key: [id], time: d, fields: {id: , d: {datatype: Date}, v: }}
  ev: {source: s, primary_key: [id], time: at_, fields: {id: , who: , at_: {datatype: DateTime}}}
relationships:
  - {from: s.k, to: k.k, name: kind}
  - {from: k.r, to: r.r, name: region}
metrics:
  x: SUM(s.v)
  month: {expression: SUM(s.v)}
  x_prior: COUNT(s.*)
  n: COUNT(s.*)
  kinds: COUNT(kind.*)
  up: {expression: x, filter: s.v > 0}
  down: {expression: x, filter: s.v < -100}
  net: up - down
  fx: {expression: x, fill: 0}
  fy: {expression: SUM(late.v), fill: 0}
  fn: {expression: COUNT(s.*), fill: 0}
  lastly: SUM(late.v)
  hourly: {expression: x, window: 1h}
  again: {conversion: {base: COUNT(ev.*), converted: COUNT(ev.*), entity: [ev.who, ev.who], within: 30d}}
"""
ROWS = """
CREATE TABLE shop.s AS SELECT * FROM (VALUES
  (1, DATE '2024-01-31', 1, 'a', 'p', TIMESTAMP '2024-01-31 10:00'), (2, DATE '2024-02-28', 2, 'a', 'p', TIMESTAMP '2024-02-28 10:00'),
  (3, DATE '2024-02-29', 4, 'b', 'q', TIMESTAMP '2024-02-29 10:00'), (4, DATE '2024-03-29', 8, NULL, 'q', TIMESTAMP '2024-03-29 10:00'),
  (5, DATE '2024-03-30', 16, 'zz', 'q', TIMESTAMP '2024-03-30 10:00'), (6, DATE '2024-03-31', 32, 'a', NULL, TIMESTAMP '2024-03-31 10:00')
) t(id, d, v, k, who, at_);
CREATE TABLE shop.k AS SELECT * FROM (VALUES ('a', 'r1', DATE '2020-01-01'), ('b', 'r1', DATE '2020-01-01')) t(k, r, born);
CREATE TABLE shop.r AS SELECT * FROM (VALUES ('r1', 'old', DATE '2019-01-01', DATE '2022-01-01'), ('r1', 'new', DATE '2022-01-01', NULL)) t(r, name, f, t);
CREATE TABLE shop.late AS SELECT * FROM (VALUES (1, DATE '2024-05-05', 3), (2, DATE '2024-07-01', 5)) t(id, d, v)
"""


@pytest.fixture(scope="module")
def edges() -> Iterator[Shop]:
    """A few rows around the ends of months."""
    engine = open_engine("duckdb://")
    session = engine.session(LOCAL)
    session.run("CREATE SCHEMA shop")
    for statement in ROWS.split(";"):
        session.run(statement)
    yield Shop(catalogue_from(MODEL), session, "duckdb")
    session.close()
    engine.close()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a metric of the name of a key": ({"metrics": ["month", "x"], "by": ["month"]}, "FH-N111"),
    "a metric of the name of a comparison": ({"metrics": ["x", "x_prior"], "by": ["month"], "compare": "prior:1month"}, "FH-N111"),
    "an hour back, by day": ({"metrics": ["x"], "by": ["day"], "compare": "prior:1hour"}, "FH-N208"),
    "a window of an hour, by day": ({"metrics": ["hourly"], "by": ["day"]}, "FH-N208"),
    "a window of an hour, of everything": ({"metrics": ["hourly"]}, "FH-N208"),
    "a day without dashes": ({"metrics": ["x"], "end": "20250101"}, "FH-N105"),
    "a week as a day": ({"metrics": ["x"], "end": "2024-W13"}, "FH-N105"),
    "an instant with an offset": ({"metrics": ["x"], "start": "2024-03-31T00:00+05:00"}, "FH-N105"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_read_as_something_else_is_refused(edges: Shop, case: str) -> None:
    """Two columns of one name, hours in days, days that are spelled another way."""
    said, code = dict(REFUSED[case][0]), REFUSED[case][1]

    with pytest.raises(FreeholdError) as caught:
        edges.ask(*said.pop("metrics"), **said)

    assert code == caught.value.code


PRIORS: dict[str, tuple[dict[str, Any], list[tuple[Any, ...]]]] = {
    "each of the last days has the last day of a shorter month": (
        {"by": ["day"], "start": "2024-03-29", "end": "2024-03-30"},
        [(date(2024, 3, 29), 8, 4), (date(2024, 3, 30), 16, 4)],
    ),
    "and with the whole month": (
        {"by": ["day"], "start": "2024-03-29", "end": "2024-03-31"},
        [(date(2024, 3, 29), 8, 4), (date(2024, 3, 30), 16, 4), (date(2024, 3, 31), 32, 4)],
    ),
    "a stretch that ends before its month": ({"start": "2024-03-01", "end": "2024-03-30"}, [(24, 6)]),
    "a year back from February in a leap year": ({"start": "2025-02-28", "end": "2025-02-28", "compare": "prior:1year"}, [(None, 2)]),
}  # fmt: skip


@pytest.mark.parametrize("case", PRIORS)
def test_months_of_different_length_lose_no_day(edges: Shop, case: str) -> None:
    """What is compared is the last day of the shorter month, wherever the question ends."""
    said, expected = PRIORS[case]

    rows = edges.ask("x", **{"compare": "prior:1month", **said})

    width = len(expected[0])
    assert sorted(map(repr, [tuple(float(v) if isinstance(v, int) else v for v in row) for row in expected])) == sorted(
        map(repr, [row[:width] for row in rows])
    )


def test_no_event_follows_itself(edges: Shop) -> None:
    """Of one dataset, only a later event converts: 3 of 6 are followed by another of the same person in time."""
    ((share,),) = edges.ask("again")

    assert share == pytest.approx(3 / 6)


def test_a_sum_of_sums_counts_one_without_rows_as_nothing(edges: Shop) -> None:
    """There are no rows of `down`, and `net` is what `up` is; where there are neither, it is unknown."""
    assert edges.ask("up") == edges.ask("net")
    assert edges.ask("net", where="s.v < 0") == [(None,)]


@pytest.mark.parametrize("order", [("fx", "fy"), ("fy", "fx"), ("x", "fy"), ("fy", "lastly")])
def test_periods_are_filled_whatever_is_asked_first(edges: Shop, order: tuple[str, str]) -> None:
    """The periods of every metric that fills are there, from the first row of any to the last."""
    months = {row[0].month for row in edges.ask(*order, by=["month"])}

    assert {5, 6, 7} <= months
    assert "fx" not in order or set(range(1, 8)) == months


def test_periods_are_filled_whoever_counts_the_same_rows_beside(edges: Shop) -> None:
    """A metric that says what a gap is worth is shown in each period, though another of the same rows does not say."""
    alone = edges.ask("fn", by=["day"], start="2024-02-27", end="2024-03-01")
    beside = edges.ask("n", "fn", by=["day"], start="2024-02-27", end="2024-03-01")

    assert len(alone) == 4
    assert [(row[0], row[2]) for row in beside] == alone


def test_a_role_is_counted_where_it_is_known(edges: Shop) -> None:
    """Rows whose key is unknown or leads nowhere have no row of the other dataset."""
    assert edges.ask("n", "kinds") == [(6.0, 4.0)]


def test_what_held_is_seen_from_the_fact(edges: Shop) -> None:
    """A dimension of versions, two joins away, is read as it was when the row of the fact happened."""
    assert {"new", None} == {row[0] for row in edges.ask("x", by=["region.name"])}


def test_a_type_that_no_file_tells_is_read_from_the_warehouse() -> None:
    """An instant is then moved into the zone of the model, as one that is declared."""
    catalogue = catalogue_from(
        "name: z\ntimezone: Europe/London\ndatasets: {t: {source: t, time: i, fields: {i: , n: }}}\nmetrics: {c: COUNT(t.*)}"
    )

    typed = with_types(catalogue, lambda _: [Column("i", "TIMESTAMP WITH TIME ZONE"), Column("n", "DECIMAL(18,2)")])

    fields = typed.models["z"].datasets["t"].fields
    assert (fields["i"].type, fields["n"].type) == ("DateTimeTz", "Decimal")
