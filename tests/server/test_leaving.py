"""What is to go, and what went, as a server tells it: banners, headers, answers with one click, 410 afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import pytest

from freehold.leaving.leaving import announced
from live_process import until
from live_server import PAGE, Running, known_as

ITEMS = "/api/v1/work-items"
OWNER = ("user:idp/vera", "role:idp/shop-data-owner")
METRIC, OTHER = "shop.average_order", "shop.revenue"


@pytest.fixture
def owner(own_server: Running) -> Iterator[httpx2.Client]:
    """Who answers for the shop's data."""
    with known_as(own_server, *OWNER) as client:
        yield client


@pytest.fixture
def reader(own_server: Running) -> Iterator[httpx2.Client]:
    """Somebody who reads."""
    with known_as(own_server, "user:idp/ana") as client:
        yield client


def asked(client: httpx2.Client) -> httpx2.Response:
    """Ask for the metric, which is use."""
    return client.post("/api/v1/query", json={"metrics": [METRIC]})


def announced_by(owner: httpx2.Client, **more: Any) -> str:
    """Deprecate the metric and announce it; return the item's id."""
    fields = {
        "what": f"{METRIC}: Revenue says it.", "reason": "replaced", "due": "2097-03-31", "metric": METRIC,
        "replacement": OTHER, **more,
    }  # fmt: skip
    began = owner.post(ITEMS, json={"type": "deprecation", "fields": fields, "product": "shop.orders"})
    assert began.status_code == 201, began.text
    moved = owner.post(f"{ITEMS}/{began.json()['id']}/moves", json={"move": "announce"})
    assert (moved.status_code, moved.json().get("state")) == (200, "announced"), moved.text
    return str(began.json()["id"])


def test_answers_say_what_is_to_go_in_the_headers_of_the_standards(owner: httpx2.Client, reader: httpx2.Client) -> None:
    """A date of structured fields, one of HTTP that is no earlier, and links: why, and what takes its place."""
    before = asked(reader)
    item = announced_by(owner)
    answers = [
        asked(reader),
        reader.get(f"/api/v1/metrics/{METRIC}/values"),
        reader.get(f"/api/v1/lineage?of=metric:{METRIC}"),
    ]
    other = reader.get(f"/api/v1/metrics/{OTHER}/values")

    assert not {"deprecation", "sunset"} & {name.lower() for name in (*before.headers, *other.headers)}
    for answer in answers:
        since = re.fullmatch(r"@(\d+)", answer.headers["Deprecation"])
        assert since is not None
        assert parsedate_to_datetime(answer.headers["Sunset"]).timestamp() > int(since[1])
        assert answer.headers["Sunset"] == "Sun, 31 Mar 2097 23:59:59 GMT"
        assert f'</items/{item}>; rel="deprecation"; type="text/html"' in answer.headers["Link"]
        assert f'</api/v1/metrics/{OTHER}/values>; rel="successor-version"' in answer.headers["Link"]
    assert answers[0].json()["deprecated"][f"metric:{METRIC}"]["replaced_by"] == OTHER
    assert answers[1].json()["deprecated"]["item"] == item


def test_pages_and_search_lead_to_what_takes_its_place(owner: httpx2.Client, reader: httpx2.Client) -> None:
    """The page of what goes has a banner with the way on; a hit names it."""
    asked(reader)
    announced_by(owner)
    page = reader.get(f"/metrics/{METRIC}", headers=PAGE).text
    hits = reader.get("/api/v1/search", params={"q": METRIC}).json()["items"]
    (hit,) = [one for one in hits if one["id"] == METRIC and one["kind"] == "metric"]

    assert f"<code>{METRIC}</code> is deprecated; its last day is 2097-03-31. Use <code>{OTHER}</code>." in page
    assert f'href="/metrics/{OTHER}"' in page
    assert (hit["status"], hit["sunset"], hit["replaced_by"]) == ("deprecated", "2097-03-31", OTHER)


def test_a_reader_is_told_on_their_home_and_answers_with_one_click(
    owner: httpx2.Client, reader: httpx2.Client, own_server: Running
) -> None:
    """Found by their use, told, answered by a form; the owner sees by name who did, a reader only themself."""
    asked(reader)
    item = announced_by(owner)
    home = reader.get("/?as=consumer", headers=PAGE).text
    mine, theirs = (client.get(f"{ITEMS}/{item}/consumers").json() for client in (reader, owner))
    clicked = reader.post(f"/items/{item}", data={"acknowledge": "read", "next": "/"})
    after = owner.get(f"{ITEMS}/{item}/consumers").json()
    again = reader.post(f"{ITEMS}/{item}/acknowledgements", json={"action": "moved"}).json()
    foreign = reader.post(f"{ITEMS}/{item}/acknowledgements", json={"consumer": "user:idp/vera"})
    page = owner.get(f"/items/{item}", headers=PAGE).text

    assert f'action="/items/{item}"' in home
    assert [one["name"] for one in mine["items"]] == ["user:idp/ana"]
    assert [one["name"] for one in theirs["items"]] == ["user:idp/ana"]
    assert (theirs["silent"], clicked.status_code) == (1, 303)
    assert (after["silent"], after["items"][0]["answer"]) == (0, "")
    assert again["items"][0]["answer"] == "moved"
    assert foreign.status_code in (400, 403)
    assert "user:idp/ana" in page.replace("<wbr>", "")


def test_who_comes_to_read_it_later_is_told_by_the_server(
    owner: httpx2.Client, reader: httpx2.Client, own_server: Running
) -> None:
    """The round tells whoever was not told yet, once."""
    item = announced_by(owner)
    asked(reader)
    served = own_server.app.state.served
    served.usage.flush()
    (turn,) = [one for one in served.rounds._rounds if one.name == "announcing"]
    for _ in range(2):
        turn._next = None
        turn.go()
    sent = [event.data["audience"] for event in served.snapshots.ledger.read(types=("notice.sent",))]

    assert sent == [[], ["user:idp/ana"]]
    assert [one.id for one in announced(served.snapshots.ledger)] == [item]


def test_what_is_kept_after_all_is_no_longer_told_to_go(
    owner: httpx2.Client, reader: httpx2.Client, own_server: Running
) -> None:
    """Taken back, it has neither banner nor header."""
    item = announced_by(owner)
    assert asked(reader).headers["Deprecation"]
    owner.post(f"{ITEMS}/{item}/moves", json={"move": "keep", "fields": {"because": "It is needed."}})

    until(lambda: "Deprecation" not in asked(reader).headers, "it is no longer told")


def test_what_is_gone_is_told_with_410_and_what_takes_its_place(
    owner: httpx2.Client, reader: httpx2.Client, own_server: Running
) -> None:
    """The old name: a problem that names the successor, a page that says why, and a search that finds it."""
    path = own_server.root / "shop/orders/metrics/shop.yaml"
    text = path.read_text()
    old = next(line for line in text.splitlines() if line.strip().startswith("average_order:"))
    path.write_text(text.replace(old, old.replace("{", "{status: deprecated, replaced_by: revenue, ", 1)))
    from click.testing import CliRunner

    from freehold.cli import cli

    def applied() -> None:
        """Have the files come into force."""
        told = CliRunner().invoke(cli, ["-C", str(own_server.root), "run"])
        assert told.exit_code == 0, told.output

    applied()
    announced_by(owner)
    path.write_text(text.replace(f"{old}\n", ""))
    applied()
    until(lambda: reader.get(f"/api/v1/metrics/{METRIC}/values").status_code == 410, "it is gone")
    problem = reader.get(f"/api/v1/metrics/{METRIC}/values")
    query, page = asked(reader), reader.get(f"/metrics/{METRIC}", headers=PAGE)

    def hits() -> list[dict[str, Any]]:
        """What is found by the old name: the catalog follows what is applied, a moment later."""
        found: list[dict[str, Any]] = reader.get("/api/v1/search", params={"q": METRIC}).json()["items"]
        return found

    until(lambda: bool(hits()), "it is found by its old name")

    assert problem.headers["content-type"] == "application/problem+json"
    assert (problem.json()["code"], problem.json()["successor"]) == ("FH-W508", OTHER)
    assert "Revenue says it." in problem.json()["title"]
    assert problem.headers["Link"] == f'</api/v1/metrics/{OTHER}/values>; rel="successor-version"'
    assert (query.status_code, page.status_code) == (410, 410)
    assert "Revenue says it." in page.text
    assert hits()[0]["id"] == OTHER
    assert any("former name" in why for why in hits()[0]["why"])
