"""Anomalies as pages and the API show them: with how they went, closed by whoever may, and nothing a policy hides."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from freehold import opening
from live_browser import expect_readable
from live_server import PAGE, Running, known_as, token_of
from unusual_shop import ASSET, PRODUCT, told_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from freehold.reliability import Anomaly

RATES = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
JSON = {"accept": "application/json"}
READER = "user:idp/reader"
_POLICY = """apiVersion: freehold.dev/v1
kind: DataPolicy
metadata: {id: orders-masked, owner: shop-data}
spec:
  of: [shop.orders.orders]
  grants:
    - {to: ["group:idp/till"], masks: {state: "'somewhere'"}}
    - {to: [everyone]}
"""
Told = dict[str, "Anomaly"]


@pytest.fixture
def odd(made_estate: Path, tmp_path: Path, serving: Callable[..., Running]) -> tuple[Running, Told]:
    """A server over an estate of which one batch was unlike the others, and what is unusual about it."""
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    (root / "policy.yaml").write_text(_POLICY, encoding="utf-8")
    with opening.ledger_around(str(root)) as ledger:  # before a server is there, which looks by itself
        found = told_of(ledger)
    return serving(root, rates=RATES), found


@pytest.fixture
def owner(odd: tuple[Running, Told]) -> Iterator[httpx2.Client]:
    """Somebody who may do everything."""
    with odd[0].signed_in(**PAGE) as client:
        yield client


def shown(client: httpx2.Client, path: str) -> dict[str, Any]:
    """Return the model of a page."""
    got = client.get(path, headers=JSON)
    assert got.status_code == 200, got.text
    told: dict[str, Any] = got.json()["page"]
    return told


def test_the_list_leads_to_each_and_is_on_the_page_of_the_product(
    odd: tuple[Running, Told], owner: httpx2.Client
) -> None:
    """What is open, the newest first, with the values by their names."""
    ids = {one.id for one in odd[1].values()}
    rows = shown(owner, "/anomalies.json")["rows"]

    assert {row["id"] for row in rows} == ids
    assert {row["what"] for row in rows} >= {"rows", "new values of state: zirkon"}
    assert {row["id"] for row in shown(owner, f"/products/{PRODUCT}.json")["anomalies"]} == ids
    html = owner.get("/anomalies").text
    assert all(f"/anomalies/{id_}" in html for id_ in ids)
    assert shown(owner, f"/anomalies.json?asset={ASSET}.other")["rows"] == []
    assert owner.get("/anomalies?product=shop.nothing").status_code == 404
    assert owner.get("/anomalies?view=nothing").status_code == 400


def test_an_anomaly_is_drawn_with_what_would_have_been_usual(odd: tuple[Running, Told], owner: httpx2.Client) -> None:
    """A point for each day, its own in focus, and the same as a table with the usual range of each."""
    one = odd[1]["rows"]
    model = shown(owner, f"/anomalies/{one.id}.json")
    chart = model["chart"]

    assert len(chart["points"]) == 36
    assert chart["focus"]["key"] == "2011-02-07"
    assert chart["band"].startswith("M")
    assert chart["points"][-1]["usual"] == one.usual
    assert one.usual in model["reasons"][0]
    html = owner.get(f"/anomalies/{one.id}").text
    assert html.count(one.usual) > 1
    assert 'class="band"' in html


def test_what_it_was_is_said_on_its_page_once(odd: tuple[Running, Told], owner: httpx2.Client) -> None:
    """By a button; then it is closed, and gone from the list of open ones and from the product."""
    one = odd[1]["rows"]
    page = f"/anomalies/{one.id}"
    assert 'value="expected"' in owner.get(page).text
    assert owner.post(f"{page}/close", data={"as": "nonsense"}).status_code == 400
    assert owner.post(f"{page}/close", data={"as": "expected"}).status_code == 303

    assert 'value="expected"' not in owner.get(page).text
    assert shown(owner, f"{page}.json")["state"]["word"] == "expected"
    assert one.id not in {row["id"] for row in shown(owner, "/anomalies.json")["rows"]}
    assert one.id in {row["id"] for row in shown(owner, "/anomalies.json?view=all")["rows"]}
    assert one.id not in {row["id"] for row in shown(owner, f"/products/{PRODUCT}.json")["anomalies"]}
    assert owner.post(f"{page}/close", data={"as": "fixed"}).status_code == 409
    assert owner.get("/anomalies/0123456789ab").status_code == 404


def test_programs_read_them_page_by_page(odd: tuple[Running, Told], owner: httpx2.Client) -> None:
    """Each once, the whole of one with its past, and what it was is said by a person alone."""
    running, found = odd
    ids, after = [], ""
    while after is not None:
        page = owner.get("/api/v1/anomalies", params={"limit": 1, "after": after}).json()
        ids += [item["anomaly"] for item in page["items"]]
        after = page["next"]
    assert sorted(ids) == sorted(one.id for one in found.values())
    assert owner.get("/api/v1/anomalies?after=nothing").status_code == 400

    path = f"/api/v1/anomalies/{found['new'].id}"
    whole = owner.get(path).json()
    assert (whole["values"], whole["measure"], whole["column"]) == (["zirkon"], "new", "state")
    assert (len(whole["past"]), whole["past"][-1]["value"], whole["past"][0]["high"]) == (36, whole["value"], None)
    with running.client(authorization=f"Bearer {token_of(running, READER)}") as program:
        assert program.get(path).status_code == 200
        assert program.post(f"{path}/close", json={"verdict": "false"}).status_code == 403
    assert owner.post(f"{path}/close", json={"verdict": "nonsense"}).status_code == 400
    assert owner.post(f"{path}/close", json={"verdict": "false"}).json()["verdict"] == "false"
    assert owner.post(f"{path}/close", json={"verdict": "false"}).status_code == 409
    assert owner.get("/api/v1/anomalies").json()["items"][0]["anomaly"] != found["new"].id
    assert len(owner.get("/api/v1/anomalies?closed=true").json()["items"]) == len(found)


def test_what_a_policy_hides_is_not_told(odd: tuple[Running, Told]) -> None:
    """No value, no name of one and no line; that it is unusual is no secret."""
    running, found = odd
    with known_as(running, READER, "group:idp/till", **PAGE) as reader:
        for one in found.values():
            for path in (f"/anomalies/{one.id}", f"/anomalies/{one.id}.json", f"/api/v1/anomalies/{one.id}"):
                told = reader.get(path).text
                assert "zirkon" not in told, path
                assert one.usual not in told, path
        item = reader.get(f"/api/v1/anomalies/{found['new'].id}").json()
        assert (item["value"], item["values"], item["past"]) == (None, [], [])
        assert "orders-masked" in item["withheld"]
        for path in ("/anomalies", f"/products/{PRODUCT}", "/api/v1/anomalies", "/api/v1/events?limit=500"):
            assert "zirkon" not in reader.get(path).text, path


def test_who_may_not_have_it_built_may_not_say_what_it_was(odd: tuple[Running, Told]) -> None:
    """They see it, and no button; asked all the same it is refused, and stays open."""
    running, found = odd
    with known_as(running, READER, **PAGE) as reader:
        page = f"/anomalies/{found['rows'].id}"
        assert 'value="expected"' not in reader.get(page).text
        assert reader.post(f"{page}/close", data={"as": "expected"}).status_code == 403
        assert reader.post(f"/api/v1{page}/close", json={"verdict": "expected"}).status_code == 403
        assert shown(reader, f"{page}.json")["state"]["word"] == "severe"


def test_its_pages_are_readable(odd: tuple[Running, Told], chromium: Browser) -> None:
    """At a desk and on a phone, by day and by night, and said by the keyboard what it was."""
    running, found = odd
    context = chromium.new_context(base_url=running.url)
    context.add_cookies([running.cookie()])
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda m: told.append(m.text) if m.type in ("error", "warning") else None)
    page.goto("/anomalies")
    expect_readable(page, "anomalies")
    page.goto(f"/anomalies/{found['rows'].id}")
    expect_readable(page, "anomaly")
    page.get_by_role("button", name="It was right, and the day was special").focus()
    page.keyboard.press("Enter")
    page.get_by_text("The data was right, and the day was special").wait_for()
    page.goto(f"/products/{PRODUCT}")
    expect_readable(page, "product-unusual")
    context.close()
    assert told == []
