"""Usage at a server: the page, the page of a product and the API say the same, and no more than an asker may see."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

import guarded_estate
from changing_estates import freehold
from live_server import PAGE, Running, known_as

FAST = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
HISTORY = """QUERY_ID,QUERY_TEXT,USER_NAME,START_TIME,USER_TYPE
1,SELECT amount FROM shop_orders.orders,ANA,{day}T09:00:00Z,PERSON
2,SELECT state FROM shop_orders.orders,LOADER,{day}T10:00:00Z,SERVICE
"""


@pytest.fixture(scope="module")
def told(made_estate: Path, tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server of a shop of whose warehouse a history was imported."""
    root = Path(shutil.copytree(made_estate, tmp_path_factory.mktemp("used") / "shop"))
    day = (datetime.now(UTC) - timedelta(days=2)).date()
    place = root.with_name("history.csv")
    place.write_text(HISTORY.format(day=day), encoding="utf-8")
    done = freehold(root, "usage", "import", str(place), "--from", "snowflake")
    assert done.returncode == 0, done.stderr
    return serving(root)


@pytest.fixture
def reader(told: Running) -> Iterator[httpx2.Client]:
    """Somebody who may see all of it."""
    with told.signed_in(**PAGE) as client:
        yield client


def test_page_and_api_say_the_same(reader: httpx2.Client) -> None:
    """People and programs of each output, and the accounts of nobody with their names."""
    page = reader.get("/usage.json", headers={"accept": "application/json"}).json()["page"]
    (output,) = reader.get("/api/v1/usage").json()["items"]
    accounts = reader.get("/api/v1/usage/unmatched").json()["items"]

    (row,) = page["rows"]
    assert (row["asset"], row["count"], row["others"], row["reads"]) == ("shop.orders.orders", 1, 1, 2)
    assert (output["people"], output["others"], output["reads"], output["is_unused"]) == (1, 1, 2, False)
    assert sorted((a["account"], a["kind"]) for a in accounts) == [("ANA", "person"), ("LOADER", "service")]
    assert {a["name"] for a in page["accounts"]} == {"ANA", "LOADER"}


def test_a_product_says_who_uses_it(reader: httpx2.Client) -> None:
    """Its page names readers as their system does; the API has columns, weeks, and that nobody launched it."""
    page = reader.get("/products/shop.orders").text
    use = reader.get("/api/v1/products/shop.orders/usage").json()

    assert "ANA of snowflake" in page
    assert "nobody was named when it was launched" in page
    assert use["columns"] == {"shop.orders.orders": {"amount": 1, "state": 1}}
    assert use["audience"] is None
    assert sum(week["reads"] for week in use["weeks"]) == 2


def test_what_is_not_there_answers_so(reader: httpx2.Client) -> None:
    """A product that is not there, and a word that nobody knows, are errors."""
    assert reader.get("/api/v1/products/shop.ordres/usage").status_code == 404
    assert reader.get("/api/v1/usage?product=x").status_code == 400


def test_nothing_is_said_of_what_may_not_be_seen(
    tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]
) -> None:
    """Neither outputs of a product that is hidden, nor accounts, which may have read any product."""
    root: Path = tmp_path_factory.mktemp("half") / "guarded"
    guarded_estate.write(root)
    said = guarded_estate.product_file("lab.selenium", "{see: [member]}")
    (root / "lab" / "selenium" / "product.odps.yaml").write_text(said)
    assert freehold(root, "run").returncode == 0
    place = root.with_name("history.csv")
    place.write_text(
        HISTORY.format(day="2026-01-05").replace("shop_orders.orders", "lab_selenium.selenium_out"), "utf-8"
    )
    assert freehold(root, "usage", "import", str(place), "--from", "snowflake").returncode == 0

    with known_as(serving(root, rates=FAST), "user:idp/x", "group:idp/readers") as client:
        outputs = client.get("/api/v1/usage").json()["items"]
        accounts = client.get("/api/v1/usage/unmatched").json()["items"]
        page = client.get("/usage").text
        hidden = client.get("/api/v1/products/lab.selenium/usage").status_code

    assert outputs
    assert not any("selenium" in one["asset"] for one in outputs)
    assert (accounts, hidden) == ([], 404)
    assert "selenium" not in page
    assert "ANA" not in page


def test_homes_say_what_nobody_reads(
    made_estate: Path, tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]
) -> None:
    """What was read last a hundred days ago stands at the homes of who answers for products and of DataOps."""
    root = Path(shutil.copytree(made_estate, tmp_path_factory.mktemp("unused") / "shop"))
    place = root.with_name("history.csv")
    day = (datetime.now(UTC) - timedelta(days=100)).date()
    place.write_text(HISTORY.format(day=day), encoding="utf-8")
    assert freehold(root, "usage", "import", str(place), "--from", "snowflake").returncode == 0

    with serving(root).signed_in(**PAGE) as client:
        homes = [client.get(f"/homes/{role}").text for role in ("product", "dataops")]
        (output,) = client.get("/api/v1/usage").json()["items"]

    assert output["is_unused"]
    assert all("Nobody has read" in home and 'href="/usage"' in home for home in homes)
