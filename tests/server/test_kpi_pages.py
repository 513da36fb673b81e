"""KPI pages: one number on page, API and terminal; its slices, its items, each event and its place in the chain."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx2
import pytest

from freehold import opening
from freehold.ledger import Event
from freehold.server.reckoning import Details, Reckoning
from freehold.server.snapshots import Snapshots
from live_server import PAGE, Running, made_token

FREEHOLD = Path(sys.executable).with_name("freehold")
FAST = {"read": 100_000, "write": 100_000, "sign_in": 100_000}


@pytest.fixture(scope="module")
def red(made_estate: Path, tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over an estate in which most deployments of the month were taken back, of two products."""
    root = tmp_path_factory.mktemp("red") / "shop"
    shutil.copytree(made_estate, root)
    now = datetime.now(UTC)
    with opening.ledger_around(str(root)) as ledger:
        for i in range(12):
            at, product = now - timedelta(milliseconds=30 - i), ("shop.orders", "other.product")[i % 2]
            deployed = {"deploy_id": f"d-{i}", "status": "success", "resources": [f"{product}.x"], "env": "prod"}
            ledger.append(Event("deploy.completed", deployed, occurred_at=at, env="prod", product=product))
            if product == "shop.orders":
                back = {"deploy_id": f"d-{i}", "env": "prod"}
                ledger.append(Event("deploy.rolled_back", back, occurred_at=at, env="prod", product=product))
    return serving(root, rates=FAST)


@pytest.mark.parametrize("kpi", ["change-failure-rate", "validation-pass-rate", "deployment-frequency", "adoption"])
def test_a_kpi_is_the_same_on_the_page_in_the_api_and_at_the_terminal(red: Running, kpi: str) -> None:
    """One definition and one set of events: one number, or the same reason for none."""
    with red.signed_in(accept="application/json") as client:
        page = client.get(f"/kpis/{kpi}.json").json()["page"]
        api = client.get(f"/api/v1/kpis/{kpi}").json()
    figures = api["figures"]
    words = ["kpi", "show", kpi, "--period", figures["period"], "--json"]
    said = subprocess.run([str(FREEHOLD), "-C", str(red.root), *words], check=True, capture_output=True, text=True)
    theirs = json.loads(said.stdout)

    assert (figures["value"], figures["n"], figures["state"]) == (theirs["value"], theirs["n"], theirs["state"])
    assert (figures["completeness"], api["definition"]) == (theirs["completeness"], theirs["definition"])
    assert page["period"] == figures["period"]
    assert bool(page["value"]) is (figures["value"] is not None)


def test_the_list_is_the_same_at_the_terminal(red: Running) -> None:
    """Without a period, each KPI is of the same one, with the same value, judged the same way."""
    with red.signed_in(accept="application/json") as client:
        api = client.get("/api/v1/kpis").json()["items"]
        rows = {row["id"]: row for row in client.get("/kpis.json").json()["page"]["kpis"]}
    words = ["-C", str(red.root), "kpi", "list", "--json"]
    theirs = json.loads(subprocess.run([str(FREEHOLD), *words], check=True, capture_output=True, text=True).stdout)

    ours = {k["id"]: (k["figures"]["period"], k["figures"]["value"], k["verdict"], k["targets"]) for k in api}
    assert {k["id"]: (k["period"]["name"], k["value"], k["verdict"], k["targets"]) for k in theirs["kpis"]} == ours
    assert {id_: row["mark"]["word"] for id_, row in rows.items()} == {id_: said[2] for id_, said in ours.items()}
    assert rows["pipeline-success"]["target"] == "≥ 99 % (tier 1), ≥ 97 %"


def test_what_pages_ask_for_beside_the_figures_is_bounded() -> None:
    """Any period may be named: what was asked for last stays, and what is there is not taken again."""
    details = Details(most=3)
    taken: list[int] = []

    def take(key: int) -> int:
        taken.append(key)
        return key

    assert [details.get(key, partial(take, key)) for key in (1, 2, 3, 1, 4, 1, 2)] == [1, 2, 3, 1, 4, 1, 2]
    assert taken == [1, 2, 3, 4, 2]  # 4 took the place of 2, which nobody had asked for since
    assert len(details) == 3


def test_what_takes_most_from_a_kpi_comes_first_and_leads_to_its_events(red: Running) -> None:
    """Deployments that were taken back before those that hold, each with both of its events."""
    with red.signed_in(accept="application/json") as client:
        page = client.get("/kpis/change-failure-rate.json").json()["page"]
        first = page["items"][0]
        event = client.get(f"/events/{first['events'][-1]['seq']}.json").json()["page"]

    assert page["mark"]["word"] == "off target"
    assert [i["counted_as"] for i in page["items"]][:6] == ["1 / 1"] * 6
    assert [e["type"] for e in first["events"]] == ["deploy.completed", "deploy.rolled_back"]
    assert event["chain"]["word"] in ("as sealed", "not sealed yet")
    assert json.loads(event["data"])["deploy_id"] == first["item"]


def test_checks_that_were_counted_are_called_by_what_they_claim(red: Running) -> None:
    """With the asset they are about; their ids are for programs, and stay beside."""
    with red.signed_in(accept="application/json") as client:
        items = client.get("/kpis/validation-pass-rate.json").json()["page"]["items"]
        page = client.get("/kpis/validation-pass-rate", headers=PAGE).text
    one = next(i for i in items if i["item"].startswith("shop.orders.orders") and i["item"] != i["called"])

    assert one["called"].endswith(" · shop.orders.orders")
    assert f'title="{one["item"]}"' in page
    assert not [i for i in items if i["called"] == i["item"]]


def test_a_kpi_is_taken_apart_by_product_worst_first(red: Running) -> None:
    """A product of the estate leads to its page; one that is none is only named."""
    with red.signed_in(accept="application/json") as client:
        slices = client.get("/kpis/change-failure-rate.json").json()["page"]["slices"]
    found = {row["product"]: row for row in slices}

    assert slices[0]["product"] == "shop.orders"
    assert (found["shop.orders"]["value"], found["shop.orders"]["href"]) == ("100.0 %", "/products/shop.orders")
    assert found["other.product"]["href"] == ""


@pytest.mark.parametrize(
    ("kpi", "told"),
    [("time-to-restore", "Alerts that page open incidents"), ("adoption", "Tell of `product.launched`")],
)
def test_what_is_not_instrumented_says_how_to_turn_it_on(red: Running, kpi: str, told: str) -> None:
    """No zero and no hundred percent: a sentence that says what to do."""
    with red.signed_in(accept="application/json") as client:
        page = client.get(f"/kpis/{kpi}.json").json()["page"]

    assert (page["value"], page["mark"]["word"]) == ("", "not instrumented")
    assert page["how"][0].startswith(told)


def test_the_list_says_what_is_off_target_first(red: Running) -> None:
    """And of which event the figures are."""
    with red.signed_in(accept="application/json") as client:
        told = client.get("/kpis.json").json()
        api = client.get("/api/v1/kpis").json()

    assert told["page"]["kpis"][0]["name"] == "Change failure rate"
    assert re.search(r"\b\d+ off target \(.*\bChange failure rate\b", told["sentence"])
    assert len(told["page"]["eight"]) == 8
    assert api["seq"] == told["page"]["seq"]
    assert {k["id"] for k in api["items"]} == {k["id"] for k in told["page"]["kpis"]}


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/v1/kpis", 200), ("/api/v1/kpis/K25", 200), ("/api/v1/kpis/K99", 404), ("/api/v1/kpis/K25?period=x", 400)],
)
def test_a_token_reads_kpis(red: Running, path: str, status: int) -> None:
    """By id or tag; what is no KPI or no period is told as elsewhere."""
    with red.signed_in(**PAGE) as person:
        token = made_token(person, "catalog:read", "metrics:query")
    with red.client(authorization=f"Bearer {token}", accept="application/json") as program:
        assert program.get(path).status_code == status


def test_another_period_is_another_number(red: Running) -> None:
    """Any period that has a name; nothing was counted where nothing happened."""
    with red.signed_in(accept="application/json") as client:
        page = client.get("/kpis/change-failure-rate.json?period=2011-03").json()["page"]

    assert (page["value_of"], page["items"], page["mark"]["word"]) == ("March 2011", [], "not enough evidence")


def test_kpis_are_kept_until_an_event_that_counts_comes(made_estate: Path, tmp_path: Path) -> None:
    """Signing in and looking at pages count for none; a deployment does, and what is shown meanwhile says so."""
    root = tmp_path / "shop"
    shutil.copytree(made_estate, root)
    snapshots = Snapshots(root)
    try:
        reckoning, ledger = Reckoning(snapshots.ledger), snapshots.ledger
        first = reckoning.of(snapshots.now())
        ledger.append(Event("session.refused", {"method": "link", "why": "a test"}))
        ledger.raw.append("usage.view", [Event("usage.view", {"page": "home"})])
        same = reckoning.of(snapshots.now())
        ledger.append(Event("deploy.completed", {"deploy_id": "d", "status": "success", "env": "prod"}))
        behind = reckoning.of(snapshots.now())
        reckoning.close()
        newer = reckoning.of(snapshots.now())
    finally:
        snapshots.close()

    assert same is first
    assert (behind.is_behind, behind.seq) == (True, first.seq)
    assert (newer.is_behind, newer.seq > first.seq) == (False, True)


def test_an_event_that_was_written_over_is_told_as_broken(
    made_estate: Path, tmp_path: Path, serving: Callable[..., Running]
) -> None:
    """Whoever looks at an event sees whether it is what was sealed."""
    import sqlite3

    root = tmp_path / "shop"
    shutil.copytree(made_estate, root)
    with sqlite3.connect(root / ".freehold" / "state.db") as connection:
        connection.execute("UPDATE ledger_event SET actor = 'user:local/somebody-else' WHERE seq = 3")
    connection.close()
    with serving(root, rates=FAST).signed_in(accept="application/json") as client:
        changed = client.get("/events/3.json").json()["page"]

    assert changed["chain"]["word"] == "broken"
    assert "was changed after it was sealed" in changed["chain_told"][0]


def test_who_may_not_see_all_sees_no_event_of_others(red: Running, browser: httpx2.Client) -> None:
    """An event without a product of theirs is not there for them; see also the tests of rights."""
    from types import SimpleNamespace

    from freehold.server.web.pages.kpis import may_see

    asked = SimpleNamespace(snapshot=SimpleNamespace(seen=frozenset({"shop.orders"})))
    seen = [
        SimpleNamespace(product="shop.orders", data={"asset": "shop.orders.x"}),
        SimpleNamespace(product="shop.orders", data={"resources": ["shop.orders.x", "other.product.y"]}),
        SimpleNamespace(product="other.product", data={}),
        SimpleNamespace(product="", data={}),
    ]

    assert [may_see(asked, one) for one in seen] == [True, False, False, False]  # type: ignore[arg-type]
