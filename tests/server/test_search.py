"""Searching the estate, and walking its lineage, on pages and over HTTP."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from live_server import PAGE, Running

FREEHOLD = Path(sys.executable).with_name("freehold")


def searched(browser: httpx2.Client, **words: str) -> dict[str, Any]:
    """Return the model of the search page."""
    found: dict[str, Any] = browser.get("/search.json", params=words).json()["page"]
    return found


def test_an_exact_name_comes_first_and_says_why(browser: httpx2.Client) -> None:
    """What is called so stands before what has the word in it, and a certified metric says that it is one."""
    hits = searched(browser, q="revenue")["hits"]

    assert hits[0]["id"] == "shop.revenue"
    assert hits[0]["why"]
    assert [mark["word"] for mark in hits[0]["marks"]] == ["certified"]
    assert hits[0]["href"] == "/metrics/shop.revenue"


@pytest.mark.parametrize(
    ("text", "kind", "id_", "href"),
    [
        ("shop.orders", "product", "shop.orders", "/products/shop.orders"),
        ("shop_orders.orders", "asset", "shop.orders.orders", "/lineage?of=asset%3Ashop.orders.orders"),
        ("customer", "asset", "shop.orders.orders", "/lineage?of=asset%3Ashop.orders.orders"),
        ("reven", "metric", "shop.revenue", "/metrics/shop.revenue"),
        ("revenu3", "metric", "shop.revenue", "/metrics/shop.revenue"),
    ],
    ids=["a product by its id", "a table by its name in the warehouse", "a column", "half a name", "a slip of the pen"],
)
def test_a_thing_is_found_by_any_of_its_names(
    browser: httpx2.Client, text: str, kind: str, id_: str, href: str
) -> None:
    """And the hit leads to its page."""
    hits = searched(browser, q=text, kind=kind)["hits"]

    assert (hits[0]["id"], hits[0]["href"]) == (id_, href)


def test_nothing_found_says_so_and_what_is_close(browser: httpx2.Client) -> None:
    """A page without hits is an answer, not an error; kinds that there are not are refused with those there are."""
    page = browser.get("/search", params={"q": "zebra-crossing"})

    assert page.status_code == 200
    assert "Nothing is called zebra-crossing" in page.text
    assert browser.get("/api/v1/search", params={"q": "orders", "kind": "tabel"}).status_code == 400
    assert browser.get("/api/v1/search", params={"q": "orders", "cursor": "x"}).status_code == 400


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "\u202e\u0000'\" OR 1=1 --", "日本語", "%" * 190, "*:*", "a AND (b"]
)
def test_words_of_any_kind_are_only_words(browser: httpx2.Client, text: str) -> None:
    """Neither the page nor the index takes them for anything else."""
    page = browser.get("/search", params={"q": text})

    assert page.status_code == 200
    assert "<script>alert" not in page.text


def test_the_api_searches_as_the_page_does(browser: httpx2.Client) -> None:
    """The same hits in the same order; pages of them follow by cursor, each hit once."""
    page = searched(browser, q="orders")
    first = browser.get("/api/v1/search", params={"q": "orders", "limit": 2}).json()
    second = browser.get("/api/v1/search", params={"q": "orders", "limit": 2, "cursor": first["next"]}).json()

    each = [hit["id"] for hit in (*first["items"], *second["items"])]
    assert each == [hit["id"] for hit in page["hits"]][:4]
    assert first["total"] == page["total"]


def test_lineage_shows_two_steps_and_whom_dropping_hits(browser: httpx2.Client) -> None:
    """Down, up, and who is hit: by counts first, then by names; a column is walked by columns."""
    down = browser.get("/lineage.json", params={"of": "asset:shop.orders.raw_orders"}).json()["page"]
    up = browser.get("/lineage.json", params={"of": "metric:shop.revenue", "way": "up"}).json()["page"]
    drop = browser.get("/lineage.json", params={"of": "asset:shop.orders.orders.amount", "way": "drop"}).json()["page"]

    assert [node["name"] for node in down["hops"][0]["nodes"]] == ["shop.orders.orders"]
    assert "shop.revenue" in {node["name"] for node in down["hops"][1]["nodes"]}
    assert "shop.orders.orders" in {node["name"] for node in up["hops"][0]["nodes"]}
    told = {fact["term"]: fact["text"] for fact in drop["hit"]}
    assert "shop.revenue" in told["Metrics"]
    assert "shop.cancelled" not in told["Metrics"].split(", ")
    assert drop["kind"] == "column"


def test_lineage_of_what_is_not_there_is_a_refusal_with_names(browser: httpx2.Client) -> None:
    """Not found, and what is close."""
    answer = browser.get("/api/v1/lineage", params={"of": "asset:shop.orders.ordrs"})

    assert (answer.status_code, answer.json()["code"]) == (404, "FH-F004")


def test_what_is_new_is_found_without_a_restart(own_server: Running) -> None:
    """A file that is written while the server runs is part of the next search."""
    root = own_server.root
    with own_server.signed_in(**PAGE) as client:
        assert searched(client, q="quixotic")["total"] == 0
        with (root / "shop/orders/metrics/shop.yaml").open("a") as file:
            file.write("  quixotic: {expression: COUNT(orders.*), description: A new one.}\n")
        subprocess.run([str(FREEHOLD), "-C", str(root), "validate"], check=True, capture_output=True, timeout=120)
        found = next((True for _ in range(3_000) if searched(client, q="quixotic")["total"]), False)

    assert found


def test_what_files_in_error_keep_from_being_found_is_said(own_server: Running) -> None:
    """What they said before is still found, and the page tells that it is that."""
    root = own_server.root
    with own_server.signed_in(**PAGE) as client:
        assert searched(client, q="revenue")["behind"] == ""
        path = root / "shop/orders/metrics/shop.yaml"
        path.write_text(path.read_text().replace("SUM(orders.amount)\n", "SUM(orders.amont)\n"))
        told = next((b for _ in range(3_000) if (b := searched(client, q="revenue")["behind"])), "")
        page = client.get("/search", params={"q": "revenue"}).text

    assert "see `freehold validate`" in told
    assert "This is how it was before." in page
    assert "shop.revenue" in page
