"""Objectives, decisions and the roadmap at a server: pages and API say the same, to nobody what is not for them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

import guarded_estate
from changing_estates import freehold
from freehold.insight.roadmap import Roadmap
from freehold.ledger import Event
from freehold.work import Work
from live_server import PAGE, Running, known_as

FAST = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
OBJECTIVE = """apiVersion: freehold.dev/v1
kind: Objective
metadata: {id: trust, name: Nobody doubts a number, owner: metals}
spec:
  period: 2011-01-01..2999-12-31
  key_results:
    - {metric: validation-pass-rate, start: 0.5, target: 1}
    - {id: disputes, metric: metric-disputes, start: 6, target: 0}
"""
DECISION = "---\nstatus: accepted\ndate: 2011-03-07\nconcerns: [%s]\n---\n# About %s\n"


@pytest.fixture(scope="module")
def ahead(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over products two of which their team alone may see, with something ahead of each."""
    root = tmp_path_factory.mktemp("ahead") / "guarded"
    guarded_estate.write(root)
    for word in ("selenium", "thorium"):
        said = guarded_estate.product_file(f"lab.{word}", "{see: [member]}")
        (root / "lab" / word / "product.odps.yaml").write_text(said)
    (root / "objective.yaml").write_text(OBJECTIVE)
    (root / "decisions").mkdir()
    for product in ("works.wolfram", "lab.selenium"):
        (root / "decisions" / f"{product}.md").write_text(DECISION % (f'"product:{product}"', product))
    (root / "decisions" / "metal.md").write_text(DECISION % ('"metric:works.mass"', "all of it, selenium too"))
    for words in (["run"], ["objectives", "measure"]):
        done = freehold(root, *words)
        assert done.returncode == 0, done.stderr
    running = serving(root, rates=FAST)
    snapshots = running.app.state.served.snapshots
    work = Work(snapshots.now().estate, snapshots.ledger, clock=snapshots.clock)
    for product in ("works.wolfram", "lab.selenium"):
        fields = {"what": f"More {product}", "problem": "Too little."}
        item = work.create("roadmap_item", fields, product=product, key=product).item
        snapshots.ledger.append(
            Event("work.committed", {"item": item.id, "period": "2999-Q1"}, subject=item.id),
            Event(
                "work.estimated",
                {"item": item.id, "reach": [1, 2], "impact": [1, 1], "confidence": [1, 1], "effort": [1, 1]},
                subject=item.id,
            ),
        )
        work.link(item.id, "contributes_to", "trust")
    return running


@pytest.fixture
def owner(ahead: Running) -> Iterator[httpx2.Client]:
    """Somebody who sees all."""
    with ahead.signed_in() as client:
        yield client


@pytest.fixture
def reader(ahead: Running) -> Iterator[httpx2.Client]:
    """Somebody who sees half."""
    with known_as(ahead, "user:idp/x", "group:idp/readers") as client:
        yield client


def told(client: httpx2.Client, path: str) -> dict[str, Any]:
    """Return what is at a path, as JSON."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_objective_says_what_was_measured_and_what_contributes(owner: httpx2.Client) -> None:
    """A KPI with evidence has a figure, one that nobody recorded anything for has none and says so."""
    one = told(owner, "/api/v1/objectives/trust")
    page = told(owner, "/objectives/trust.json")["page"]

    assert [(kr["id"], kr["state"], kr["progress"]) for kr in one["key_results"]] == [
        ("validation-pass-rate", "reached", 1.0), ("disputes", "not measured", None),
    ]  # fmt: skip
    assert one["items"] == ["roadmap_item/works.wolfram", "roadmap_item/lab.selenium"]
    assert [row["progress"] for row in page["one"]["rows"]] == ["100 %", "—"]
    assert [row["title"] for row in page["items"]] == ["More works.wolfram", "More lab.selenium"]


def test_the_roadmap_is_the_same_on_page_in_api_and_in_its_files(owner: httpx2.Client) -> None:
    """By horizon, with the last day in time; as CSV and as Markdown."""
    board = told(owner, "/api/v1/roadmap")
    parts = told(owner, "/roadmap.json")["page"]["horizons"]
    rows = list(csv.DictReader(io.StringIO(owner.get("/api/v1/roadmap/export?format=csv").text)))
    text = owner.get("/api/v1/roadmap/export").text

    assert [one["id"] for one in board["later"]] == [row["id"] for row in rows]
    assert [row["id"] for row in parts[2]["rows"]] == [row["id"] for row in rows]
    assert {one["due"] for one in board["later"]} == {"2999-03-31"}
    assert {tuple(one["objectives"]) for one in board["later"]} == {("trust",)}
    assert "| More works.wolfram | candidate | works.wolfram | 2999-Q1 | 2999-03-31 | trust |" in text


def test_order_and_promises_are_told(owner: httpx2.Client) -> None:
    """Two that are alike share a place in half the draws; a period that has not begun has no snapshot."""
    order = told(owner, "/api/v1/roadmap/ranking")["items"]
    rows = told(owner, "/roadmap/order.json")["page"]["rows"]
    period = told(owner, "/api/v1/roadmap/periods/2999-Q1")

    assert [one["place"] for one in order] == [row["place"] for row in rows] == [1, 2]
    assert all(0.4 < one["keeps_place"] < 0.6 for one in order)
    assert (period["promises"], period["predictability"]) == ([], None)
    assert owner.get("/api/v1/roadmap/periods/soon").status_code == 400


def test_decisions_are_told_with_their_text(owner: httpx2.Client) -> None:
    """In the order of their ids; the end of the list is said."""
    listed = told(owner, "/api/v1/decisions?limit=2")
    rest = told(owner, f"/api/v1/decisions?after={listed['next']}")

    assert [one["id"] for one in (*listed["items"], *rest["items"])] == ["lab.selenium", "metal", "works.wolfram"]
    assert rest["next"] is None
    assert told(owner, "/api/v1/decisions/metal")["text"].strip() == "# About all of it, selenium too"


def test_decisions_are_shown_with_what_they_are_about(owner: httpx2.Client, reader: httpx2.Client) -> None:
    """The text as it was written, links to what has a page; to a reader, those of what they see."""
    page = told(owner, "/decisions.json")["page"]
    one = told(owner, "/decisions/works.wolfram.json")["page"]
    html = owner.get("/decisions/metal", headers=PAGE).text
    seen = told(reader, "/decisions.json")["page"]

    assert {row["id"] for row in page["standing"]} == {"lab.selenium", "metal", "works.wolfram"}
    assert [(link["text"], link["href"]) for link in one["concerns"]] == [
        ("product works.wolfram", "/products/works.wolfram")
    ]
    assert html.count("About all of it, selenium too</h") == 1
    assert 'aria-current="page"' in html[html.index('href="/decisions"') :][:60]
    assert [row["id"] for row in seen["standing"]] == ["works.wolfram"]
    assert reader.get("/decisions/metal", headers=PAGE).status_code == 404


def test_a_reader_is_told_nothing_of_what_they_may_not_see(reader: httpx2.Client) -> None:
    """No objective of the whole, no decision about more than theirs, no item of a hidden product, by no way."""
    paths = (
        "/objectives", "/decisions", "/roadmap", "/roadmap/order", "/roadmap/promises?period=2999-Q1",
        "/api/v1/objectives", "/api/v1/decisions", "/api/v1/roadmap", "/api/v1/roadmap/export",
        "/api/v1/roadmap/ranking",
    )  # fmt: skip
    for path in paths:
        answer = reader.get(path, headers=PAGE if not path.startswith("/api") else {})
        assert (answer.status_code, "selenium" in answer.text) == (200, False), path
    assert [one["id"] for one in told(reader, "/api/v1/decisions")["items"]] == ["works.wolfram"]
    assert [one["id"] for one in told(reader, "/api/v1/roadmap")["later"]] == ["roadmap_item/works.wolfram"]
    assert told(reader, "/api/v1/roadmap")["later"][0]["objectives"] == []
    for path in ("/objectives/trust", "/api/v1/objectives/trust", "/api/v1/decisions/metal", "/api/v1/decisions/none"):
        assert reader.get(path).status_code == 404, path


def test_the_roadmap_of_the_server_is_that_of_the_command(ahead: Running, owner: httpx2.Client) -> None:
    """The same ledger, read by the same functions."""
    snapshots = ahead.app.state.served.snapshots
    roadmap = Roadmap(Work(snapshots.now().estate, snapshots.ledger, clock=snapshots.clock), snapshots.ledger)

    assert [p.item.id for p in roadmap.board().open] == [one["id"] for one in told(owner, "/api/v1/roadmap")["later"]]
