"""The status page, served to those who are signed in, as files have it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from freehold.foundation import Caller
from freehold.ledger import Event
from live_server import PAGE, Running, known_as

_KEY = '  - {property: "freehold:status_page", value: {name: Orders, description: What was sold}}\n'


@pytest.fixture
def public(made_estate: Path, tmp_path: Path, serving: Callable[..., Running]) -> Running:
    """A server of an estate whose product is on the status page, with an incident of which customers were told."""
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    file = root / "shop" / "orders" / "product.odps.yaml"
    file.write_text(file.read_text().replace("customProperties:\n", f"customProperties:\n{_KEY}"))
    running = serving(root, rates={"read": 100_000, "write": 100_000})
    ledger = running.app.state.served.snapshots.ledger
    ledger = ledger.acting(Caller("system:test", purpose="test", assurance="system"))
    now = ledger.clock.now().isoformat()
    opened = {"incident": "incident/one", "kind": "data", "sev": 1, "detected_at": now}
    ledger.append(Event("incident.opened", opened, subject="incident/one", product="shop.orders"))
    words = ledger.side.put("update", "# Orders are late\n\nWe are **on it**.", subject="incident/one")
    told = {"incident": "incident/one", "comms": words, "audience": "customers"}
    ledger.append(Event("incident.updated", told, subject="incident/one"))
    return running


def test_it_is_served_with_its_parts_and_for_programs(public: Running) -> None:
    """Page, product, style, feed and JSON; the API says the same."""
    with known_as(public, "user:idp/ana", **PAGE) as client:
        page, product = client.get("/status", follow_redirects=True), client.get("/status/shop.orders/")
        style, feed = client.get("/status/style.css"), client.get("/status/feed.atom")
        said = client.get("/status/status.json").json()
        api = client.get("/api/v1/status-page").json()
        wrong = client.get("/status/shop.order/")

    assert (page.status_code, "<strong>on it</strong>" in page.text) == (200, True)
    assert (product.status_code, "<h1>Orders</h1>" in product.text) == (200, True)
    assert (style.headers["content-type"], feed.headers["content-type"]) == (
        "text/css; charset=utf-8",
        "application/atom+xml",
    )
    assert [one["state"] for one in (said, api, *api["products"], *api["incidents"])] == ["outage"] * 4
    texts = [one["incidents"][0]["updates"][0]["text"] for one in (said, api)]
    assert (texts[0] == texts[1], wrong.status_code) == (True, 404)


def test_nobody_sees_it_here_who_is_not_signed_in(public: Running) -> None:
    """What everybody may see is what was built; the server shows nobody anything before they sign in."""
    with public.client() as client:
        assert client.get("/status/").status_code in (303, 401)
