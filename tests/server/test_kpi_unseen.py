"""KPIs are of the whole estate, whoever looks; by product they are told of products that one may see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

import guarded_estate
from changing_estates import freehold
from freehold import opening
from freehold.insight import builtin_kpis
from freehold.ledger import Event
from live_server import PAGE, Running, known_as

JSON = {"accept": "application/json"}
HIDDEN = ("selenium", "thorium")
GONE = "lab.gallium"  # a product of which the ledger tells, and that no file declares any more
KPI = "change-failure-rate"


@pytest.fixture(scope="module")
def half_seen(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over four products, two of them their team's alone; every one was deployed, and some taken back."""
    root: Path = tmp_path_factory.mktemp("half") / "guarded"
    guarded_estate.write(root)
    for word in HIDDEN:
        (root / "lab" / word / "product.odps.yaml").write_text(
            guarded_estate.product_file(f"lab.{word}", "{see: [member]}")
        )
    assert freehold(root, "run").returncode == 0
    with opening.ledger_around(str(root)) as ledger:
        for i, product in enumerate((*guarded_estate.PRODUCTS, GONE) * 2):
            about = {"occurred_at": datetime.now(UTC), "env": "prod", "product": product}
            said = {"deploy_id": f"d-{i}", "status": "success", "resources": [f"{product}.x"], "env": "prod"}
            ledger.append(Event("deploy.completed", said, **about))  # type: ignore[arg-type]
            ledger.append(Event("deploy.rolled_back", {"deploy_id": f"d-{i}", "env": "prod"}, **about))  # type: ignore[arg-type]
    return serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})


@pytest.mark.parametrize("period", ["", f"?period={datetime.now(UTC):%Y}"])
def test_a_kpi_by_product_leaves_out_those_that_one_may_not_see(half_seen: Running, period: str) -> None:
    """Every KPI, as a page, as JSON and by the API: no row and no word of a product that is hidden, or gone."""
    with known_as(half_seen, "user:idp/x", "group:idp/readers") as client:
        for kpi in builtin_kpis():
            for path in (f"/kpis/{kpi}", f"/kpis/{kpi}.json", f"/api/v1/kpis/{kpi}"):
                answer = client.get(f"{path}{period}", headers=PAGE)
                told = [word for word in (*HIDDEN, GONE) if word in answer.text.lower()]
                assert (answer.status_code, told) == (200, []), path


def test_what_is_left_out_still_counts(half_seen: Running) -> None:
    """The figures are of the whole estate, for all the same; who sees all of it has every row."""
    with half_seen.signed_in(**JSON) as all_:
        whole = all_.get(f"/kpis/{KPI}.json").json()["page"]
    with known_as(half_seen, "user:idp/x", "group:idp/readers", **JSON) as client:
        part = client.get(f"/kpis/{KPI}.json").json()["page"]
    with known_as(half_seen, "user:idp/rita", "group:idp/rare", **JSON) as client:
        rare = client.get(f"/kpis/{KPI}.json").json()["page"]

    assert {row["product"] for row in part["slices"]} == {"works.wolfram", "works.bismuth"}
    assert {row["product"] for row in rare["slices"]} == {*guarded_estate.PRODUCTS, GONE}
    assert {row["product"] for row in whole["slices"]} == {*guarded_estate.PRODUCTS, GONE}
    assert (part["value"], part["facts"]) == (whole["value"], whole["facts"])
