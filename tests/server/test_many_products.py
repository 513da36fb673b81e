"""More products than a page has: the server narrows and pages them, and nothing is left out on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from freehold.server.web.pages.products import MOST_ROWS
from live_server import PAGE, Running

COUNT = 2 * MOST_ROWS + 3
ESTATE = """apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: many}
spec:
  connections: {warehouse: {url: "duckdb:///.freehold/warehouse.db"}}
  environments: {prod: {connection: warehouse}}
"""
CERTIFIED = ", status: certified, includes: all, excludes: nothing"
PRODUCT = """apiVersion: v1.0.0
kind: DataProduct
id: %s
name: Number %d
version: 1.0.0
status: active
customProperties: [{property: "freehold:mode", value: publish}]
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An estate of products with a model each, none of them built."""
    made = tmp_path_factory.mktemp("many")
    made.joinpath("estate.yaml").write_text(ESTATE, encoding="utf-8")
    for number in range(COUNT):
        models = made / f"p{number:03}" / "models"
        models.mkdir(parents=True)
        models.joinpath("one.sql").write_text("select 1 as id\n", encoding="utf-8")
        text = PRODUCT % (f"many.p{number:03}", number)
        models.parent.joinpath("product.odps.yaml").write_text(text, encoding="utf-8")
    metrics = made / "p000" / "metrics"
    metrics.mkdir()
    told = "".join(
        f"  counted_{n:03}: {{expression: COUNT(one.id), description: Count {n}{CERTIFIED if n % 50 == 7 else ''}}}\n"
        for n in range(COUNT)
    )
    head = "name: many\ndatasets: {one: {source: many.p000.one, fields: {id: id}}}\nmetrics:\n"
    metrics.joinpath("many.yaml").write_text(head + told, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def many(root: Path, serving: Callable[..., Running]) -> Iterator[httpx2.Client]:
    """Somebody who is signed in where there are many products."""
    with serving(root).signed_in(**PAGE) as client:
        yield client


def test_pages_of_products_have_each_of_them_once(many: httpx2.Client) -> None:
    """The links from page to page lead through all products, in the order of their ids, each once."""
    found: list[str] = []
    at = "/products"
    while at:
        page = many.get(at.replace("/products", "/products.json", 1)).raise_for_status().json()["page"]
        assert len(page["products"]) <= MOST_ROWS
        found += [row["id"] for row in page["products"]]
        at = page["next_href"]

    assert found == [f"many.p{number:03}" for number in range(COUNT)]


@pytest.mark.parametrize(
    ("said", "product", "offered"),
    [
        pytest.param("many.p007", "many.p007", 0, id="an id is that product"),
        pytest.param("number 202", "many.p202", 0, id="words that one product has are it"),
        pytest.param("number 20", "", 5, id="words that several have lead to each"),
        pytest.param("p1", "", 12, id="of very many the first"),
    ],
)
def test_runs_of_many_products_are_found_by_words(many: httpx2.Client, said: str, product: str, offered: int) -> None:
    """A list of a thousand to choose from is no help to anybody; words that nothing has are told so."""
    page = many.get("/runs.json", params={"product": said}).raise_for_status().json()["page"]
    html = many.get("/runs", params={"product": said}).raise_for_status().text

    assert (page["product"], len(page["fitting"])) == (product, offered)
    assert "<option" not in html
    assert all(one["href"].startswith("/runs?product=many.p") for one in page["fitting"])
    assert many.get("/runs.json", params={"product": "nowhere"}).status_code == 404


def test_a_word_narrows_all_products_and_not_the_page(many: httpx2.Client) -> None:
    """What is narrowed by is looked for among all products; the sentence still tells of all."""
    page = many.get("/products", params={"q": "number 202"}).raise_for_status().text
    none = many.get("/products", params={"q": "nowhere"}).raise_for_status().text

    assert re.findall(r'href="/products/(many\.p\d+)"', page) == ["many.p202"]
    assert "1 of 1 product" in page
    assert f"of {COUNT} products safe to use now" in page
    assert "No product has nowhere" in none


def test_pages_of_metrics_have_each_of_them_once(many: httpx2.Client) -> None:
    """The certified first, then in the order of their ids; the API has them all by their ids."""
    found: list[str] = []
    at = "/metrics"
    while at:
        page = many.get(at.replace("/metrics", "/metrics.json", 1)).raise_for_status().json()["page"]
        assert len(page["metrics"]) <= MOST_ROWS
        found += [row["id"] for row in page["metrics"]]
        at = page["next_href"]
    certified = [f"many.counted_{n:03}" for n in range(COUNT) if n % 50 == 7]

    assert found == certified + [one for one in (f"many.counted_{n:03}" for n in range(COUNT)) if one not in certified]
    listed = many.get("/api/v1/metrics?limit=100&after=many.counted_150").json()
    assert [one["id"] for one in listed["items"]] == [f"many.counted_{n:03}" for n in range(151, COUNT)]


def test_a_word_narrows_all_metrics_and_not_the_page(many: httpx2.Client) -> None:
    """As products are narrowed; a metric that is none ends no page."""
    page = many.get("/metrics", params={"q": "count 202"}).raise_for_status().text
    none = many.get("/metrics", params={"q": "nowhere"}).raise_for_status().text

    assert re.findall(r'href="/metrics/(many\.counted_\d+)"', page) == ["many.counted_202"]
    assert "1 of 1 metric" in page
    assert "No metric has nowhere" in none
    assert many.get("/metrics.json", params={"after": "nowhere"}).status_code == 400


def test_the_home_of_who_reads_shows_some_and_leads_to_the_rest(many: httpx2.Client) -> None:
    """A home lists as many products as a page has, and says how many more there are."""
    page = many.get("/homes/consumer").raise_for_status().text

    assert len(set(re.findall(r'href="/products/(many\.p\d+)"', page))) == MOST_ROWS
    assert f"{COUNT - MOST_ROWS} more products" in page
