"""Runs and deployments as pages and the API show them: what was held first, with rows as whoever looks may see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from changing_estates import held_estate
from freehold import opening
from freehold.delivery.run_book import RunBook
from freehold.delivery.runs import OUTCOMES
from freehold.delivery.unfinished import at_work
from freehold.estate import load_estate
from freehold.foundation import Caller
from freehold.server.rows_seen import under_policies
from live_server import PAGE, Running

JSON = {"accept": "application/json"}


@pytest.fixture(scope="session")
def held(made_estate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An estate of which the last day was kept back."""
    return held_estate(made_estate, tmp_path_factory.mktemp("held") / "shop")


@pytest.fixture(scope="module")
def held_server(held: Path, serving: Callable[..., Running]) -> Running:
    """A server over it."""
    return serving(held, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})


@pytest.fixture
def reader(held_server: Running) -> Iterator[httpx2.Client]:
    """Somebody who is signed in there."""
    with held_server.signed_in(**PAGE) as client:
        yield client


def shown(client: httpx2.Client, path: str) -> dict[str, Any]:
    """Return the model of a page."""
    got = client.get(path, headers=JSON)
    assert got.status_code == 200, got.text
    told: dict[str, Any] = got.json()["page"]
    return told


def test_the_list_says_what_was_held_and_leads_there(reader: httpx2.Client) -> None:
    """The newest first: what was kept back by name, and what waits for it."""
    newest, *rest = shown(reader, "/runs.json")["runs"]

    assert newest["outcome"]["word"] == "quarantined"
    assert "shop.orders.orders of" in newest["what"]
    assert rest[0]["outcome"]["word"] == "published"
    assert newest["href"] in reader.get("/runs").text


@pytest.mark.parametrize(
    ("query", "many"),
    [
        pytest.param("", 2, id="all of them"),
        pytest.param("?outcome=quarantined", 1, id="those that kept something back"),
        pytest.param("?outcome=failed", 0, id="those that failed: none"),
        pytest.param("?product=shop.orders", 2, id="those of a product"),
        pytest.param("?product=shop.orders&outcome=published", 1, id="those of a product that published everything"),
    ],
)
def test_runs_are_filtered(reader: httpx2.Client, query: str, many: int) -> None:
    """By product and by outcome; page and API say the same, and an empty list teaches."""
    rows = shown(reader, f"/runs.json{query}")["runs"]
    items = reader.get(f"/api/v1/runs{query}", headers=JSON).json()["items"]

    assert len(rows) == len(items) == many
    assert [row["id"] for row in rows] == [item["id"] for item in items]
    assert many or "freehold run" in reader.get(f"/runs{query}").text


def test_a_run_tells_why_it_was_held_and_what_stays(reader: httpx2.Client) -> None:
    """The failing claim first, with the row that failed it; what consumers read instead; what to do next."""
    row = shown(reader, "/runs.json?outcome=quarantined")["runs"][0]
    run = shown(reader, f"/runs/{row['id']}.json")
    part = run["held"][0]
    check = part["checks"][0]

    assert run["title"].startswith("Kept from consumers: orders")
    assert "`amount`" in run["reasons"][0]
    assert check["found"].startswith("1 of ")
    assert check["mark"]["word"] == "fail"
    assert "-5" in [value for failing in check["rows"] for value in failing]
    assert part["is_open"] is True
    assert reader.get(f"/deployments/{part['kept']}").status_code == 200
    assert f"freehold quarantine discard {part['candidate']}" in reader.get(f"/runs/{row['id']}").text
    assert {step["outcome"]["word"] for step in run["steps"]} == {"published", "quarantined"}


def test_a_deployment_tells_what_moved_and_what_a_rollback_would_do(reader: httpx2.Client) -> None:
    """From which deployment, by which verdicts, and the way back before anybody takes it."""
    first = reader.get("/api/v1/deployments?kind=all", headers=JSON).json()["items"][0]
    page = shown(reader, f"/deployments/{first['id']}.json")

    assert [m["asset"] for m in page["moved"]] == first["assets"]
    assert all(m["before"] and m["before"] != first["id"] for m in page["moved"])
    assert page["live"] == len(first["assets"])
    assert page["rollback"]["parts"][0]["product"] == "shop.orders"
    assert page["run"] == shown(reader, "/runs.json")["runs"][0]["id"]
    assert shown(reader, f"/deployments/{first['id'][-8:]}.json")["id"] == first["id"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        pytest.param("/runs/01a0-nothing", 404, "FH-D227", id="a run that is not there"),
        pytest.param("/deployments/0123456789ab", 404, "FH-D214", id="a deployment that is not there"),
        pytest.param("/runs?outcome=fine", 400, "FH-A112", id="an outcome that there is not"),
        pytest.param("/runs?before=-1", 400, "FH-A112", id="no cursor"),
        pytest.param("/runs?before=" + "9" * 40, 400, "FH-A112", id="a number that no event has"),
        pytest.param("/runs?product=shop.order", 404, "FH-D201", id="a product that is not there"),
        pytest.param("/api/v1/runs/01a0-nothing", 404, "FH-D227", id="a run that is not there, by the API"),
        pytest.param("/api/v1/deployments/0123456789ab", 404, "FH-D214", id="a deployment, by the API"),
    ],
)
def test_what_is_not_there_is_told_so(reader: httpx2.Client, path: str, status: int, code: str) -> None:
    """By its code, to people and programs alike."""
    got = reader.get(path, headers=JSON)

    assert (got.status_code, got.json()["code"]) == (status, code)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_of_runs_make_the_whole_list(held: Path, limit: int) -> None:
    """However many a page holds, each run is on one of them, in the same order."""
    with opening.ledger_around(str(held)) as ledger:
        book = RunBook(ledger)
        whole, end = book.lines("prod", limit=100)
        paged, before = [], 0
        while True:
            found, before = book.lines("prod", before=before, limit=limit)
            paged += found
            if not before:
                break

    assert end == 0
    assert paged == list(whole)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_run_is_called_by_the_worst_of_its_steps(held: Path, outcome: str) -> None:
    """So that a filter by outcome finds exactly those that the list calls so."""
    with opening.ledger_around(str(held)) as ledger:
        book = RunBook(ledger)
        whole, _ = book.lines("prod", limit=100)
        found, _ = book.lines("prod", outcome=outcome, limit=100)

    assert [one.id for one in found] == [one.id for one in whole if one.outcome == outcome]


def test_steps_of_products_that_are_not_seen_are_not_told(held: Path) -> None:
    """A run without any that is seen is not there."""
    with opening.ledger_around(str(held)) as ledger:
        assert RunBook(ledger).lines("prod", seen=frozenset({"shop.other"})) == ((), 0)


POLICY = """apiVersion: freehold.dev/v1
kind: DataPolicy
metadata: {{id: orders-seen, owner: shop-data}}
spec:
  of: [shop.orders.{of}]
{more}  grants:
    - {{to: ["user:idp/all"]}}
    - {{to: ["user:idp/paid"], rows: "state = 'paid'"}}
    - {{to: ["user:idp/masked"], masks: {{customer: "'somebody'"}}}}
"""
ROWS = ({"order_id": "1", "customer": "c1", "state": "paid"}, {"order_id": "2", "customer": "c2", "state": "new"})
STRANGE = ({"who": "c1", "times": 3},)


@pytest.mark.parametrize(
    ("who", "asset", "rows", "customers", "why"),
    [
        pytest.param("all", "orders", ROWS, ["c1", "c2"], "", id="whom the policy hides nothing sees all"),
        pytest.param("paid", "orders", ROWS, ["c1"], "keeps 1 of them", id="rows are filtered, and that is said"),
        pytest.param("masked", "orders", ROWS, ["somebody"] * 2, "", id="columns are masked"),
        pytest.param("nobody", "orders", ROWS, [], "no grant", id="without a grant nothing is shown"),
        pytest.param("masked", "orders", STRANGE, [], "no column", id="what a check computed is not shown"),
        pytest.param("all", "raw_orders", ROWS, ["c1", "c2"], "", id="upstream of a policy, to whom it hides nothing"),
        pytest.param("masked", "raw_orders", ROWS, [], "built from it", id="upstream of a policy that hides something"),
    ],
)  # fmt: skip
def test_failing_rows_are_under_the_policies_of_whoever_looks(
    made_estate: Path, tmp_path: Path, who: str, asset: str, rows: Any, customers: list[str], why: str
) -> None:
    """The same as answers are; what cannot be decided is not shown."""
    root = _policed(made_estate, tmp_path)
    estate = load_estate(root)
    graph = _graph(estate)
    seen = under_policies(estate, graph, Caller(f"user:idp/{who}", assurance="oidc"), f"shop.orders.{asset}", rows)

    assert [row["customer"] for row in seen.rows] == customers
    assert why in seen.why
    assert bool(seen.why) is bool(why)


def test_a_policy_of_groups_shows_no_row(made_estate: Path, tmp_path: Path) -> None:
    """A row alone is a group of one."""
    estate = load_estate(_policed(made_estate, tmp_path, more="  smallest_group: 5\n"))
    seen = under_policies(estate, _graph(estate), Caller("user:idp/all", assurance="oidc"), "shop.orders.orders", ROWS)

    assert seen.rows == ()
    assert "at least 5" in seen.why


def _policed(made: Path, folder: Path, more: str = "") -> Path:
    import shutil

    root = folder / "shop"
    shutil.copytree(made, root, ignore=shutil.ignore_patterns(".freehold"))
    (root / "policy.yaml").write_text(POLICY.format(of="orders", more=more), encoding="utf-8")
    return root


def _graph(estate: Any) -> Any:
    from freehold.delivery.graph import Graph

    return Graph.of(estate, "prod", "duckdb")


def test_a_run_that_broke_off_is_not_told_as_one_that_passed(held_server: Running, reader: httpx2.Client) -> None:
    """Its page says so, and which run went on; the list does not call it published."""
    ledger = held_server.app.state.served.snapshots.ledger
    newest, first = (one.id for one in RunBook(ledger).lines("prod")[0])
    with pytest.raises(OSError, match="killed"), at_work(ledger, "prod", first):
        raise OSError("killed")
    begun = shown(reader, f"/runs/{first}.json")
    with at_work(ledger, "prod", newest):
        pass
    broken, listed = shown(reader, f"/runs/{first}.json"), shown(reader, "/runs.json")["runs"]
    ledger.state.delete("run broken off", f"prod/{first}")

    assert begun["outcome"]["word"] == "not ended"
    assert broken["outcome"]["word"] == "broke off"
    assert f"run `{newest}` went on" in str(broken)
    assert [one["outcome"]["word"] for one in listed] == ["quarantined", "broke off"]
