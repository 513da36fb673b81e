"""What somebody who is new here runs into: bodies, links, keys and refusals say what helps."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx2
import pytest

from live_server import PAGE, Running, made_token, token_of

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
