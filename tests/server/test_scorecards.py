"""Scorecards at a server: the page and the API say the same, and nothing of what an asker may not see."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

import guarded_estate
from changing_estates import freehold
from live_process import until
from live_server import Running, known_as

FAST = {"read": 100_000, "write": 100_000, "sign_in": 100_000}


def test_a_product_links_to_its_scorecard(browser: httpx2.Client) -> None:
    """The page of a product leads to what it lacks, each with what to do."""
    assert 'href="/scorecards?product=shop.orders"' in browser.get("/products/shop.orders").text
    page = browser.get("/scorecards?product=shop.orders").text

    assert "freehold:runbook" in page
    assert "Ready to be operated" in page


def test_a_scorecard_and_a_kpi_of_the_same_rules_say_as_of_when_they_are(browser: httpx2.Client) -> None:
    """One evaluates what there is now, the other counts what was recorded: they may differ, and nobody need wonder."""
    cards = browser.get("/scorecards.json").json()["sentence"]
    facts = {fact["term"] for fact in browser.get("/kpis/dataops-maturity.json").json()["page"]["facts"]}

    assert "Evaluated as things stood" in cards
    assert "KPIs count what was recorded" in cards
    assert "Rules last recorded" in facts


def test_page_and_api_say_the_same(browser: httpx2.Client) -> None:
    """Rule sets, subjects and scores of the page are those of the API, narrowed alike."""
    page = browser.get("/scorecards.json?product=shop.orders", headers={"accept": "application/json"}).json()["page"]
    told = browser.get("/api/v1/scorecards?product=shop.orders").json()["items"]

    def scores(cards: list[dict[str, object]], rows: str) -> dict[tuple[object, object], object]:
        return {(card["id"], row["subject"]): row["score"] for card in cards for row in card[rows]}  # type: ignore[attr-defined]

    assert scores(told, "subjects") == scores(page["cards"], "rows")
    assert {subject.split(".")[0] for _, subject in scores(told, "subjects")} == {"shop"}  # type: ignore[attr-defined]


def test_what_is_not_there_is_told(browser: httpx2.Client) -> None:
    """A rule set that is misspelt is an error with its code, on the API as on the page."""
    answer = browser.get("/api/v1/scorecards?set=readyness")

    assert answer.status_code >= 400
    assert answer.json()["code"] == "FH-R010"


BADGES = "".join(
    f"apiVersion: freehold.dev/v1\nkind: RuleSet\nmetadata: {{id: {id_}}}\nspec:\n  subject: {kind}\n  badge: true\n"
    f"  scope: {scope}\n  rules: [{{id: matters, check: tier = 2}}]\n---\n"
    for id_, kind, scope in (
        ("certified", "asset", "is_output_port"),
        ("certified-metrics", "metric", "status = 'certified'"),
    )
)


def test_a_badge_falls_from_a_run_to_the_pages(
    made_estate: Path, tmp_path: Path, serving: Callable[..., Running]
) -> None:
    """What a run finds to pass no more is certified nowhere: not in search, not among metrics, and it is an event."""
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    (root / "badges.yaml").write_text(BADGES)
    assert freehold(root, "rules", "run").returncode == 0
    running = serving(root, rates=FAST)
    with running.signed_in() as client:

        def status() -> str:
            rows = client.get("/api/v1/metrics").json()["items"]
            return next(str(one["status"]) for one in rows if one["id"] == "shop.revenue")

        def is_certified() -> bool:
            hits = client.get("/api/v1/search?q=orders&kind=asset").json()["items"]
            return next(bool(hit["certified"]) for hit in hits if hit["id"] == "shop.orders.orders")

        until(lambda: is_certified() and status() == "certified", "the badges are there")
        product = root / "shop" / "orders" / "product.odps.yaml"
        product.write_text(product.read_text().replace('"freehold:tier", value: 2', '"freehold:tier", value: 3'))
        assert freehold(root, "--here", "run").returncode == 0
        until(lambda: not is_certified() and status() == "lapsed", "the badges fell")
        events = client.get("/api/v1/events?type=badge.changed").json()

    assert {(one["data"]["rule_set"], one["data"]["held"]) for one in events} >= {
        ("certified", False), ("certified-metrics", False),
    }  # fmt: skip


@pytest.fixture(scope="module")
def half_seen(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over products one of which its team alone may see."""
    root: Path = tmp_path_factory.mktemp("half") / "guarded"
    guarded_estate.write(root)
    said = guarded_estate.product_file("lab.selenium", "{see: [member]}")
    (root / "lab" / "selenium" / "product.odps.yaml").write_text(said)
    assert freehold(root, "run").returncode == 0
    return serving(root, rates=FAST)


def test_nothing_is_said_of_what_may_not_be_seen(half_seen: Running) -> None:
    """Neither the product nor the estate as a whole is on the scorecards of who sees a part."""
    with known_as(half_seen, "user:idp/x", "group:idp/readers") as client:
        told = client.get("/api/v1/scorecards").json()["items"]
        page = client.get("/scorecards").text

    subjects = {row["subject"] for card in told for row in card["subjects"]}
    assert subjects
    assert not any("selenium" in subject for subject in subjects)
    assert "selenium" not in page
    assert "maturity" not in {card["id"] for card in told}
