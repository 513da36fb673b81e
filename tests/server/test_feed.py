"""The feed tells programs what happened: once, in order, from where they were, and only what they may see."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import guarded_estate
from freehold.ledger import Event, Ledger
from freehold.server.api.events import MEDIA, cloud_event, products_of
from live_server import PAGE, Running, known_as, made_token

FEED = "/api/v1/events"


@pytest.fixture(scope="module")
def server(serving: Callable[..., Running], made_estate: Path, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """A server over an estate of its own."""
    root = tmp_path_factory.mktemp("fed") / "shop"
    shutil.copytree(made_estate, root)
    return serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})


@pytest.fixture
def reader(server: Running) -> Iterator[httpx2.Client]:
    """A program that may read."""
    with server.signed_in(**PAGE) as person:
        token = made_token(person, "catalog:read")
    with server.client(authorization=f"Bearer {token}") as client:
        yield client


def events(reader: httpx2.Client, **words: object) -> list[dict[str, Any]]:
    """Return one batch of the feed."""
    answer = reader.get(FEED, params={k: str(v) for k, v in words.items()})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == MEDIA
    found: list[dict[str, Any]] = answer.json()
    return found


def append(server: Running, *told: Event) -> tuple[int, ...]:
    """Record events as another process does."""
    with Ledger.open("sqlite:///.freehold/state.db", root=server.root) as ledger:
        return ledger.append(*told)


def test_events_are_cloud_events_in_order(reader: httpx2.Client) -> None:
    """Every event has what CloudEvents 1.0 demands; numbers grow, and nothing comes twice over pages."""
    read: list[dict[str, Any]] = []
    while batch := events(reader, after=int(read[-1]["sequence"]) if read else 0, limit=7):
        read += batch
    numbers = [one["sequence"] for one in read]

    assert numbers == sorted(set(numbers))
    assert len(read) > 20
    for one in read:
        assert one["specversion"] == "1.0"
        assert one["type"].startswith("freehold.")
        assert one["source"].startswith("urn:freehold:")
        assert one["time"].endswith("Z")
        assert all(name.isalnum() and name.islower() for name in one)


def test_reading_goes_on_where_it_was(reader: httpx2.Client) -> None:
    """By number, by the id of the event that came last, or by the address that the answer names."""
    first = events(reader, limit=5)
    by_number = events(reader, after=int(first[-1]["sequence"]), limit=5)
    by_id = events(reader, lastEventId=first[-1]["id"], limit=5)
    onward = reader.get(FEED, params={"limit": "5"}).headers["link"].partition(">")[0].lstrip("<")

    assert by_number == by_id == reader.get(onward).json()
    assert {one["id"] for one in first}.isdisjoint(one["id"] for one in by_number)


def test_types_and_products_narrow(reader: httpx2.Client) -> None:
    """By names and patterns, as they are in the ledger or in the feed; by the product that an event tells of."""
    checks = events(reader, type="check.*,freehold.asset.published", limit=500)
    of_product = events(reader, product="shop.orders", limit=500)

    assert {one["type"] for one in checks} == {"freehold.check.completed", "freehold.asset.published"}
    assert of_product
    assert {one.get("product", "shop.orders") for one in of_product} == {"shop.orders"}


def test_persons_stay_out(server: Running, reader: httpx2.Client) -> None:
    """Who signed in, whose token was made and who did something is nobody's business here."""
    append(server, Event("change.approved", {"change_id": "c1", "approver": "user:idp/anna"}))
    text = reader.get(FEED, params={"limit": "500"}).text
    kinds = {one["type"].split(".")[1] for one in events(reader, limit=500)}

    assert "user:" not in text
    assert kinds.isdisjoint({"session", "token", "people", "side", "access"})


def test_who_waits_is_told_when_something_happens(server: Running, reader: httpx2.Client) -> None:
    """A long poll ends with the event that it waited for."""
    last = append(server, Event("run.completed", {"run_id": "r", "asset": "x.y.z", "status": "failed"}))[0]
    found: list[list[dict[str, Any]]] = []
    waiting = threading.Thread(target=lambda: found.append(events(reader, after=last, type="run.*", timeout=25)))
    waiting.start()
    append(server, Event("run.completed", {"run_id": "r2", "asset": "x.y.z", "status": "success"}))
    waiting.join(30)

    assert [one["data"]["run_id"] for one in found[0]] == ["r2"]


def test_nothing_new_is_an_empty_batch(reader: httpx2.Client) -> None:
    """An answer without events says where to go on, and is no error."""
    answer = reader.get(FEED, params={"after": str(2**40), "timeout": "1"})

    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ({"after": "-1"}, 400), ({"after": "x"}, 400), ({"limit": "501"}, 400), ({"limit": "0"}, 400),
        ({"timeout": "31"}, 400), ({"type": "no.such"}, 400), ({"product": "no.such"}, 404),
        ({"lastEventId": "none"}, 400), ({"type": "telemetry.*"}, 400), ({"type": "run.completed,usage.query"}, 400),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(reader: httpx2.Client, words: dict[str, str], status: int) -> None:
    """Wrong words are problem objects."""
    answer = reader.get(FEED, params=words)

    assert answer.status_code == status, answer.text


def test_what_is_kept_beside_the_ledger_is_said_to_be_there(reader: httpx2.Client) -> None:
    """Such events exist, so an empty batch would say something else; a pattern that has others, too, gives those."""
    answer = reader.get(FEED, params={"type": "usage.query"})

    assert answer.json()["code"] == "FH-A112"
    assert "kept beside it as evidence" in answer.json()["title"]
    assert reader.get(FEED, params={"type": "lineage.*,run.*"}).status_code == 400
    assert reader.get(FEED, params={"type": "ai.*"}).status_code == 200


def test_a_token_without_the_scope_reads_nothing(server: Running) -> None:
    """The feed takes `catalog:read`."""
    with server.signed_in(**PAGE) as person:
        token = made_token(person, "lineage:write")
    with server.client(authorization=f"Bearer {token}") as client:
        assert client.get(FEED).status_code == 403
    with server.client() as client:
        assert client.get(FEED).status_code == 401


def test_who_may_not_see_a_product_reads_nothing_of_it(serving: Callable[..., Running], tmp_path: Path) -> None:
    """Events of products that a reader may not see, and events of none, are not in their feed."""
    root = guarded_estate.made(tmp_path / "guarded")
    for product in guarded_estate.PRODUCTS:
        said = guarded_estate.product_file(product, "{see: [member]}")
        next(root.rglob(f"{product.replace('.', '/')}/*.odps.yaml")).write_text(said, encoding="utf-8")
    server = serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})
    everything = seen = hidden = 0
    with known_as(server, "user:idp/mo", "group:idp/metals") as one, server.signed_in(**PAGE) as all_:
        visible = {item["id"] for item in one.get("/api/v1/products").json()["items"]}
        for event in events(one, limit=500):
            assert event.get("product", "").startswith("works."), event
            seen += 1
        for event in events(all_, limit=500):
            everything += 1
            hidden += event.get("product", "").startswith("lab.")
        refused = one.get(FEED, params={"product": "lab.selenium"})

    assert visible == {"works.wolfram", "works.bismuth"}
    assert seen
    assert hidden
    assert everything > seen + hidden
    assert refused.status_code == 404


def test_what_an_event_tells_of_is_found_in_it(tmp_path: Path) -> None:
    """Products stand in the envelope, in the payload, and before the names of assets."""
    with Ledger.open("sqlite:///s.db", root=tmp_path) as ledger:
        ledger.append(Event("deploy.rolled_back", {"deploy_id": "d", "assets": ["a.b.t", "a.c.t"]}, product="a.d"))
        event = next(iter(ledger.read()))

    assert products_of(event) == {"a.b", "a.c", "a.d"}
    assert cloud_event(event, "urn:x")["product"] == "a.d"
