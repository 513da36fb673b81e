"""The description of the API is kept: by the file that is published, by a walk, and by whatever schemathesis tries."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import pytest

from freehold.server.api.describing import document
from live_server import Running, token_of

FILE = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
OPERATIONS = [
    pytest.param(method, path, operation, id=operation["operationId"])
    for path, said in json.loads(document())["paths"].items()
    for method, operation in said.items()
]
DRAFT = "https://json-schema.org/draft/2020-12/schema"  # that of OpenAPI 3.1
_EXAMPLES = {"id": "shop.orders", "q": "orders", "of": "shop.orders.orders", "period": "2011-Q1"}
_EXAMPLES_OF = {
    "get_metric_values": {"id": "shop.revenue"},
    "get_kpi": {"id": "validation-pass-rate"},
    "get_manifest": {"id": "business-review"},
}


@pytest.fixture(scope="module")
def program(server: Running) -> Iterator[httpx2.Client]:
    """Somebody's program, signed in; they have asked a question."""
    with server.signed_in() as client:
        begun = client.post("/api/v1/work-items", json={"type": "question", "fields": {"what": "What is an order?"}})
        assert begun.status_code == 201, begun.text
        yield client


def test_the_published_description_is_that_of_the_api() -> None:
    """`make reference` writes it anew."""
    assert FILE.read_text(encoding="utf-8") == document()


def test_the_description_is_the_same_text_each_time(program: httpx2.Client) -> None:
    """And what a server sends is what is published, but for the order of keys."""
    assert document() == document()
    assert program.get("/api/v1/openapi.json").json() == json.loads(document())


def test_every_reference_of_the_description_leads_somewhere() -> None:
    """So that what generates clients from it finds everything; and each operation has a name of its own."""
    said = json.loads(document())
    names = [p.values[2]["operationId"] for p in OPERATIONS]

    assert said["openapi"].startswith("3.1")
    assert len(set(names)) == len(names)
    for reference in _references(said):
        found: Any = said
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    for schema in said["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": DRAFT, **schema})


def _references(said: Any) -> list[str]:
    if isinstance(said, dict):
        own = [said["$ref"]] if isinstance(said.get("$ref"), str) else []
        return own + [one for value in said.values() for one in _references(value)]
    return [one for value in said for one in _references(value)] if isinstance(said, list) else []


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_an_operation_does_what_its_description_says(
    program: httpx2.Client, method: str, path: str, operation: dict[str, Any]
) -> None:
    """Asked as described, it answers as described; HEAD as GET without a body; known again, with 304."""
    said = operation["responses"].get("200", {}).get("content", {})
    if method != "get" or "application/json" not in said:
        pytest.skip("it changes something, or goes on without an end")
    values = _EXAMPLES | _EXAMPLES_OF.get(operation["operationId"], {}) | _newest(program, path)
    if "{id}" in path and not values["id"]:
        pytest.skip("there is none of these yet")
    needed = [p for p in operation.get("parameters", ()) if p["required"]]
    place = "/api/v1" + path.format(**values)
    query = {p["name"]: values[p["name"]] for p in needed if p["in"] == "query"}
    answer = program.get(place, params=query)
    told = said["application/json"]["schema"]
    schema = {"$schema": DRAFT, "components": json.loads(document())["components"]}

    assert answer.status_code == 200, answer.text
    jsonschema_rs.validator_for(schema | told, validate_formats=True).validate(answer.json())
    head = program.head(place, params=query)
    assert (head.status_code, head.content) == (200, b"")
    again = program.get(place, params=query, headers={"if-none-match": answer.headers["etag"]})
    is_lasting = answer.headers["etag"].startswith("W/")
    if "as_of" not in answer.json() or is_lasting:  # else it is of a snapshot, and those are taken anew each minute
        assert (again.status_code, again.content) == (304, b"")
    refused = program.delete(place)
    assert (refused.status_code, "GET, HEAD" in refused.headers["allow"]) == (405, True)
    assert refused.headers["content-type"] == "application/problem+json"


def _newest(program: httpx2.Client, path: str) -> dict[str, str]:
    """Return the id of the first of a list for the path of one of it: `/jobs/{id}`; empty where the list is."""
    before, _, after = path.partition("/{id}")
    if "{id}" not in path or (
        after and not before.startswith(("/webhooks", "/work-items"))
    ):  # the estate of these tests subscribes nobody
        return {}
    listed = f"/api/v1{before.partition('/{type}')[0]}"
    items = program.get(listed, params={"kind": "all"} if "deployments" in before else {}).json()["items"]
    newest = items[0]["id"] if items else ""
    return {"type": newest.rpartition("/")[0], "id": newest.rpartition("/")[2]}


@pytest.mark.parametrize(
    ("path", "asked"),
    [("products", {}), ("metrics", {}), ("deployments", {"kind": "all"}), ("search", {"q": "orders"}), ("views", {})],
)
def test_every_list_goes_on_by_a_cursor(program: httpx2.Client, path: str, asked: dict[str, str]) -> None:
    """One item at a time gives the same items as all at once, none twice, and an end."""
    name, place = "cursor" if path == "search" else "after", f"/api/v1/{path}"
    whole = [item["id"] for item in program.get(place, params=asked).json()["items"]]
    found, cursor = [], ""
    for _ in range(100):
        page = program.get(place, params=asked | {"limit": "1"} | ({name: cursor} if cursor else {})).json()
        found += [item["id"] for item in page["items"]]
        cursor = page["next"] or ""
        if not cursor:
            break

    assert found == whole[: len(found)]
    assert len(found) == len(whole)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("application/*;q=0.5, text/csv", 200),
        ("*/*", 200),
        ("", 200),
        ("text/html,application/xhtml+xml,*/*;q=0.8", 200),
        ("application/problem+json", 200),
        ("text/csv", 406),
        ("application/xml", 406),
        ("application/json;q=0", 406),
        ("image/*, text/plain", 406),
        (";;;,,,", 406),
    ],
)
def test_a_form_that_there_is_not_is_refused(program: httpx2.Client, accept: str, status: int) -> None:
    """With 406 and what there is; a browser that looks is shown JSON."""
    answer = program.get("/api/v1/me", headers={"accept": accept})

    assert answer.status_code == status
    if status == 406:
        assert (answer.json()["code"], answer.headers["content-type"]) == ("FH-A115", "application/problem+json")


def test_how_often_one_may_ask_is_said_before_it_is_too_often(program: httpx2.Client) -> None:
    """In the headers of every answer, counting down."""
    first, second = (program.get("/api/v1/me").headers for _ in range(2))

    assert first["ratelimit-policy"].startswith('"read";q=')
    left = [int(h["ratelimit"].split(";r=")[1].split(";")[0]) for h in (first, second)]
    assert left[1] < left[0]


def test_whatever_is_asked_nothing_breaks(server: Running, tmp_path: Path) -> None:
    """Some hundreds of requests made from the description, in and out of its bounds: no answer is a server error, each
    is as described. A cursor that is none is refused though its form is right, so that check is left out.
    """
    described = tmp_path / "openapi.json"
    described.write_text(document())
    words = [
        "run", str(described), "--url", f"{server.url}/api/v1", "--checks", "all",
        "--exclude-checks", "positive_data_acceptance", "--phases", "examples,coverage,fuzzing",
        "--max-examples", "8", "--generation-deterministic", "--continue-on-failure",
        "--header", f"Authorization: Bearer {token_of(server, 'user:idp/robot')}",
    ]  # fmt: skip
    tool = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [str(tool), "--no-color", *words], capture_output=True, text=True, check=False, timeout=500, cwd=tmp_path
    )

    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    assert " generated" in done.stdout
