"""Definitions that disagree are found, and what a change of one does to the numbers is shown."""

# ruff: noqa: E501 - models read better whole

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from freehold.cli import cli
from freehold.metrics.conflicts import conflicts
from freehold.metrics.facts import facts_of
from freehold.metrics.fingerprint import definition_hash, parts_used

from .conftest import catalogue_from

HEAD = "datasets:\n  t: {source: shop.t, primary_key: [id], time: d, fields: {id: , v: , w: v * 2, d: {datatype: Date}, k: }}\n"


def two(left: str, right: str) -> list[tuple[str, ...]]:
    """Return the conflicts between the metrics of two models over one table."""
    catalogue = catalogue_from(f"name: a\n{HEAD}metrics:\n  {left}\n---\nname: b\n{HEAD}metrics:\n  {right}\n")
    return [(c.kind, *(m.id for m in c.metrics)) for c in conflicts(catalogue)]


CASES = {
    "one name, two expressions": ("m: SUM(t.v)", "m: SUM(t.w)", [("same name", "a.m", "b.m")]),
    "one name, two filters": ("m: SUM(t.v)", "m: {expression: SUM(t.v), filter: t.k = 1}", [("same name", "a.m", "b.m")]),
    "one name, one meaning": ("m: SUM(t.v)", "m: sum( t.v )", []),
    "two names, one meaning": ("m: SUM(t.v)", "n: SUM(t.v)", [("same meaning", "a.m", "b.n")]),
    "two names, one meaning by way of a field": ("m: SUM(t.v * 2)", "n: SUM(t.w)", [("same meaning", "a.m", "b.n")]),
    "a synonym of one is the name of the other": (
        "m: {expression: SUM(t.v), synonyms: [turnover]}", "turnover: SUM(t.w)", [("same word", "a.m", "b.turnover")],
    ),
    "a looser spelling of the name": ("total_sales: SUM(t.v)", "sales: COUNT(t.*)", [("same word", "a.total_sales", "b.sales")]),
    "a window is another meaning": ("m: SUM(t.v)", "n: {expression: SUM(t.v), window: 7d}", []),
    "one is on its way out for the other": (
        "m: SUM(t.v)", "n: {expression: SUM(t.v), status: deprecated, replaced_by: a.m}", [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_metrics_that_disagree_are_found(case: str) -> None:
    """One name with two meanings, one meaning with two names; nothing else."""
    left, right, expected = CASES[case]

    assert expected == two(left, right)


def test_many_that_disagree_are_one_conflict() -> None:
    """However many share a name or a meaning, people read of it once, with all of them side by side."""
    each = [
        ("a", "m: SUM(t.v)"),
        ("b", "m: SUM(t.w)"),
        ("c", "m: COUNT(t.*)"),
        ("d", "n: SUM(t.v)"),
        ("e", "o: SUM(t.v)"),
    ]
    catalogue = catalogue_from("---\n".join(f"name: {name}\n{HEAD}metrics:\n  {metric}\n" for name, metric in each))

    found = {c.kind: [m.id for m in c.metrics] for c in conflicts(catalogue)}

    assert found == {"same name": ["a.m", "b.m", "c.m"], "same meaning": ["a.m", "d.n", "e.o"]}


def test_a_definition_is_known_by_what_it_computes() -> None:
    """Words, layout and tests leave the hash as it is; everything that can change the number does not."""
    base = "m: {expression: SUM(t.v), filter: t.k = 1}"
    same = ["m: {filter: t.k = 1, expression: 'sum(t.v)', description: Money., status: draft}"]
    other = [
        "m: {expression: SUM(t.w), filter: t.k = 1}", "m: {expression: SUM(t.v), filter: t.k = 2}",
        "m: {expression: SUM(t.v), filter: t.k = 1, window: 7d}", "m: {expression: SUM(t.v), filter: t.k = 1, fill: 0}",
        "m: {expression: SUM(t.v)}",
    ]  # fmt: skip

    def hashed(text: str) -> str:
        catalogue = catalogue_from(f"name: a\n{HEAD}metrics:\n  {text}\n")
        return definition_hash(catalogue, catalogue.metric("m"))

    assert {hashed(base)} == {hashed(text) for text in same}
    assert hashed(base) not in {hashed(text) for text in other}
    assert len(other) == len({hashed(text) for text in other})


def run(folder: Path, *words: str) -> Result:
    """Run a command in an estate."""
    return CliRunner().invoke(cli, ["-C", str(folder), *words])


@pytest.fixture
def corner(tmp_path: Path) -> Path:
    """The estate that `freehold init` writes, committed, and run once."""
    folder = tmp_path / "corner"
    assert CliRunner().invoke(cli, ["init", str(folder)]).exit_code == 0
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=x", "-c", "user.email=x@y.z", "commit", "-qm", "one"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)
    assert run(folder, "run").exit_code == 0
    return folder


def test_a_change_of_a_definition_shows_what_it_does_to_the_numbers(corner: Path) -> None:
    """Formula and values of both sides stand beside each other; a certified metric that says another number is a finding."""
    file = corner / "shop" / "orders" / "metrics" / "shop.yaml"
    text = file.read_text()

    assert run(corner, "metrics", "diff").exit_code == 0

    file.write_text(text.replace("filter: orders.state <> 'cancelled'", "filter: orders.state = 'paid'"))
    found = run(corner, "metrics", "diff", "--by", "day", "--json")
    (revenue,) = [c for c in json.loads(found.stdout)["changes"] if c["metric"] == "shop.revenue"]

    assert found.exit_code == 1
    assert revenue["what"] == "changed"
    assert revenue["values"]
    assert all(v["after"] < v["before"] for v in revenue["values"])
    assert "state = 'paid'" in run(corner, "metrics", "diff", "--by", "day").output


def test_a_change_that_evens_out_over_a_month_is_shown_by_day(corner: Path) -> None:
    """Where the periods asked for say the same, days are looked at before a change is called none."""
    file = corner / "shop" / "orders" / "metrics" / "shop.yaml"
    file.write_text(file.read_text().replace("name: shop\n", "name: shop\ntimezone: Asia/Tokyo\n"))

    (orders,) = json.loads(run(corner, "metrics", "diff", "orders", "--by", "year", "--json").stdout)["changes"]

    assert orders["differs"]
    assert orders["by"] == "day"
    assert "day " in run(corner, "metrics", "diff", "orders", "--by", "year").stdout


def test_an_answer_is_explained_by_its_id_and_says_what_changed_since(corner: Path) -> None:
    """The id of an answer leads to its question; a definition that is another one now is told."""
    asked = json.loads(run(corner, "query", "orders", "--by", "day", "--json").stdout)

    told = json.loads(run(corner, "explain", asked["query_id"], "--json").stdout)

    assert told["question"] == {"metrics": ["orders"], "by": ["day"]}
    assert told["since"] == []
    assert "COUNT(*)" in told["sql"]


def test_every_kind_of_metric_is_explained(corner: Path) -> None:
    """A key in a share is no metric, a bare name is a field, and what goes back a week has no value by month."""
    file = corner / "shop" / "orders" / "metrics" / "shop.yaml"
    file.write_text(
        file.read_text().rstrip()
        + "\n  part: share_of(revenue, month)\n  growth: \"revenue / prior(revenue, '1 week') - 1\"\n"
        + "  bare: COUNT(DISTINCT customer)\n"
    )
    told = {name: run(corner, "explain", name, "--json") for name in ("part", "growth", "bare")}

    assert [(name, one.exit_code, one.output) for name, one in told.items() if one.exit_code] == []
    formulas = {name: [step["metric"] for step in json.loads(one.stdout)["formula"]] for name, one in told.items()}
    assert formulas == {"part": ["part", "revenue"], "growth": ["growth", "revenue"], "bare": ["bare"]}


def test_an_answer_is_kept_until_its_data_changes(corner: Path) -> None:
    """The same question is answered from what was kept; after another publication it is computed anew."""
    first = json.loads(run(corner, "query", "orders", "--json").stdout)
    second = json.loads(run(corner, "query", "orders", "--json").stdout)
    landing = next((corner / "landing").rglob("*.csv"))
    lines = landing.read_text().splitlines()
    landing.write_text("\n".join(lines[:-1]) + "\n")
    assert run(corner, "run").exit_code == 0
    third = json.loads(run(corner, "query", "orders", "--json").stdout)

    assert [one["is_kept"] for one in (first, second, third)] == [False, True, False]
    assert first["rows"] == second["rows"]
    assert third["rows"][0]["orders"] == first["rows"][0]["orders"] - 1


def test_every_answer_is_an_event(corner: Path) -> None:
    """Who asked, which metric by which definition, over which version in which state, stands in the evidence."""
    from freehold.ledger import Ledger

    answer = json.loads(run(corner, "query", "revenue", "--json").stdout)
    with Ledger.open("sqlite:///.freehold/state.db", root=corner) as ledger, ledger.evidence() as evidence:
        rows = evidence.query(
            "SELECT query_id, resource, metrics, definitions, version, quality, rows FROM usage_query"
        )

    assert [
        (
            answer["query_id"], "shop.orders.orders", ["shop.revenue"], [answer["metrics"]["revenue"]["definition"]],
            answer["sources"][0]["version"], "ok", 1,
        )
    ] == [tuple(row) for row in rows]  # fmt: skip


def test_an_answer_says_whether_all_it_gives_is_certified(corner: Path) -> None:
    """Use of what is certified can be told from use of drafts: one draft among the metrics makes it one of drafts."""
    from freehold.ledger import Ledger

    found = json.loads(run(corner, "metrics", "list", "--json").stdout)["metrics"]
    certified, draft = (
        next(m["name"] for m in found if (m["status"] == "certified") is is_so) for is_so in (True, False)
    )
    for asked in (certified, draft, f"{certified},{draft}"):
        assert run(corner, "query", asked).exit_code == 0

    with Ledger.open("sqlite:///.freehold/state.db", root=corner) as ledger, ledger.evidence() as evidence:
        rows = evidence.query("SELECT DISTINCT LEN(metrics), certified FROM usage_query ORDER BY ALL")
    assert [tuple(row) for row in rows] == [(1, False), (1, True), (2, False)]


def test_held_data_is_marked_and_refused_on_request(corner: Path) -> None:
    """A number on data of which newer rows are held says so; who asks for sound data only is refused."""
    landing = next((corner / "landing").rglob("*.csv"))
    header, *lines = landing.read_text().splitlines()
    landing.write_text("\n".join([header, *(line.replace(",paid", ",nonsense") for line in lines)]) + "\n")
    run(corner, "run")

    marked = run(corner, "query", "revenue")
    refused = run(corner, "query", "revenue", "--only-sound")

    assert marked.exit_code == 0
    assert "held:" in marked.stderr
    assert refused.exit_code == 1
    assert "FH-N501" in str(refused.exception)


READ = """
name: m
datasets:
  visits: {source: visits, primary_key: [id], time: at, fields: {id: , at: {datatype: DateTime}, user_id: , page: }}
  orders: {source: orders, primary_key: [id], time: at, fields: {id: , at: {datatype: DateTime}, user_id: , amount: }}
  users: {source: users, primary_key: [user_id], fields: {user_id: , country: }}
relationships:
  - {from: visits.user_id, to: users.user_id, name: visitor}
  - {from: orders.user_id, to: users.user_id, name: buyer}
metrics:
  conversion: {conversion: {base: COUNT(visits.*), converted: COUNT(orders.*), entity: [visits.user_id, orders.user_id], within: 7d}}
  big: {expression: COUNT(DISTINCT orders.user_id), filter: "per(spent, buyer.user_id) > 100"}
  spent: SUM(orders.amount)
  german: {expression: SUM(amount), filter: country = 'DE'}
"""


@pytest.mark.parametrize(
    ("name", "facts", "reads"),
    [
        ("conversion", ("visits",), {"visits.*", "orders.*", "visits.user_id", "orders.user_id"}),
        ("big", ("orders",), {"orders.user_id", "users.user_id", "orders.amount"}),
        ("german", ("orders",), {"orders.amount", "users.country", "orders.user_id"}),
    ],
)
def test_what_a_metric_reads_is_what_its_names_mean(name: str, facts: tuple[str, ...], reads: set[str]) -> None:
    """A bare name is of the fact or of what it leads to, with the keys that lead there. A conversion goes by its base."""
    catalogue = catalogue_from(READ)
    metric = catalogue.metric(name)

    assert facts_of(catalogue, metric) == facts
    assert {f"{dataset}.{field}" for _, dataset, field in parts_used(catalogue, metric)[1]} == reads
