"""`/api/v1/work-items`: what programs see of what people settle, and what they may do in somebody's name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from live_server import PAGE, Running, known_as, token_of

ITEMS = "/api/v1/work-items"
STEWARD = ("user:idp/vera", "role:idp/shop-data-steward")


@pytest.fixture
def asker(own_server: Running) -> Iterator[httpx2.Client]:
    """Somebody who asks for things."""
    with known_as(own_server, "user:idp/ana") as client:
        yield client


@pytest.fixture
def steward(own_server: Running) -> Iterator[httpx2.Client]:
    """A steward of the shop's data."""
    with known_as(own_server, *STEWARD) as client:
        yield client


def begun(client: httpx2.Client, type: str = "data_request", **said: Any) -> dict[str, Any]:
    """Begin an item about the shop's orders."""
    fields = said or {"what": "Churn by month"}
    answer = client.post(ITEMS, json={"type": type, "fields": fields, "product": "shop.orders"})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_an_item_goes_its_way_by_the_api(asker: httpx2.Client, steward: httpx2.Client) -> None:
    """Begun by one, in the inbox of another, moved, talked about, given away, ended."""
    item = begun(asker, "question", what="How many came back?")
    at = f"{ITEMS}/{item['id']}"
    waits = [(one["id"], one["asks"]) for one in steward.get("/api/v1/inbox").json()["items"]]
    taken = steward.post(f"{at}/moves", json={"move": "take"}).json()
    back = steward.post(f"{at}/moves", json={"move": "undo"}).json()
    steward.post(f"{at}/comments", json={"text": "Finance may know."})
    given = steward.post(f"{at}/assignee", json={"assignee": "user:idp/vera"}).json()
    answered = steward.post(f"{at}/moves", json={"move": "answer", "fields": {"answer": "One in nine."}}).json()
    ended = asker.post(f"{at}/moves", json={"move": "accept"}).json()

    assert (item["id"], "triage") in waits
    assert (taken["state"], back["state"], back["can_undo"]) == ("taken", "asked", False)
    assert given["assignee"] == "user:idp/vera"
    assert answered["state"] == "answered"
    assert (ended["is_open"], ended["outcome"]) == (False, "answered")
    assert ended["fields"] == {"what": "How many came back?", "answer": "One in nine."}
    assert [one["text"] for one in ended["comments"]] == ["Finance may know."]


def test_links_are_made_and_taken_away_by_the_api(asker: httpx2.Client, steward: httpx2.Client) -> None:
    """A duplicate says so from both sides, and ends with its original."""
    one, two = begun(asker), begun(asker)
    linked = steward.post(f"{ITEMS}/{two['id']}/links", json={"rel": "duplicate_of", "target": one["id"]}).json()
    circle = steward.post(f"{ITEMS}/{one['id']}/links", json={"rel": "duplicate_of", "target": two["id"]})
    seen = asker.get(f"{ITEMS}/{one['id']}").json()["links"]
    parted = {"rel": "duplicate_of", "target": one["id"], "ended": True}
    apart = steward.post(f"{ITEMS}/{two['id']}/links", json=parted).json()

    assert linked["duplicate_of"] == one["id"]
    assert (circle.status_code, circle.json()["code"]) == (409, "FH-W310")
    assert [(link["word"], link["other"]) for link in seen] == [("has duplicate", two["id"])]
    assert (apart["duplicate_of"], apart["links"]) == (None, [])


@pytest.mark.parametrize(
    ("type", "fields", "fix"),
    [
        pytest.param("metric_dispute", {"metric": "shop.revenu", "claim": "x"}, "`shop.revenue`", id="a metric"),
        pytest.param("question", {"what": "x", "metric": "revenu"}, "`revenue`", id="a metric by its short name"),
        pytest.param("question", {"what": "x", "metric": "adopton"}, "`adoption`", id="a KPI"),
        pytest.param(
            "duplicate_asset", {"asset": "shop.orders.order", "same_as": "shop.orders.orders"}, "`shop.orders.orders`",
            id="an asset",
        ),
    ],
)  # fmt: skip
def test_an_item_names_what_is_there(asker: httpx2.Client, type: str, fields: dict[str, str], fix: str) -> None:
    """What is not is refused with what is near, by the API and by the form alike; nothing is begun."""
    by_api = asker.post(ITEMS, json={"type": type, "fields": fields})
    by_form = asker.post("/requests", data={"type": type, **fields})

    assert (by_api.status_code, by_api.json()["code"]) == (400, "FH-W430")
    assert fix in by_api.json()["fix"]
    assert (by_form.status_code, "FH-W430" in by_form.text) == (400, True)
    assert asker.get(ITEMS).json()["items"] == []


def test_an_item_may_name_a_kpi_and_a_metric_either_way(asker: httpx2.Client) -> None:
    """A KPI is a metric to whoever disputes it; a metric has two names, and is kept by its id, by which it is found."""
    for name, kept in (("shop.revenue", "shop.revenue"), ("revenue", "shop.revenue"), ("adoption", "adoption")):
        assert begun(asker, "metric_dispute", metric=name, claim="x")["fields"]["metric"] == kept


@pytest.mark.parametrize(
    ("path", "said", "status", "code"),
    [
        ("moves", {"move": "take"}, 403, "FH-W104"),
        ("moves", {"move": "fly"}, 409, "FH-W103"),
        ("moves", {"move": "undo"}, 409, "FH-W313"),
        ("links", {"rel": "likes", "target": "x"}, 400, "FH-W312"),
        ("comments", {"text": " "}, 400, "FH-W106"),
        ("assignee", {"assignee": "user:idp/ana"}, 200, ""),
    ],
    ids=["not their move", "no such move", "nothing to take back", "no such relation", "no words", "theirs to give"],
)
def test_what_cannot_be_done_has_its_status(
    asker: httpx2.Client, path: str, said: dict[str, str], status: int, code: str
) -> None:
    """And its code, as a problem object."""
    answer = asker.post(f"{ITEMS}/{begun(asker)['id']}/{path}", json=said)

    assert answer.status_code == status
    assert answer.json().get("code", "") == code


def test_lists_go_on_where_they_ended(asker: httpx2.Client) -> None:
    """By the cursor of the page before, of one type, open or not."""
    made = [begun(asker, what=f"request {n}")["id"] for n in range(3)]
    begun(asker, "insight", what="People count twice")
    first = asker.get(ITEMS, params={"type": "data_request", "open": True, "limit": 2}).json()
    rest = asker.get(ITEMS, params={"type": "data_request", "limit": 2, "after": first["next"]}).json()

    assert [one["id"] for one in first["items"] + rest["items"]] == made
    assert rest["next"] is None
    assert asker.get(ITEMS, params={"type": "nothing"}).status_code == 404


def test_a_token_settles_only_what_it_was_made_for(own_server: Running) -> None:
    """One without the scope reads; one with it acts in its owner's name, as their roles let it."""
    with own_server.client(authorization=f"Bearer {token_of(own_server, 'user:idp/bot')}") as reads:
        refused = reads.post(ITEMS, json={"type": "insight", "fields": {"what": "x"}})
        listed = reads.get(ITEMS)
    acts = token_of(own_server, "user:idp/bot", scopes=("catalog:read", "items:write"))
    with own_server.client(authorization=f"Bearer {acts}") as settles:
        made = settles.post(ITEMS, json={"type": "data_request", "fields": {"what": "x"}})
        moved = settles.post(f"{ITEMS}/{made.json()['id']}/moves", json={"move": "take"})

    assert (refused.status_code, listed.status_code) == (403, 200)
    assert (made.status_code, made.json()["requester"]) == (201, "user:idp/bot")
    assert (moved.status_code, moved.json()["code"]) == (403, "FH-W104")


def test_types_say_how_they_go(asker: httpx2.Client) -> None:
    """So that a program can show a form, and the moves."""
    types = {one["id"]: one for one in asker.get("/api/v1/work-item-types").json()["items"]}

    assert types["metric_dispute"]["wants"] == "A number looks wrong to me"
    assert types["incident"]["fields"][1]["choices"] == ["data", "ai", "platform", "privacy"]


def test_a_page_begins_where_the_one_before_ended(asker: httpx2.Client) -> None:
    """Also where that item has left the list meanwhile; a cursor of no item is refused."""
    first, second = begun(asker)["id"], begun(asker)["id"]
    asker.post(f"{ITEMS}/{first}/moves", json={"move": "withdraw"})
    told = [
        [one["id"] for one in asker.get(ITEMS, params={"after": first, "open": open_}).json()["items"]]
        for open_ in ("true", "false")
    ]
    wrong = asker.get(ITEMS, params={"after": "data_request/nothing"})

    assert told == [[second], []]
    assert (wrong.status_code, wrong.json()["code"]) == (400, "FH-A112")


def test_an_item_says_names_as_links_and_times_as_pages_do(own_server: Running, asker: httpx2.Client) -> None:
    """No list as a program writes it, no instant for machines: each name is a link, of which nobody sees brackets."""
    cause = begun(asker, "question", what="Why is it so?")
    said = {
        "what": "Orders are wrong", "kind": "data", "sev": 2, "assets": ["shop.orders.orders"],
        "impact_started_at": "2026-11-02T09:30:00+00:00", "actions": [cause["id"], "question/none"],
    }  # fmt: skip
    item = begun(asker, "incident", **said)
    page = asker.get(f"/items/{item['id']}.json").json()["page"]
    fields = {row["term"]: row["values"] for row in page["fields"]}
    shown = asker.get(f"/items/{item['id']}", headers=PAGE).text

    assert [(one["text"], one["href"]) for one in fields["Assets"]] == [
        ("shop.orders.orders", "/products/shop.orders#orders")
    ]
    assert [(one["text"], one["href"]) for one in fields["Actions"]] == [
        ("Why is it so?", f"/items/{cause['id']}"), ("question/none", ""),
    ]  # fmt: skip
    assert fields["Impact started at"][0]["at"] == "2026-11-02T09:30:00+00:00"
    assert ">02 Nov 2026, 09:30 UTC</time>" in shown
    assert "[&#39;" not in shown
    assert asker.get(f"{ITEMS}/{item['id']}").json()["fields"]["assets"] == ["shop.orders.orders"]
