"""Performance at a server: page, API, figures and the command say the same, and nothing of what may not be seen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import guarded_estate
from changing_estates import freehold
from freehold.insight.telling import said
from freehold.ledger import Event
from live_server import Running, known_as, token_of

FAST = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
HIDDEN, SEEN = "lab.selenium", "works.wolfram"


@pytest.fixture(scope="module")
def half_seen(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over products of which one is its team's alone, and each was asked twice and answered once."""
    root: Path = tmp_path_factory.mktemp("half") / "guarded"
    guarded_estate.write(root)
    file = guarded_estate.product_file(HIDDEN, "{see: [member]}")
    (root / "lab" / "selenium" / "product.odps.yaml").write_text(file)
    assert freehold(root, "run").returncode == 0
    running = serving(root, rates=FAST)
    ledger = running.app.state.served.snapshots.ledger
    asked = [
        {"consumer": "user:a", "product": one, "resource": f"{one}.x", "query_id": f"{one} {n}", "duration_ms": ms,
         "status": status, "queued_ms": 40, "spilled_bytes": 2_500_000 * n, "source": "snowflake"}
        for one in (HIDDEN, SEEN) for n, (ms, status) in enumerate([(100, "ok"), (300, "error")])
    ]  # fmt: skip
    at = ledger.clock.now()
    ledger.raw.append("usage.query", [Event("usage.query", one, occurred_at=at, env="prod") for one in asked])
    return running


def test_page_api_and_command_say_the_same(half_seen: Running) -> None:
    """Of each product how long runs and queries took, in the same numbers."""
    with half_seen.signed_in() as client:
        api = client.get("/api/v1/performance").json()["items"]
        page = client.get("/performance.json").json()["page"]
        paged = client.get("/api/v1/performance?limit=1").json()
        wrong = client.get("/api/v1/performance?days=8")
    theirs = json.loads(freehold(half_seen.root, "performance", "--json").stdout)["products"]

    assert {one["product"]: _counts(one) for one in theirs} == {one["product"]: _counts(one) for one in api}
    runs, queries = ({row["id"]: row for row in page[name]} for name in ("runs", "queries"))
    for one in api:
        assert one["runs"]["count"] == runs[one["product"]]["runs"] == 1
        assert runs[one["product"]]["p95"]["text"] == said(one["runs"]["p95"], "s")
    assert (queries[SEEN]["asked"], queries[SEEN]["failed"], queries[SEEN]["share"]) == (2, 1, "50 %")
    assert (queries[SEEN]["p50"]["text"], queries[SEEN]["queued"]["text"]) == ("0.2 s", "40.0 ms")
    assert queries[SEEN]["spilled"]["text"] == "1 · 2 MB"
    assert (len(paged["items"]), paged["next"] is not None, wrong.status_code) == (1, True, 400)
    assert [told.split(" is not ")[0] for told in page["untold"]] == ["How long runs wait"]


def _counts(one: dict[str, Any]) -> tuple[Any, ...]:
    return one["runs"], one["asked"], one["failed"], one["queries"], one["queued"], one["spilled"], one["spilled_bytes"]


def test_nothing_is_said_of_what_may_not_be_seen(half_seen: Running) -> None:
    """Not on the page, not in the API, not in the figures that are scraped."""
    with known_as(half_seen, "user:idp/x", "group:idp/readers") as client:
        told = [client.get(path).text for path in ("/performance.json", "/api/v1/performance")]
    with half_seen.client(Authorization=f"Bearer {token_of(half_seen, 'user:idp/carl')}") as client:
        told.append(client.get("/metrics").text)

    assert not [text for text in told if "selenium" in text]
    assert 'freehold_query_duration_seconds{product="works.wolfram",quantile="0.5"} 0.2' in told[-1]
    assert 'freehold_query_queue_seconds{product="works.wolfram",quantile="0.95"} 0.04' in told[-1]
    assert 'freehold_query_failed{product="works.wolfram"} 1.0' in told[-1]
    assert 'freehold_query_spilled{product="works.wolfram"} 1.0' in told[-1]
    assert 'freehold_run_duration_seconds{product="works.wolfram",quantile="0.95"}' in told[-1]


def test_a_question_that_the_warehouse_cannot_answer_is_counted(made_estate: Path, tmp_path: Path) -> None:
    """As one that failed, of the product that it was about; it is no use of the product."""
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    wrong = freehold(root, "query", "shop.revenue", "--where", "CAST(state AS INTEGER) = 1")
    told = json.loads(freehold(root, "performance", "--json", "--product", "shop.orders").stdout)["products"]
    use = json.loads(freehold(root, "usage", "show", "shop.orders", "--json").stdout)

    assert wrong.returncode == 1
    assert "FH-E201" in wrong.stderr
    assert (told[0]["asked"], told[0]["failed"], use["readers"]) == (1, 1, [])
    assert freehold(root, "performance", "--product", "shop.order").returncode == 2
