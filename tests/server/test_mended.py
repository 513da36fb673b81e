"""What somebody who is new here runs into: bodies, links, keys and refusals say what helps."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from freehold import opening
from freehold.ledger import Event
from live_agent import asked, told
from live_server import PAGE, Running, known_as, made_token, token_of

FREEHOLD = Path(sys.executable).with_name("freehold")
QUESTION = "metrics: [revenue]\nby: [month]\nfrom: 2026-01-01\n"


@pytest.fixture
def person(server: Running) -> Iterator[httpx2.Client]:
    """Somebody who is signed in."""
    with server.signed_in() as client:
        yield client


@pytest.mark.parametrize("form", ["application/yaml", "text/yaml; charset=utf-8", "application/x-yaml"])
def test_a_question_may_be_asked_in_yaml(person: httpx2.Client, form: str) -> None:
    """With the answer that the same question has in JSON."""
    asked = {"metrics": ["revenue"], "by": ["month"], "from": "2026-01-01"}
    in_yaml = person.post("/api/v1/query", content=QUESTION, headers={"content-type": form})
    in_json = person.post("/api/v1/query", json=asked)

    assert (in_yaml.status_code, in_json.status_code) == (200, 200), in_yaml.text
    assert in_yaml.json()["rows"] == in_json.json()["rows"] != []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("metrics: [revenue", "line 2: did not find expected"),
        ("a: &a [x]\nb: *a", "aliases"),
        ("[" * 60_000, "nested too deeply"),
        ("from: 2026-13-45", "month must be in 1..12"),
        ("metrics: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("", "the body: Field required"),
        ("just words", "the body: "),
        ("metrics: [revenue]\ncolour: red", "`colour`: Extra inputs"),
        ("a: \x07", "control characters"),
    ],
    ids=["open", "aliases", "deep", "no day", "a call", "empty", "no object", "unknown word", "control"],
)
def test_yaml_that_is_no_question_is_refused_by_what_is_wrong(person: httpx2.Client, body: str, said: str) -> None:
    """Nothing of it is carried out, and no part of the request is called by an empty name."""
    answer = person.post("/api/v1/query", content=body, headers={"content-type": "application/yaml"})

    assert (answer.status_code, answer.json()["code"]) == (400, "FH-A112"), answer.text
    assert said in answer.json()["title"]
    assert "``" not in answer.text


def test_a_question_in_yaml_is_not_long(person: httpx2.Client) -> None:
    """With 413, before it is read."""
    answer = person.post("/api/v1/query", content="#" * 64_001, headers={"content-type": "text/yaml"})

    assert answer.status_code == 413


@pytest.mark.parametrize("form", ["text/plain", "application/x-www-form-urlencoded", "", "image/png"])
@pytest.mark.parametrize(
    ("path", "taken"), [("query", "`Content-Type: application/json` or `Content-Type: application/yaml`"),
                        ("jobs", "`Content-Type: application/json`")],
)  # fmt: skip
def test_a_body_of_another_form_is_refused_with_what_is_taken(
    person: httpx2.Client, path: str, taken: str, form: str
) -> None:
    """With 415; a body that says nothing of itself, too."""
    headers = {"content-type": form} if form else {}
    answer = person.post(f"/api/v1/{path}", content=b"{}", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "FH-A132")
    assert answer.json()["fix"] == f"Send it with {taken}."
    assert form in answer.json()["title"]
    assert "``" not in answer.text


def test_json_that_cannot_be_read_is_refused_by_the_place(person: httpx2.Client) -> None:
    """Where it ends to be JSON."""
    answer = person.post("/api/v1/query", content="{,", headers={"content-type": "application/json"})

    assert "the body is no JSON at character 1" in answer.json()["title"]


def test_the_description_tells_of_yaml(person: httpx2.Client) -> None:
    """So that clients that are made from it may send it."""
    said = person.get("/api/v1/openapi.json").json()["paths"]["/query"]["post"]["requestBody"]["content"]

    assert set(said) == {"application/json", "application/yaml", "text/yaml"}


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [("HEAD", {}, 405), ("GET", {"Sec-Purpose": "prefetch;prerender"}, 403), ("GET", {"Purpose": "prefetch"}, 403)],
    ids=["head", "sec-purpose", "purpose"],
)
def test_looking_at_the_link_does_not_spend_it(
    server: Running, method: str, headers: dict[str, str], status: int
) -> None:
    """A preview of it signs nobody in, and its owner comes in by it."""
    link = server.link()
    with server.client() as preview, server.client() as owner:
        looked = preview.request(method, link, headers=headers)
        assert (looked.status_code, "set-cookie" in looked.headers) == (status, False)
        assert owner.get(link, headers=PAGE).status_code == 303


def test_what_is_not_there_leads_to_what_is(person: httpx2.Client) -> None:
    """People to a search for it, by a link; programs to the description of the API, which is there."""
    page = person.get("/products/shop.orders/nope%20it", headers=PAGE)
    assert page.status_code == 404
    assert '<a href="/search?q=nope+it">' in page.text
    assert '<nav aria-label="Main">' in page.text

    told = person.get("/api/v1/nope").json()
    assert told["fix"] == "See `/api/v1/openapi.json`."
    assert person.get("/api/v1/openapi.json").status_code == 200


def test_a_page_of_a_refusal_names_no_link_that_somebody_wrote(person: httpx2.Client) -> None:
    """What was asked for is shown as text, and leads nowhere else."""
    page = person.get("/x/%22%3E%3Cscript%3E`//evil.example`", headers=PAGE)

    assert page.status_code == 404
    assert "<script>`" not in page.text
    assert 'href="//' not in page.text


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "DELETE", "PUT", "PATCH", "POST"])
def test_a_method_that_no_path_takes_is_refused_as_such(server: Running, method: str) -> None:
    """To a token as to a person: no scope would help."""
    with server.client(authorization=f"Bearer {token_of(server, 'user:idp/bea')}") as program:
        answer = program.request(method, "/api/v1/products")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_token_that_would_change_something_is_told_what_helps(server: Running) -> None:
    """Not a scope that it has."""
    with server.client(authorization=f"Bearer {token_of(server, 'user:idp/bea')}") as program:
        page = program.post("/plan/apply", data={"plan": "x"})

    assert (page.status_code, page.json()["code"]) == (403, "FH-A102")
    assert "freehold token create" not in page.text
    assert "Sign in" in page.json()["fix"]


def test_figures_tell_the_api_from_pages(server: Running) -> None:
    """By the whole pattern, and so of what was refused on the way."""
    with server.signed_in() as person, server.client() as nobody:
        person.get("/api/v1/products/shop.orders")
        person.head("/api/v1/products")
        person.get("/products/shop.orders", headers=PAGE)
        person.get("/api/v1/nope")
        nobody.get("/api/v1/products")
        nobody.get("/api/v1/nope")
        token = made_token(person, "server:observe")
        told = nobody.get("/metrics", headers={"authorization": f"Bearer {token}"}).text

    for labels in (
        'method="GET",route="/api/v1/products/{id}",status="200"',
        'method="HEAD",route="/api/v1/products",status="200"',
        'method="GET",route="/products/{id}",status="200"',
        'method="GET",route="/api/v1/products",status="401"',
        'method="GET",route="none",status="401"',
        'method="GET",route="none",status="404"',
    ):
        assert f"freehold_requests_total{{{labels}}}" in told
    assert 'route="/api/v1"' not in told


@pytest.mark.parametrize(
    "path",
    [
        "/jobs?view=x", "/deployments?kind=x", "/kpis?for=leadr", "/lineage?of=orders&way=bogus",
        "/lineage?of=orders&depth=x", "/metrics/revenue?by=x", "/homes/product?since=x",
        "/explain?metric=revenue&against=x", "/runs?outcome=x",
    ],
)  # fmt: skip
def test_a_word_of_the_address_that_is_none_of_a_page_is_refused(person: httpx2.Client, path: str) -> None:
    """On each page alike, and what would do is said; nothing else is shown in its stead."""
    answer = person.get(path, headers=PAGE)

    assert answer.status_code == 400, answer.text[:2000]
    assert "FH-A112" in answer.text
    assert "Did you mean" in answer.text or "Say " in answer.text


def test_deployments_of_no_product_are_refused_as_its_page_is(person: httpx2.Client) -> None:
    """By a 404, not by an empty list."""
    assert person.get("/deployments?product=shop.ordrs", headers=PAGE).status_code == 404


def test_deployments_open_where_there_are_some(person: httpx2.Client) -> None:
    """New data alone came, so that is what stands there."""
    shown = person.get("/deployments.json").json()["page"]

    assert shown["deployments"]
    assert [tab["is_current"] for tab in shown["kinds"]] == [False, True]


@pytest.mark.parametrize(
    ("words", "told"),
    [("&limit=0", "None were asked for"), ("&having=revenue > 100000000", "None fulfils `revenue > 100000000`")],
    ids=["limit", "having"],
)
def test_no_rows_are_told_by_what_left_none(person: httpx2.Client, words: str, told: str) -> None:
    """By what was asked, not by what the data lacks."""
    shown = person.get(f"/explore.json?metric=revenue&by=month{words}").json()["page"]

    assert shown["answered"]["rows"] == []
    assert told in shown["no_rows"]["told"]


def test_a_form_that_is_sent_again_makes_no_second_token(person: httpx2.Client) -> None:
    """Reloaded, it leads to the list, which says so; one that was revoked expires no more."""
    mark = re.search(r'name="once" value="([^"]{16,})"', person.get("/settings/tokens", headers=PAGE).text)
    assert mark
    said = {"name": "sent twice", "days": "7", "scopes": ["catalog:read"], "once": mark[1]}
    first = person.post("/settings/tokens", data=said, headers=PAGE)
    again = person.post("/settings/tokens", data=said, headers=PAGE)

    assert "fh_user_" in first.text
    assert (again.status_code, again.headers["location"]) == (303, "/settings/tokens?said=before")
    assert "sent before" in person.get(again.headers["location"], headers=PAGE).text
    mine = [t for t in person.get("/settings/tokens.json").json()["page"]["tokens"] if t["name"] == "sent twice"]
    assert len(mine) == 1

    person.post(f"/settings/tokens/{mine[0]['id']}/revoke")
    page = person.get("/settings/tokens", headers=PAGE).text
    row = page.partition("<td>sent twice</td>")[2].partition("</tr>")[0]
    assert "revoked" in row
    assert "<time" not in row


def test_the_mark_of_a_form_is_of_who_sends_it(server: Running) -> None:
    """Somebody else's form of the same mark makes a token of their own."""
    said = {"name": "marked", "days": "7", "scopes": ["catalog:read"], "once": "a-mark-of-sixteen"}
    for name in ("user:idp/bea", "user:idp/cem"):
        with known_as(server, name) as one:
            assert "fh_user_" in one.post("/settings/tokens", data=said, headers=PAGE).text


def test_a_field_that_nothing_is_called_leads_to_names_that_mean_one_thing(person: httpx2.Client) -> None:
    """And to none of them twice."""
    answer = person.post("/api/v1/query", json={"metrics": ["revenue"], "by": ["amont"]})

    assert answer.json()["fix"] == "Did you mean `amount`?"


@pytest.fixture(scope="module")
def changed(made_estate: Path, tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over an estate in whose files a promise is broken, and that counts deployments by long ids."""
    root = tmp_path_factory.mktemp("changed") / "shop"
    shutil.copytree(made_estate, root)
    contract = root / "shop/orders/contracts/orders.odcs.yaml"
    contract.write_text(contract.read_text().replace("name: amount", "name: total", 1))
    with opening.ledger_around(str(root)) as ledger:
        deployed = {"deploy_id": COUNTED, "status": "success", "resources": ["shop.orders.x"], "env": "prod"}
        ledger.append(Event("deploy.completed", deployed, env="prod", product="shop.orders"))
    return serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})


COUNTED = "01a0d0b6-4051-7661-a5e7-e4236472f1a3"


def test_a_plan_that_is_blocked_says_by_what(changed: Running) -> None:
    """And names nobody who could approve it away, since nobody can."""
    with changed.signed_in(accept="application/json") as client:
        page = client.get("/plan.json").json()["page"]

    assert page["state"]["word"] == "blocked"
    assert page["faults"]
    assert page["reasons"] == [fault["problem"] for fault in page["faults"]]


def test_a_plan_that_is_another_by_now_leads_to_that(changed: Running) -> None:
    """By a link, on a page with the ways to all others."""
    with changed.signed_in(**PAGE) as client:
        page = client.post("/plan/apply", data={"plan": "0123456789ab"})

    assert (page.status_code, "FH-C009" in page.text) == (409, True)
    assert 'Look at it first: <a href="/plan">/plan</a>' in page.text
    assert '<nav aria-label="Main">' in page.text


def test_what_a_kpi_counts_by_an_id_is_called_by_what_it_is(changed: Running) -> None:
    """Shortened, and a link to its page; the whole id stays in the data."""
    with changed.signed_in() as client:
        items = client.get("/kpis/change-failure-rate.json").json()["page"]["items"]
        page = client.get("/kpis/change-failure-rate", headers=PAGE).text
    (one,) = [item for item in items if item["item"] == COUNTED]

    assert (one["called"], one["href"]) == ("deployment …e4236472f1a3", f"/deployments/{COUNTED}")
    assert f'<a class="plain" href="/deployments/{COUNTED}"' in page


def test_a_share_is_told_to_programs_as_the_fraction_it_is(server: Running, person: httpx2.Client) -> None:
    """In the unit `1`, wherever values are read by programs; people read it as percent."""
    metric = "shop.cancelled_share"

    def said(*words: str) -> dict[str, Any]:
        command = [str(FREEHOLD), "-C", str(server.root), *words, "--json"]
        told: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return told

    _, described = asked(server, made_token(person, "catalog:read"), ("describe", {"name": metric}))
    units = {
        "query": person.post("/api/v1/query", json={"metrics": [metric]}).json()["columns"][0]["unit"],
        "values": person.get(f"/api/v1/metrics/{metric}/values").json()["unit"],
        "list": next(one["unit"] for one in person.get("/api/v1/metrics").json()["items"] if one["id"] == metric),
        "agent": told(described)["described"]["unit"],
        "terminal": said("query", metric)["columns"][0]["unit"],
        "explained": said("explain", metric)["words"]["unit"],
        "shown": said("metrics", "show", metric)["unit"],
    }

    assert units == dict.fromkeys(units, "1")
    assert person.get(f"/metrics/{metric}.json", headers=PAGE).json()["page"]["value"].endswith(" %")


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl is here")
@pytest.mark.parametrize("path", ["/products/shop.orders.json", "/metrics/shop.revenue.json"])
def test_a_copied_curl_line_takes_the_token_of_the_shell(server: Running, person: httpx2.Client, path: str) -> None:
    """Run as it stands, it answers."""
    page = person.get(path, headers=PAGE).json()["page"]
    line = next(one["text"] for one in page["snippets"] if one["label"] == "Over HTTP")
    env = {**os.environ, "TOKEN": made_token(person, "catalog:read", "metrics:query")}
    found = subprocess.run(["sh", "-c", line], check=True, capture_output=True, text=True, env=env).stdout

    assert "code" not in json.loads(found)
