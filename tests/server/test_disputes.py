"""Disputes at a server: on the page of the metric, told to its readers, measured as a job; by who may alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from changing_estates import OWNER, freehold, owned
from freehold.foundation import Caller
from freehold.ledger import Event
from freehold.work import Work
from live_process import until
from live_server import PAGE, Running, known_as

FAST = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
READER, CLAIM, TOLD = "user:idp/zoe", "What was cancelled is in it.", "A dispute of shop.revenue was decided."
STEWARD = Caller(f"user:idp/{OWNER}", ("role:idp/shop-data-steward",))
JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over an estate of one owner, in which one person asked for revenue."""
    root = tmp_path_factory.mktemp("disputes") / "shop"
    assert freehold(root.parent, "init", str(root)).returncode == 0
    owned(root)
    assert freehold(root, "run").returncode == 0
    running = serving(root, rates=FAST)
    ledger = running.app.state.served.snapshots.ledger
    read = Event("usage.query", {"consumer": READER, "metrics": ["shop.revenue"]}, occurred_at=datetime.now(UTC))
    ledger.raw.append("usage.query", [read])
    return running


def begun(shop: Running, *, is_decided: bool = False) -> str:
    """Begin a dispute, and decide it; return its id."""
    snapshots = shop.app.state.served.snapshots
    work = Work(snapshots.now().estate, snapshots.ledger.acting(STEWARD))
    item = work.create("metric_dispute", {"metric": "shop.revenue", "claim": CLAIM}, product="shop.orders").item.id
    if is_decided:
        work.move(item, "accept")
        work.move(item, "decide", fields={"decision": "It is not."})
    return item


def test_a_metric_has_its_disputes_on_its_page(shop: Running) -> None:
    """Those that are open and those that are not, each with its item; and the form by which one begins another."""
    item = begun(shop)
    with known_as(shop, READER) as client:
        page = client.get("/metrics/shop.revenue.json").json()["page"]
        other = client.get("/metrics/shop.average_order.json").json()["page"]
        form = client.get(page["dispute_href"], headers=PAGE)

    assert f"/items/{item}" in [one["href"] for one in page["disputes"]]
    assert "open, 0 settled" in next(fact["text"] for fact in page["facts"] if fact["term"] == "Disputes")
    assert (other["disputes"], form.status_code) == ([], 200)
    assert 'value="shop.revenue"' in form.text


def _counted(answer: httpx2.Response, item: str) -> dict[str, Any] | None:
    return next((row for row in answer.json()["page"]["items"] if row["item"] == item), None)


def test_a_kpi_that_counts_it_calls_it_by_what_it_is_about(shop: Running) -> None:
    """And leads to its page; whoever may not see it has its id alone."""
    item = begun(shop)
    with shop.signed_in(**JSON) as client:
        row = until(lambda: _counted(client.get("/kpis/metric-disputes.json"), item), "the dispute is counted")

    assert (row["called"], row["href"]) == (CLAIM, f"/items/{item}")


def test_those_who_read_it_are_told_by_who_answers_for_it(shop: Running) -> None:
    """At home, and nobody else; nobody is told of what was not decided, or by somebody who holds no role for it."""
    item, undecided = begun(shop, is_decided=True), begun(shop)
    with known_as(shop, f"user:idp/{OWNER}") as owner, known_as(shop, READER) as reader:
        assert TOLD not in reader.get("/homes/consumer", headers=PAGE).text
        assert reader.get(f"/items/{item}.json").json()["page"]["to_tell"] is None
        refused = reader.post(f"/items/{item}", data={"tell": "readers"}, headers=JSON)
        early = owner.post(f"/items/{undecided}", data={"tell": "readers"}, headers=JSON)
        before = owner.get(f"/items/{item}.json").json()["page"]["to_tell"]
        done = owner.post(f"/items/{item}", data={"tell": "readers"})
        after = owner.get(f"/items/{item}.json").json()["page"]["to_tell"]

        assert ("FH-W104" in refused.text, "FH-L710" in early.text, done.status_code) == (True, True, 303)
        assert (before, after) == (["zoe"], None)
        assert TOLD in reader.get("/homes/consumer", headers=PAGE).text
        assert TOLD not in owner.get("/homes/consumer", headers=PAGE).text


def test_both_sides_are_measured_as_a_job_of_who_may_run(shop: Running) -> None:
    """Its page is led to; somebody who may not run anything begins none."""
    item = begun(shop)
    with known_as(shop, f"user:idp/{OWNER}", "group:idp/shop-data") as owner, known_as(shop, READER) as reader:
        refused = reader.post(f"/items/{item}", data={"measure": "both"}, headers=JSON)
        done = owner.post(f"/items/{item}", data={"measure": "both"}, headers=PAGE)
        assert (refused.status_code, done.status_code) == (403, 303), done.text[:400]
        job = shop.app.state.served.jobs.get(done.headers["location"].rpartition("/")[2])

    assert (job.kind, job.arguments["item"]) == ("items measure", item)
