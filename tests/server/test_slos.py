"""SLOs at a server: the page and the API say the same, and nothing of what an asker may not see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import guarded_estate
from changing_estates import freehold
from live_server import Running, known_as, token_of

FAST = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
SLO = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: %s-runs, displayName: Runs of %s}
spec:
  service: %s
  indicatorRef: runs
  timeWindow: [{duration: 28d}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.99}]
"""


@pytest.fixture(scope="module")
def half_seen(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over products with an SLO each, one of which its team alone may see."""
    root: Path = tmp_path_factory.mktemp("half") / "guarded"
    guarded_estate.write(root)
    said = guarded_estate.product_file("lab.selenium", "{see: [member]}")
    (root / "lab" / "selenium" / "product.odps.yaml").write_text(said)
    words = [(guarded_estate.word_of(one), one) for one in guarded_estate.PRODUCTS]
    (root / "slos.yaml").write_text("---\n".join(SLO % (word, word, one) for word, one in words))
    assert freehold(root, "run").returncode == 0
    return serving(root, rates=FAST)


def test_page_and_api_say_the_same(half_seen: Running) -> None:
    """Names, states and what is left; of a product alone where it is named, and of one SLO by its id."""
    with half_seen.signed_in() as client:
        told = {one["id"]: one for one in client.get("/api/v1/slos").json()["items"]}
        rows = client.get("/slos.json").json()["page"]["rows"]
        of_one = client.get("/slos.json?product=works.wolfram").json()["page"]["rows"]
        alone = client.get("/api/v1/slos/wolfram-runs").json()

    assert {(row["id"], row["state"]["word"], row["left"]) for row in rows} == {
        (one["id"], one["state"], one["left"]) for one in told.values()
    }
    assert [row["id"] for row in of_one] == ["wolfram-runs"]
    assert (alone["good"], alone["left"], alone["state"]) == (1.0, 1.0, "kept")


def test_what_scrapes_figures_reads_budgets_of_what_it_may_see(half_seen: Running) -> None:
    """Target, what is left, and how fast it burns by the length of time; nothing of the SLO of a team apart."""
    with half_seen.client(Authorization=f"Bearer {token_of(half_seen, 'user:idp/carl')}") as client:
        text = client.get("/metrics").text

    assert 'freehold_slo_target{slo="wolfram-runs"} 0.99' in text
    assert 'freehold_slo_error_budget_remaining{slo="wolfram-runs"} 1.0' in text
    assert 'freehold_slo_burn_rate{slo="wolfram-runs",window_seconds="3600"} 0.0' in text
    assert "selenium" not in text


def test_pages_of_the_list_are_those_of_ids(half_seen: Running) -> None:
    """The cursor goes on where the page before ended."""
    with half_seen.signed_in() as client:
        first = client.get("/api/v1/slos?limit=3").json()
        rest = client.get(f"/api/v1/slos?limit=3&after={first['next']}").json()
        asked = [one["id"] for one in (*first["items"], *rest["items"])]

    assert asked == ["bismuth-runs", "selenium-runs", "thorium-runs", "wolfram-runs"]
    assert rest["next"] is None


def test_nothing_is_said_of_what_may_not_be_seen(half_seen: Running) -> None:
    """An SLO of a product that somebody may not see is not there for them: not in lists, and not by its id."""
    with known_as(half_seen, "user:idp/x", "group:idp/readers") as client:
        told = client.get("/api/v1/slos").json()["items"]
        page = client.get("/slos").text
        answer = client.get("/api/v1/slos/selenium-runs")

    assert {one["id"] for one in told} >= {"wolfram-runs"}
    assert "selenium" not in page
    assert not any("selenium" in str(one) for one in told)
    assert (answer.status_code, answer.json()["code"]) == (404, "FH-E313")
