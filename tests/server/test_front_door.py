"""The front door and the inbox: what is there already is named first, what is filed reaches who can settle it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from live_server import PAGE, Running, known_as

STEWARD = ("user:idp/vera", "role:idp/shop-data-steward")


@pytest.fixture
def asker(own_server: Running) -> Iterator[httpx2.Client]:
    """Somebody who looks for something."""
    with known_as(own_server, "user:idp/ana", **PAGE) as client:
        yield client


@pytest.fixture
def steward(own_server: Running) -> Iterator[httpx2.Client]:
    """A steward of the shop's data."""
    with known_as(own_server, *STEWARD, **PAGE) as client:
        yield client


def waiting(client: httpx2.Client) -> list[dict[str, Any]]:
    """Return what waits for somebody."""
    found: list[dict[str, Any]] = client.get("/inbox.json").json()["page"]["waiting"]
    return found


def test_a_metric_answers_a_request_before_it_is_filed(own_server: Running, asker: httpx2.Client) -> None:
    """It is named while somebody writes; that they took it is recorded, their words apart, and nothing is filed."""
    told = asker.get("/requests/suggested.json", params={"what": "revenue by day of the week"}).json()["page"]
    gone = asker.post(
        "/requests/deflected", data={"type": "data_request", "what": "revenue by day", "answer": "metric:shop.revenue"}
    )
    ledger = own_server.app.state.served.snapshots.ledger
    (event,) = ledger.read(types=("work.deflected",))

    assert ("metric:shop.revenue", "certified") in [(one["key"], one["told"][:9]) for one in told["answers"]]
    assert (gone.status_code, gone.headers["location"]) == (303, "/metrics/shop.revenue")
    assert (event.actor, event.data["answer"], event.data["kind"]) == ("user:idp/ana", "shop.revenue", "metric")
    assert ledger.side.get(event.data["text"]).payload == "revenue by day"
    assert asker.get("/requests.json").json()["page"]["requests"] == []


def test_who_asks_for_the_same_gets_the_same_answer(asker: httpx2.Client, steward: httpx2.Client) -> None:
    """An open item like theirs is named; theirs becomes its duplicate, and ends with it."""
    asker.post("/requests", data={"what": "Churn by month", "product": "shop.orders"})
    (one,) = steward.get("/requests/suggested.json", params={"what": "churn per month"}).json()["page"]["same"]
    original = one["key"].removeprefix("item:")
    steward.post("/requests", data={"what": "churn per month", "duplicate_of": original})
    for move in ("take", "deliver"):
        assert steward.post(f"/items/{original}", data={"move": move}).status_code == 303
    closed = asker.get("/requests.json").json()["page"]["closed"]

    assert one["title"] == "Churn by month"
    assert {(row["what"], row["state"]["word"]) for row in closed} == {
        ("Churn by month", "done"), ("churn per month", "done"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("type", "names"),
    [
        ("data_request", ["what", "why", "product"]),
        ("access_request", ["product", "purpose", "until"]),
        ("incident", ["what", "kind", "sev", "product", "assets", "failure_mode", "impact_started_at"]),
    ],
)
def test_the_form_takes_what_the_type_holds_when_it_begins(asker: httpx2.Client, type: str, names: list[str]) -> None:
    """And nothing that is given later, with a move."""
    form = asker.get("/requests.json", params={"type": type}).json()["page"]["form"]

    assert [field["name"] for field in form["fields"]] == names
    assert form["offers"][0]["text"] == "I need data that I cannot find"


def test_a_product_leads_to_what_its_consumers_ask_for(asker: httpx2.Client) -> None:
    """Access, a question, something broken: the form has the product filled in, and keeps it when the type changes."""
    wants = asker.get("/products/shop.orders.json").json()["page"]["wants"]
    forms = [asker.get(one["href"].replace("/requests?", "/requests.json?")).json()["page"]["form"] for one in wants]

    assert [form["type"] for form in forms] == ["access_request", "question", "incident"]
    for form in forms:
        assert [one["value"] for one in form["fields"] if one["name"] == "product"] == ["shop.orders"]
        assert all("product=shop.orders" in offer["href"] for offer in form["offers"])


@pytest.mark.parametrize(
    ("words", "type"), [("access", "access_request"), ("broken", "incident"), ("question", "question")]
)
def test_the_palette_finds_what_one_can_ask_for(asker: httpx2.Client, words: str, type: str) -> None:
    """By the words of the need."""
    entries = asker.get("/palette", params={"q": words}).json()["entries"]

    assert f"/requests?type={type}#ask" in [one["href"] for one in entries]


def test_an_incident_is_filed_by_the_form(asker: httpx2.Client, own_server: Running) -> None:
    """Words of a form are read as the fields are typed."""
    said = {"type": "incident", "what": "Orders are empty", "kind": "data", "sev": "2", "product": "shop.orders"}
    refused = asker.post("/requests", data={**said, "kind": "dta"})
    filed = asker.post("/requests", data=said)
    opened = list(own_server.app.state.served.snapshots.ledger.read(types=("incident.opened",)))

    assert "Did you mean" in refused.text
    assert refused.status_code == 400
    assert filed.status_code == 303
    assert [(e.data["sev"], e.data["kind"]) for e in opened] == [(2, "data")]


def test_the_inbox_is_of_who_looks(asker: httpx2.Client, steward: httpx2.Client) -> None:
    """A steward triages; who asked answers what they are asked back; each sees only what waits for them."""
    asker.post("/requests", data={"what": "Churn by month", "product": "shop.orders"})
    (row,) = waiting(steward)
    nobody = waiting(asker)
    moved = steward.post(f"/items/{row['id']}", data={"move": "ask", "next": "/inbox"})
    (back,) = waiting(asker)

    assert nobody == []
    assert [(way["name"], way["key"]) for way in row["ways"]] == [("take", "a"), ("decline", "d"), ("ask", "m")]
    assert moved.headers["location"] == f"/inbox?done={row['id']}"
    assert (back["asks"]["word"], waiting(steward)) == ("answer", [])


def test_the_last_move_is_taken_back_from_the_inbox(asker: httpx2.Client, steward: httpx2.Client) -> None:
    """What was done last is named, with a way back; whoever did not do it has none."""
    asker.post("/requests", data={"what": "Churn by month", "product": "shop.orders"})
    (row,) = waiting(steward)
    steward.post(f"/items/{row['id']}", data={"move": "decline"})
    done = steward.get("/inbox.json", params={"done": row["id"]}).json()["page"]["done"]
    theirs = asker.get("/inbox.json", params={"done": row["id"]}).json()["page"]["done"]
    steward.post(f"/items/{row['id']}", data={"undo": "1"})

    assert (done["asks"]["word"], done["may_undo"], theirs) == ("declined", True, None)
    assert [one["id"] for one in waiting(steward)] == [row["id"]]


def test_an_item_has_a_page_with_all_of_it(asker: httpx2.Client, steward: httpx2.Client) -> None:
    """What it says, what happened, what was said, what may be done; words are shown as words."""
    asker.post("/requests", data={"what": "Churn <b>by</b> month", "product": "shop.orders"})
    (row,) = waiting(steward)
    steward.post(f"/items/{row['id']}", data={"comment": "Finance <i>has</i> it."})
    steward.post(f"/items/{row['id']}", data={"assignee": "user:idp/vera"})
    page = steward.get(f"/items/{row['id']}")
    told = steward.get(f"/items/{row['id']}.json").json()["page"]
    strange = steward.post(f"/items/{row['id']}", data={"fly": "1"})

    assert "Churn &lt;b&gt;by&lt;/b&gt; month" in page.text
    assert "Finance &lt;i&gt;has&lt;/i&gt; it." in page.text
    assert [way["name"] for way in told["ways"]] == ["take", "decline", "ask"]
    assert ("With", "vera") in [(fact["term"], fact["text"]) for fact in told["facts"]]
    assert (strange.status_code, "FH-A112" in strange.text) == (400, True)


@pytest.mark.parametrize(
    "said",
    [
        {"type": "question", "fields": {"what": "x"}, "product": "shop.orders"},
        {"type": "metric_dispute", "fields": {"metric": "shop.revenue", "claim": "x"}},
        {"type": "metric_dispute", "fields": {"metric": "revenue", "claim": "x"}},
        {"type": "duplicate_asset", "fields": {"asset": "shop.orders.orders", "same_as": "shop.orders.raw_orders"}},
    ],
    ids=["of it", "of a metric over it", "of a metric by its short name", "of an asset of it"],
)
def test_an_item_of_a_hidden_product_is_not_there(own_server: Running, said: dict[str, Any]) -> None:
    """To who may not see the product: not in lists, not by its address, not to be linked, as one that is invented."""
    with known_as(own_server, *STEWARD) as steward:
        id_ = steward.post("/api/v1/work-items", json=said).json()["id"]
    with (own_server.root / "estate.yaml").open("a", encoding="utf-8") as file:
        file.write('  access: {see: ["group:idp/few"]}\n')
    own_server.app.state.served.snapshots.changed()
    with known_as(own_server, "user:idp/stranger") as stranger:
        listed = stranger.get("/api/v1/work-items").json()["items"]
        answers = [stranger.get(f"/api/v1/work-items/{id_}"), stranger.get(f"/items/{id_}.json")]
        acted = stranger.post(f"/api/v1/work-items/{id_}/comments", json={"text": "x"})
        own = stranger.post("/api/v1/work-items", json={"type": "question", "fields": {"what": "y"}}).json()["id"]
        invented = id_[:-4] + ("0000" if id_[-4:] != "0000" else "1111")
        pairs = [
            [_answer(stranger.get(f"/api/v1/work-items/{one}"), one) for one in (id_, invented)],
            *([_linked(stranger, own, rel, one) for one in (id_, invented)] for rel in ("duplicate_of", "cites")),
        ]

    assert listed == []
    assert [one.status_code for one in (*answers, acted)] == [404, 404, 404]
    assert [hidden for hidden, _ in pairs] == [nowhere for _, nowhere in pairs]
    assert {status for pair in pairs for status, _ in pair} == {404}


def _linked(client: httpx2.Client, own: str, rel: str, target: str) -> tuple[int, dict[str, Any]]:
    answer = client.post(f"/api/v1/work-items/{own}/links", json={"rel": rel, "target": target})
    return _answer(answer, target)


def _answer(answer: httpx2.Response, id_: str) -> tuple[int, dict[str, Any]]:
    """Return an answer without the id that it was asked for, or the number of the request."""
    said = json.loads(answer.text.replace(id_, "ID"))
    return answer.status_code, {name: value for name, value in said.items() if name != "instance"}


Opened = Callable[..., Any]


def test_the_inbox_is_emptied_with_the_keyboard_alone(opened: Opened, server: Running) -> None:
    """J and k walk, a, d, u and m settle, z takes back: seen by the rows that are left."""
    from playwright.sync_api import expect

    with known_as(server, "user:idp/ana") as client:
        for what in ("Churn of loyalty cards", "Churn of loyalty cards by shop", "Stock on hand"):
            client.post("/requests", data={"what": what, "product": "shop.orders"})
        client.post("/requests", data={"type": "question", "what": "How late are parcels?", "product": "shop.orders"})
    with known_as(server, *STEWARD) as client:
        cookie = {"name": server.settings.cookie, "value": client.cookies[server.settings.cookie], "url": server.url}
    page = opened("/inbox")
    page.context.clear_cookies()
    page.context.add_cookies([cookie])
    page.goto("/inbox")
    rows = page.get_by_role("list", name="What waits for you").locator("> li")
    before = rows.count()
    page.get_by_role("link", name="Churn of loyalty cards by shop").focus()
    page.keyboard.press("u")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Part them").wait_for()
    expect(rows).to_have_count(before - 1)
    page.keyboard.press("z")
    page.get_by_role("button", name="Part them").wait_for(state="detached")
    expect(rows).to_have_count(before)
    page.get_by_role("link", name="Stock on hand").focus()
    page.keyboard.press("d")
    page.get_by_role("button", name="Take it back").wait_for()

    expect(rows.filter(has_text="Stock on hand")).to_have_count(0)

    asked = page.get_by_role("link", name="How late are parcels?")
    asked.focus()
    page.keyboard.press("d")
    expect(page.get_by_label("Because")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Because")).to_be_hidden()
    expect(asked).to_be_focused()
