"""Evidence models: a query whose rows metrics stand on, asked, traced, guarded and versioned like any table."""

# ruff: noqa: E501 - the queries are read beside each other

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlglot import exp

from freehold.engines import Session
from freehold.estate import load_estate
from freehold.estate.reading import read_documents
from freehold.foundation import LOCAL, FreeholdError, Problems
from freehold.metrics import Answerer, Catalogue, Policy, Scope, Source, asked, compiled
from freehold.metrics.additive import adds_up
from freehold.metrics.estate import catalogue_of
from freehold.metrics.explaining import columns_read
from freehold.metrics.fingerprint import definition_hash, sources_of
from freehold.metrics.keys import key_verdicts
from freehold.metrics.ossie import to_ossie
from freehold.metrics.readers import as_readers

from .conftest import Shop, _table, catalogue_from, said

MODEL = """
name: stays
datasets:
  orders: {source: orders, primary_key: [order_id], time: ordered_at, fields: {order_id: , buyer_id: , shipping: , ordered_at: {datatype: DateTime}}}
  customers: {source: customers, primary_key: [customer_id], fields: {customer_id: , country: {datatype: String}, segment: }}
  spans:
    time: day
    fields: {day: {datatype: Date}, worth: balance * days}
    sql: |
      WITH dated AS (  -- how long each balance stood
        SELECT account, customer_id, day, balance, LEAD(day) OVER (PARTITION BY account ORDER BY day) - day AS days
        FROM balances
      )
      SELECT account, customer_id, day, balance, days FROM dated WHERE days IS NOT NULL
  firsts:
    primary_key: [buyer_id]
    sql: |
      WITH placed AS (
        SELECT *, ROW_NUMBER() OVER (PARTITION BY buyer_id ORDER BY ordered_at, order_id) AS place FROM orders
      )
      SELECT buyer_id, channel AS first_channel FROM placed WHERE place = 1 AND buyer_id IS NOT NULL
relationships:
  - {from: spans.customer_id, to: customers.customer_id, name: holder}
  - {from: orders.buyer_id, to: firsts.buyer_id, name: first}
metrics:
  weighted: SUM(spans.worth) / SUM(spans.days)
  account_mean: AVG(per(weighted, spans.account))
  account_median: MEDIAN(per(weighted, spans.account))
  big_accounts: {expression: "AVG(per(weighted, spans.account))", filter: spans.balance > 120}
  days: SUM(spans.days)
  both: account_mean / weighted
  shipping: SUM(orders.shipping)
  most_shipped: MAX(per(shipping, orders.buyer_id))
  per_buyer: SUM(per(shipping, orders.buyer_id))
"""
DATED = """(SELECT account, customer_id, day, balance, LEAD(day) OVER (PARTITION BY account ORDER BY day) - day AS days FROM shop.balances) s"""
SPANS = f"(SELECT * FROM {DATED} WHERE days IS NOT NULL) s"
W = "CAST(SUM(balance * days) AS DOUBLE PRECISION) / SUM(days)"
TRUTHS = {
    "time-weighted, in all": (said(metrics=["weighted"]), f"SELECT {W} FROM {SPANS}"),
    "by month": (
        said(metrics=["weighted", "days"], by=["month"]),
        f"SELECT CAST(DATE_TRUNC('month', day) AS DATE), {W}, SUM(days) FROM {SPANS} GROUP BY 1",
    ),
    "by a field of what it leads to": (
        said(metrics=["weighted"], by=["country"]),
        f"SELECT c.country, {W} FROM {SPANS} LEFT JOIN shop.customers c ON c.customer_id = s.customer_id GROUP BY 1",
    ),
    "for some rows and days": (
        said(metrics=["days"], where="account = 'x'", start="2011-02"),
        f"SELECT SUM(days) FROM {SPANS} WHERE account = 'x' AND day >= DATE '2011-02-01'",
    ),
    "the mean over accounts": (
        said(metrics=["account_mean"]), f"SELECT AVG(v) FROM (SELECT account, {W} AS v FROM {SPANS} GROUP BY 1) a",
    ),
    "the mean over accounts by month, beside what it is over": (
        said(metrics=["account_mean", "weighted"], by=["month"]),
        f"""SELECT m, AVG(v), MAX(w) FROM (SELECT CAST(DATE_TRUNC('month', day) AS DATE) AS m, account, {W} AS v FROM {SPANS} GROUP BY 1, 2) a
        JOIN (SELECT CAST(DATE_TRUNC('month', day) AS DATE) AS n, {W} AS w FROM {SPANS} GROUP BY 1) b ON m = n GROUP BY 1""",
    ),
    "the median over accounts, for some rows": (
        said(metrics=["account_median"], where="country = 'DE'"),
        f"SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY v) FROM (SELECT account, {W} AS v FROM {SPANS} JOIN shop.customers c ON c.customer_id = s.customer_id WHERE country = 'DE' GROUP BY 1) a",
    ),
    "by the very field it is over": (
        said(metrics=["account_mean"], by=["account"]), f"SELECT account, {W} FROM {SPANS} GROUP BY 1",
    ),
    "of rows that a filter leaves": (
        said(metrics=["big_accounts"]),
        f"SELECT AVG(v) FROM (SELECT account, {W} AS v FROM {SPANS} WHERE balance > 120 GROUP BY 1) a",
    ),
    "standing on both": (
        said(metrics=["both"]), f"SELECT AVG(v) / (SELECT {W} FROM {SPANS}) FROM (SELECT account, {W} AS v FROM {SPANS} GROUP BY 1) a",
    ),
    "unknown values are none": (
        said(metrics=["most_shipped"]),
        "SELECT MAX(v) FROM (SELECT buyer_id, SUM(shipping) AS v FROM shop.orders WHERE buyer_id IS NOT NULL GROUP BY 1) a",
    ),
    "an evidence model as what rows lead to": (
        said(metrics=["shipping"], by=["first_channel"]),
        """SELECT f.channel, SUM(o.shipping) FROM shop.orders o LEFT JOIN (SELECT * FROM (SELECT buyer_id, channel,
        ROW_NUMBER() OVER (PARTITION BY buyer_id ORDER BY ordered_at, order_id) AS place FROM shop.orders WHERE buyer_id IS NOT NULL) r
        WHERE place = 1) f ON f.buyer_id = o.buyer_id GROUP BY 1""",
    ),
    "rolling": (
        said(metrics=["days"], by=["month"], compare="prior:1month"),
        f"""SELECT a.m, a.d, b.d, a.d - b.d, CAST(a.d - b.d AS DOUBLE PRECISION) / b.d FROM
        (SELECT CAST(DATE_TRUNC('month', day) AS DATE) AS m, SUM(days) AS d FROM {SPANS} GROUP BY 1) a LEFT JOIN
        (SELECT CAST(DATE_TRUNC('month', day) AS DATE) AS m, SUM(days) AS d FROM {SPANS} GROUP BY 1) b ON b.m = CAST(a.m - INTERVAL '1' MONTH AS DATE)""",
    ),
}  # fmt: skip


@pytest.fixture
def stays(shop: Shop) -> Shop:
    """The shop, asked by evidence models."""
    return replace(shop, catalogue=catalogue_from(MODEL))


@pytest.mark.parametrize(("question", "truth"), TRUTHS.values(), ids=TRUTHS)
def test_a_number_over_evidence_is_what_a_query_by_hand_says(stays: Shop, question: dict[str, Any], truth: str) -> None:
    """In both engines, whatever it is asked by."""
    words = dict(question)

    assert stays.ask(*words.pop("metrics"), **words) == stays.truth(truth)


def test_a_policy_holds_inside_the_query(stays: Shop) -> None:
    """Rows a caller may not see count nowhere, and masked values are masked before anything is computed of them."""
    spans = SPANS.replace("FROM shop.balances", "FROM shop.balances WHERE account <> 'x'")
    stays.policies["balances"] = Policy(exp.condition("account <> 'x'"))

    assert stays.ask("days") == stays.truth(f"SELECT SUM(days) FROM {spans}")


def test_a_mask_of_columns_that_nobody_declares_is_refused(stays: Shop) -> None:
    """What a query shows of a table whose columns are not known cannot be masked."""
    stays.policies["balances"] = Policy(masks={"balance": exp.Literal.number(0)})

    with pytest.raises(FreeholdError, match="nobody declares its columns") as refused:
        stays.ask("days")
    assert refused.value.code == "FH-N212"


def test_a_mask_of_declared_columns_holds_inside_the_query(stays: Shop) -> None:
    """With a contract the query reads its columns, masked."""
    model = stays.catalogue.models["stays"]
    spans = model.datasets["spans"]
    assert spans.query is not None
    table = spans.query.tables["balances"]
    declared = {
        n: replace(spans.fields["account"], name=n, column=n) for n in ("account", "customer_id", "day", "balance")
    }
    query = replace(spans.query, tables={"balances": replace(table, fields=declared)})
    changed = replace(model, datasets={**model.datasets, "spans": replace(spans, query=query)})
    masked = replace(stays, catalogue=Catalogue({"stays": changed}))
    masked.policies["balances"] = Policy(masks={"balance": exp.Literal.number(5)})

    assert masked.ask("weighted") == [(5.0,)]


def test_small_groups_of_what_is_counted_are_hidden(stays: Shop) -> None:
    """A mean over fewer things than may be shown is not shown; how many rows each has does not matter."""
    assert stays.ask("account_mean", fewest=4) == []
    assert stays.ask("account_mean", fewest=3) == stays.ask("account_mean")


def test_a_query_stands_once_however_often_it_is_read(small: Shop) -> None:
    """Several passes over the same evidence share it."""
    catalogue = catalogue_from(MODEL)
    made = compiled(Scope(catalogue, _table), asked(["weighted", "account_mean", "account_median", "days"], ["month"]))

    assert made.sql.count("LEAD(") == 1
    assert [d.source for d in made.datasets] == ["balances"]


def test_lineage_goes_through_the_query(small: Shop) -> None:
    """A metric reads the columns its number is made of, and those that decide which rows there are."""
    catalogue = catalogue_from(MODEL)
    made = compiled(Scope(catalogue, _table), asked(["days"]))

    assert columns_read(catalogue, made) == ("balances.account", "balances.day")
    assert sources_of(catalogue, catalogue.metric("days")) == ("balances",)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        pytest.param(lambda t: t.replace("-- how long each balance stood", ""), True, id="a comment"),
        pytest.param(lambda t: t.replace("WITH dated AS (", "WITH dated\n       AS ("), True, id="layout"),
        pytest.param(lambda t: t.replace("WHERE days IS NOT NULL", "WHERE days > 1"), False, id="a condition"),
        pytest.param(
            lambda t: t.replace("FROM balances\n", "FROM balances WHERE day > DATE '2011-01-03'\n"),
            False,
            id="what it reads",
        ),
    ],
)
def test_the_query_is_part_of_the_definition(change: Callable[[str], str], same: bool) -> None:
    """Another query is another number; another layout is not."""
    changed = change(MODEL)
    assert changed != MODEL
    before, after = catalogue_from(MODEL), catalogue_from(changed)

    hashes = [definition_hash(c, c.metric("weighted")) for c in (before, after)]

    assert (hashes[0] == hashes[1]) is same


def test_an_aggregate_per_something_does_not_add_up() -> None:
    """Its slices are no parts of it: a buyer of two channels is in both."""
    catalogue = catalogue_from(MODEL)

    assert not adds_up(catalogue, catalogue.metric("per_buyer"))
    assert adds_up(catalogue, catalogue.metric("shipping"))


QUERIES = {
    "a star": ("SELECT * FROM balances", "FH-N410", "have no names"),
    "a column without a name": ("SELECT account, day + 1 FROM balances", "FH-N410", "have no names"),
    "a clock": ("SELECT CURRENT_DATE AS day FROM balances", "FH-N410", "another day"),
    "a file": ("SELECT a AS day FROM read_csv('/etc/passwd')", "FH-N410", "Read assets"),
    "a file by a function nobody knows": (
        "SELECT content AS day FROM read_text('/etc/passwd')",
        "FH-N410",
        "Read assets",
    ),
    "a function that reads files": (
        "SELECT pg_read_file('/etc/passwd') AS day FROM balances",
        "FH-N410",
        "all engines know",
    ),
    "a placeholder": ("SELECT day FROM balances WHERE day > :start", "FH-N410", "write the value"),
    "two statements": ("SELECT day FROM balances; SELECT 1 AS day", "FH-Q002", "one SELECT"),
    "no query": ("DROP TABLE balances", "FH-Q002", "DROP"),
    "what does not parse": ("SELECT day FROM WHERE", "FH-Q001", "does not parse"),
    "a part called as the table it reads": (
        "WITH balances AS (SELECT day FROM balances) SELECT day FROM balances",
        "FH-N410",
        "another name",
    ),
    "a part that is read before it is": (
        "WITH a AS (SELECT day FROM b), b AS (SELECT day FROM balances) SELECT day FROM a",
        "FH-N410",
        "another name",
    ),
    "a part of an inner query, read outside": (
        "SELECT day FROM (WITH b AS (SELECT day FROM balances) SELECT day FROM b) x JOIN b USING (day)",
        "FH-N410",
        "another name",
    ),
    "a part in other letters": ("WITH B AS (SELECT day FROM balances) SELECT day FROM b", "FH-N410", "another name"),
    "another time": ("SELECT account FROM balances", "FH-N402", "no field `day`"),
}


@pytest.mark.parametrize(("query", "code", "told"), QUERIES.values(), ids=QUERIES)
def test_what_has_no_place_in_evidence_is_refused(query: str, code: str, told: str) -> None:
    """At its place in the file, by code, with what would do."""
    text = f"name: m\ndatasets:\n  spans:\n    time: day\n    sql: |\n      {query}\nmetrics:\n  n: COUNT(spans.*)\n"

    with pytest.raises(Problems) as refused:
        catalogue_from(text)
    (error,) = refused.value.errors
    assert error.code == code
    assert told in f"{error.problem} {error.fix}"
    assert error.where is not None
    assert error.where.line in ((6,) if code == "FH-Q001" else (4, 5))


PERS = {
    "a share of itself": ("a: AVG(per(a, orders.buyer_id))", "FH-N205"),
    "a circle of two": ("a: AVG(per(b, orders.buyer_id))\n  b: MAX(per(a, orders.buyer_id))", "FH-N205"),
    "what is no metric": ("a: AVG(per(orders.shipping, orders.buyer_id))", "FH-N107"),
    "one word": ("a: AVG(per(shipping))", "FH-N204"),
    "over a window": ("a: {expression: 'AVG(per(shipping, orders.buyer_id))', window: 7d}", "FH-N204"),
    "with a filter of its own": (
        "a: AVG(per(shipping, orders.buyer_id)) FILTER (WHERE orders.shipping > 1)",
        "FH-N204",
    ),
    "a month before": ("a: prior(x, '1 month')\n  x: AVG(per(shipping, orders.buyer_id))", "FH-N204"),
}


@pytest.mark.parametrize(("metric", "code"), PERS.values(), ids=PERS)
def test_an_aggregate_per_something_that_means_nothing_is_refused(metric: str, code: str) -> None:
    """By code, before anything is run."""
    orders = "{source: orders, time: at, fields: {buyer_id: , shipping: , at: {datatype: DateTime}}}"
    text = f"name: m\ndatasets:\n  orders: {orders}\nmetrics:\n  shipping: SUM(orders.shipping)\n  {metric}\n"
    catalogue = catalogue_from(text)

    with pytest.raises(FreeholdError) as refused:
        compiled(Scope(catalogue, _table), asked(["a"], ["month"]))
    assert refused.value.code == code


ESTATE = """
apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: e}
spec: {connections: {w: {url: "duckdb:///w.duckdb"}}, environments: {dev: {connection: w}}}
"""
ASSETS = """
name: gaps
datasets:
  waits:
    time: at
    primary_key: [order_id]
    fields: {at: {datatype: DateTime}}
    sql: |
      WITH placed AS (SELECT order_id, at, LAG(at) OVER (ORDER BY at) AS before, state FROM shop.orders.orders WHERE state <> 'test')
      SELECT order_id, at, state, EPOCH(at) - EPOCH(before) AS seconds FROM placed
metrics: {mean_gap: AVG(waits.seconds), waits: COUNT(waits.*)}
"""


def test_what_a_metric_reads_through_a_query_is_known_to_plans(tmp_path: Path) -> None:
    """The columns of its value, those that date and those that choose its rows; whoever takes one away is told."""
    (tmp_path / "estate.yaml").write_text(ESTATE)
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "gaps.yaml").write_text(ASSETS)
    estate = load_estate(tmp_path)
    catalogue = catalogue_of(estate)

    reads = {d.metrics[0]: {(r.of, r.column) for r in d.reads} for d in as_readers(catalogue, estate)}

    assert reads["gaps.mean_gap"] == {("shop.orders.orders", "at"), ("shop.orders.orders", "state")}
    assert reads["gaps.waits"] >= {("shop.orders.orders", "order_id"), ("shop.orders.orders", "state")}


def test_an_asset_that_no_file_declares_is_told(tmp_path: Path) -> None:
    """As of any dataset, with the near match."""
    subprocess.run(
        [sys.executable, "-c", "from freehold.cli import main; main()", "init", str(tmp_path / "shop")],
        check=True,
        capture_output=True,
    )
    folder = tmp_path / "shop" / "shop" / "orders" / "metrics"
    (folder / "gaps.yaml").write_text(ASSETS.replace("shop.orders.orders", "shop.orders.order"))

    with pytest.raises(Problems) as refused:
        catalogue_of(load_estate(tmp_path / "shop"))
    (error,) = refused.value.errors
    assert error.code == "FH-N409"
    assert "`shop.orders.orders`" in error.fix


def test_a_query_goes_to_ossie_and_comes_back(tmp_path: Path) -> None:
    """Other tools read it as the source; every definition has the same hash again."""
    before = catalogue_from(MODEL)
    (document,) = read_documents(MODEL.encode(), "m.yaml")
    written = to_ossie(before, ["stays"], {"stays": document})
    after = catalogue_from(yaml.safe_dump(written, sort_keys=False))

    spans = next(d for d in written["semantic_model"][0]["datasets"] if d["name"] == "spans")
    hashes = [{m.id: definition_hash(c, m) for m in c.metrics()} for c in (before, after)]

    assert spans["source"].startswith("WITH dated AS (")
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize(("key", "holds"), [("account, day", True), ("account", False)])
def test_a_claimed_key_is_counted(duckdb_shop: Session, key: str, holds: bool) -> None:
    """What no contract declares is no run's to check: `metrics test` does."""
    catalogue = catalogue_from(MODEL.replace("    time: day\n", f"    time: day\n    primary_key: [{key}]\n", 1))
    answerer = Answerer(
        catalogue, _Engine(duckdb_shop), LOCAL, lambda d: Source(d.source, _table(d)),  # type: ignore[arg-type]
    )  # fmt: skip

    found = {v.metric: (v.passed, v.told) for v in key_verdicts(answerer, [catalogue.metric("weighted")])}

    assert found["stays.spans"][0] is holds
    assert ("more than one row" in found["stays.spans"][1]) is not holds
    assert found["stays.customers"] == (True, "")


class _Engine:
    """An engine that has one session, which stays open."""

    def __init__(self, session: Session) -> None:
        self.capabilities = type("Capabilities", (), {"dialect": "duckdb"})
        self._session = session

    def session(self, *_: object) -> Any:
        """Return it, not to be closed."""
        return type("Kept", (), {"rows": self._session.rows, "close": staticmethod(lambda: None)})
