"""An open incident stands wherever somebody decides whether to use a product."""

from __future__ import annotations

from typing import Any

import pytest

from live_agent import asked, told
from live_server import PAGE, Running, known_as, token_of

LEAD = ("user:idp/lead", "role:idp/shop-data-owner")


@pytest.fixture
def incident(own_server: Running) -> str:
    """An incident that was filed by the form; nothing else is wrong."""
    said = {"type": "incident", "what": "Orders are empty", "kind": "data", "sev": "1", "product": "shop.orders"}
    with known_as(own_server, "user:idp/ana", **PAGE) as asker:
        assert asker.post("/requests", data=said).status_code == 303
        (row,) = asker.get("/requests.json").json()["page"]["requests"]
    return str(row["id"])


def _seen(running: Running) -> dict[str, Any]:
    """Return what each place says: the product's page, the home of who runs data, the API, an agent."""
    with known_as(running, "user:idp/ana", **PAGE) as reader:
        product = reader.get("/products/shop.orders.json").json()["page"]
        home = reader.get("/homes/dataops.json").json()
        api = reader.get("/api/v1/products/shop.orders").json()
    token = token_of(running, "user:idp/ana", scopes=("catalog:read",))
    _, health = asked(running, token, ("get_health", {"product": "shop.orders"}))
    return {
        "product": product, "home": home, "health": told(health),
        "safe": [product["safe"]["word"], api["safe"], told(health)["products"][0]["safe_to_use"]],
    }  # fmt: skip


def test_an_open_incident_is_seen_by_people_and_agents(own_server: Running, incident: str) -> None:
    """Everywhere the product is not safe to use, why, and where the incident is."""
    seen = _seen(own_server)
    fact = next(one for one in seen["product"]["facts"] if one["term"] == "Incident")
    burning = [row for row in seen["home"]["page"]["burning"] if row["mark"]["word"] == "incident"]

    assert seen["safe"] == ["not safe"] * 3
    assert "an incident of severity 1" in seen["product"]["reasons"][0]
    assert (fact["text"], fact["href"]) == ("Orders are empty", f"/items/{incident}")
    assert [(row["why"], row["href"]) for row in burning] == [("Orders are empty", f"/items/{incident}")]
    assert seen["home"]["sentence"].startswith("1 incident ")
    assert [(one["incident"], one["severity"]) for one in seen["health"]["incidents"]] == [(incident, 1)]


def test_it_is_gone_once_it_is_dismissed(own_server: Running, incident: str) -> None:
    """By whoever may; what was wrong with nothing else is safe again."""
    with known_as(own_server, *LEAD, **PAGE) as lead:
        moved = lead.post(f"/items/{incident}", data={"move": "dismiss", "field.because": "It was a filter."})
    seen = _seen(own_server)

    assert moved.status_code == 303, moved.text
    assert seen["safe"] == ["safe to use"] * 3
    assert seen["health"]["incidents"] == []
    assert not any(row["mark"]["word"] == "incident" for row in seen["home"]["page"]["burning"])
