"""Other tools tell what they did over HTTP: kept before it is answered, shown, recognised as runs, and never lost."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from freehold.ledger import Ledger
from live_server import PAGE, Running, free_port, made_token

BASE = "/openlineage/api/v1"
SPACE = "postgres://db.example.org:5432"
SCHEMA = "https://openlineage.io/spec/facets/1-0-0/Facet.json"
DATA = Path(os.environ.get("FREEHOLD_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
EVENTS = DATA / "openlineage"
FREEHOLD = Path(sys.executable).with_name("freehold")


def facet(**said: Any) -> dict[str, Any]:
    """Return a facet as the standard wants it."""
    return {"_producer": "https://example.org/tool", "_schemaURL": SCHEMA, **said}


def run(
    type_: str, *, id: str = "", job: str = "daily.load", at: str = "2026-03-01T05:00:00Z", **more: Any
) -> dict[str, Any]:
    """Return a run event."""
    return {
        "eventType": type_,
        "eventTime": at,
        "producer": "https://example.org/tool",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": id or str(uuid.uuid4()), "facets": {}},
        "job": {"namespace": "airflow", "name": job, "facets": {}},
        "inputs": [],
        "outputs": [],
        **more,
    }


def dataset(name: str, space: str = SPACE, **facets: dict[str, Any]) -> dict[str, Any]:
    """Return a data set of an event."""
    return {"namespace": space, "name": name, "facets": {k: facet(**v) for k, v in facets.items()}}


@pytest.fixture(scope="module")
def server(serving: Callable[..., Running], made_estate: Path, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """A server over an estate of its own, since what it is told stays."""
    root = tmp_path_factory.mktemp("told") / "shop"
    shutil.copytree(made_estate, root)
    return serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})


@pytest.fixture
def person(server: Running) -> Iterator[httpx2.Client]:
    """Somebody who is signed in."""
    with server.signed_in(**PAGE) as client:
        yield client


@pytest.fixture
def tool(server: Running, person: httpx2.Client) -> Iterator[httpx2.Client]:
    """A program with a token that may tell and read."""
    token = made_token(person, "lineage:write", "catalog:read")
    with server.client(authorization=f"Bearer {token}") as client:
        yield client


def sent(tool: httpx2.Client, *events: dict[str, Any]) -> None:
    """Send events one by one; each has to be taken."""
    for event in events:
        answer = tool.post(f"{BASE}/lineage", json=event)
        assert answer.status_code == 201, answer.text


# -- coming in ---------------------------------------------------------------------------------------------------------


def test_what_came_is_kept_byte_by_byte(tool: httpx2.Client) -> None:
    """Facets that nobody here knows, odd spaces and the order of keys: an event is shown as it was sent."""
    said = run("COMPLETE", run={"runId": str(uuid.uuid4()), "facets": {"mine": facet(deep=[1, {"é": None}, 1e-7])}})
    body = json.dumps(said, indent=3, ensure_ascii=False).replace("1e-07", "1.0E-7")
    answer = tool.post(f"{BASE}/lineage", content=body.encode(), headers={"content-type": "application/json"})
    shown = tool.get(f"{BASE}/events/lineage", params={"limit": "1"}).text

    assert (answer.status_code, answer.content) == (201, b"")
    assert body in shown


def test_all_three_kinds_are_taken(tool: httpx2.Client) -> None:
    """A run event, a job event and a data set event are each 201."""
    same = {"eventTime": "2026-03-01T05:00:00Z", "producer": "p", "schemaURL": "s"}
    sent(
        tool,
        run("START"),
        {**same, "job": {"namespace": "airflow", "name": "declared"}, "inputs": [dataset("of.job")]},
        {**same, "dataset": dataset("alone", schema={"fields": [{"name": "k", "type": "int"}]})},
    )

    assert tool.get(f"{BASE}/namespaces/airflow/jobs/declared").json()["inputs"] == [
        {"namespace": SPACE, "name": "of.job"}
    ]
    assert tool.get(f"{BASE}/namespaces/{SPACE}/datasets/alone").json()["fields"][0]["name"] == "k"


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"nothing", {}, 400, "FH-A131"),
        (b"[]", {}, 400, "FH-A131"),
        (b'{"a": 1}', {}, 400, "FH-A131"),
        (b"\xff\xfe", {}, 400, "FH-A131"),
        (b"[" * 200_000, {}, 400, "FH-A131"),
        (b"no gzip", {"content-encoding": "gzip"}, 415, "FH-A132"),
        (gzip.compress(b"{}")[:-6], {"content-encoding": "gzip"}, 413, "FH-A105"),
        (b"x", {"content-encoding": "br"}, 415, "FH-A132"),
        (gzip.compress(b" " * 30_000_000), {"content-encoding": "gzip"}, 413, "FH-A105"),
        (b" " * 2_000_001, {}, 413, "FH-A105"),
    ],
    ids=["no JSON", "a list", "an object of something else", "no UTF-8", "deep", "no gzip", "half a gzip",
         "a packing nobody knows", "a bomb", "too large"],
)  # fmt: skip
def test_what_is_no_event_is_refused_and_says_why(
    tool: httpx2.Client, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """Only what is no event at all, or cannot be read, is refused."""
    answer = tool.post(f"{BASE}/lineage", content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_event_that_is_too_long_is_refused(tool: httpx2.Client) -> None:
    """One event is as large as the ledger takes it."""
    answer = tool.post(f"{BASE}/lineage", json=run("START", padding="x" * 1_000_000))

    assert "at most" in answer.json()["title"]


def test_what_is_not_as_the_standard_has_it_is_taken_with_a_warning(tool: httpx2.Client, person: httpx2.Client) -> None:
    """The answer says what is wrong, and the page of the settings shows it."""
    answer = tool.post(f"{BASE}/lineage", json=run("COMPLETE", id="manual__2026", producer="https://example.org/odd"))
    page = person.get("/settings/lineage.json").json()["page"]
    odd = next(one for one in page["producers"] if one["name"] == "https://example.org/odd")

    assert answer.status_code == 201
    assert answer.json()["warnings"] == ["`run.runId` is no UUID: `manual__2026`"]
    assert (odd["events"], odd["warned"], odd["warning"]) == (1, 1, "`run.runId` is no UUID: `manual__2026`")


def test_what_is_packed_is_unpacked(tool: httpx2.Client) -> None:
    """With gzip, which stock clients can do."""
    event = run("COMPLETE", job="packed.job", inputs=[dataset("packed")])
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    answer = tool.post(f"{BASE}/lineage", content=gzip.compress(json.dumps(event).encode()), headers=headers)

    assert answer.status_code == 201
    assert tool.get(f"{BASE}/namespaces/airflow/jobs/packed.job").json()["inputs"][0]["name"] == "packed"


def test_of_a_list_each_is_taken_by_itself(tool: httpx2.Client) -> None:
    """What is no event is told by its place, and takes none of the others with it; each is kept as it was written."""
    whole = run("COMPLETE", job="of.a.list")
    body = '{ "eventTime" :"2026-03-01T05:00:00Z","job":{"namespace":"n","name":"j"}}'
    text = f" [ {json.dumps(whole)} , 3,\n{body} ]\n"
    answer = tool.post(f"{BASE}/lineage/batch", content=text.encode())
    empty = tool.post(f"{BASE}/lineage/batch", content=b"[]")
    none = tool.post(f"{BASE}/lineage/batch", content=b"[1, 2]")
    told = answer.json()

    assert (answer.status_code, told["status"]) == (201, "partial_success")
    assert told["summary"] == {"received": 3, "successful": 2, "failed": 1, "retriable": 0, "non_retriable": 1}
    assert told["failed_events"] == [{"index": 1, "reason": "it is a number and no object", "retriable": False}]
    assert body in tool.get(f"{BASE}/events/lineage", params={"limit": "5"}).text
    assert (empty.status_code, none.status_code, none.json()["status"]) == (201, 400, "failure")


@pytest.mark.parametrize("text", ["{}", "[1", "[1 2]", "[1] 2", "", "[,]", "[1,]", "[" * 100_000])
def test_what_is_no_list_is_no_batch(tool: httpx2.Client, text: str) -> None:
    """A batch that cannot be read is refused whole."""
    answer = tool.post(f"{BASE}/lineage/batch", content=text.encode())

    assert (answer.status_code, answer.json()["code"]) == (400, "FH-A130")


def test_what_comes_again_is_kept_once(tool: httpx2.Client) -> None:
    """A client that did not hear the answer sends again: the answer is the same, and nothing is kept twice."""
    event = run("COMPLETE", job="again.and.again")
    before = tool.get(f"{BASE}/events/lineage", params={"limit": "1"}).json()["totalCount"]
    sent(tool, event, event)
    answer = tool.post(f"{BASE}/lineage/batch", json=[event, event])
    after = tool.get(f"{BASE}/events/lineage", params={"limit": "1"}).json()["totalCount"]

    assert answer.json()["summary"]["successful"] == 2
    assert after - before == 1


# -- who may -----------------------------------------------------------------------------------------------------------


def test_a_token_tells_only_with_its_scope_and_reads_only_with_another(server: Running, person: httpx2.Client) -> None:
    """`lineage:write` is for telling alone; reading takes `catalog:read`; without a token nobody gets in."""
    found = []
    for scope in ("lineage:write", "catalog:read", ""):
        headers = {"authorization": f"Bearer {made_token(person, scope)}"} if scope else {}
        with server.client(**headers) as client:
            told = client.post(f"{BASE}/lineage", json=run("START"))
            read = client.get(f"{BASE}/namespaces")
            other = client.get("/api/v1/products")
            found.append((told.status_code, read.status_code, other.status_code))

    assert found == [(201, 403, 403), (403, 200, 200), (401, 401, 401)]


def test_a_revoked_token_tells_no_more(server: Running, person: httpx2.Client) -> None:
    """What is revoked on the page is of no use at once, however often it was used before."""
    token = made_token(person, "lineage:write", name="to be revoked")
    with server.client(authorization=f"Bearer {token}") as client:
        before = client.post(f"{BASE}/lineage", json=run("START")).status_code
        person.post(f"/settings/tokens/{token.split('_')[2]}/revoke")
        after = client.post(f"{BASE}/lineage", json=run("START")).status_code

    assert (before, after) == (201, 401)


# -- what it becomes ---------------------------------------------------------------------------------------------------


def recorded(server: Running, tool: httpx2.Client, type_: str, asset: str) -> list[Any]:
    """Return the events of the ledger that tell of a job; asking for anything seals what was told."""
    tool.get(f"{BASE}/stats")
    with Ledger.open("sqlite:///.freehold/state.db", root=server.root) as ledger:
        return [one for one in ledger.read(types=(type_,)) if one.data["asset"] == asset]


def test_a_run_is_a_run_once_whatever_the_order(server: Running, tool: httpx2.Client) -> None:
    """Its end becomes `run.completed`, with its start, its parent and its rows, however it is told and told again."""
    id_, parent = str(uuid.uuid4()), str(uuid.uuid4())
    of = {"runId": id_, "facets": {"parent": facet(run={"runId": parent}, job={"namespace": "airflow", "name": "dag"})}}
    wrote = {**dataset("elsewhere"), "outputFacets": {"outputStatistics": facet(rowCount=42, size=1000)}}
    start = run("START", job="once.only", run=of, at="2026-03-01T05:00:00Z")
    end = run("COMPLETE", job="once.only", run=of, at="2026-03-01T05:10:00Z", outputs=[wrote])
    sent(tool, start)
    tool.get(f"{BASE}/stats")
    sent(tool, end)
    first = recorded(server, tool, "run.completed", "once.only")
    sent(tool, {**end, "eventTime": "2026-03-01T05:11:00Z"}, {**start, "producer": "https://example.org/late"})
    again = recorded(server, tool, "run.completed", "once.only")

    assert [one.id for one in again] == [one.id for one in first]
    assert len(first) == 1
    assert (first[0].run_id, first[0].correlation_id) == (id_, parent)
    said = first[0].data
    assert (said["status"], said["rows"], said["bytes"]) == ("success", 42, 1000)
    assert (said["started"], said["ended"]) == ("2026-03-01T05:00:00+00:00", "2026-03-01T05:10:00+00:00")


def test_a_run_of_another_tool_is_told_as_such(server: Running, tool: httpx2.Client, person: httpx2.Client) -> None:
    """By the name of its job; it published nothing here. A clock that is ahead puts no run into the future."""
    sent(tool, run("COMPLETE", job="told.elsewhere", at="2099-01-01T00:00:00Z"))
    made = recorded(server, tool, "run.completed", "told.elsewhere")[0]
    row = next(one for one in person.get("/runs.json").json()["page"]["runs"] if one["id"] == made.run_id)
    page = person.get(f"/runs/{made.run_id}").text

    assert made.occurred_at <= made.recorded_at
    assert (row["what"], row["products_told"]) == ("told.elsewhere, a job of another tool", "none")
    assert row["outcome"]["word"] == "done"
    assert "Published: everything passed" not in page
    assert "told.elsewhere, by another tool" in page


def test_a_schedule_is_expected(server: Running, tool: httpx2.Client) -> None:
    """A run of a DAG that was scheduled was due, and counts as such."""
    said = facet(
        dag={"dag_id": "morning", "timetable": {"expression": "0 5 * * *"}},
        dagRun={"run_type": "scheduled", "data_interval_end": "2026-03-01T05:00:00Z"},
    )
    of = {"runId": str(uuid.uuid4()), "facets": {"airflowDagRun": said}}
    sent(tool, run("COMPLETE", job="morning", run=of, at="2026-03-01T05:20:00Z"))

    assert [one.data["due_at"] for one in recorded(server, tool, "run.expected", "morning")] == [
        "2026-03-01T05:00:00+00:00"
    ]


def test_what_we_build_is_told_by_our_own_runs(server: Running, tool: httpx2.Client) -> None:
    """A run that wrote nothing but an asset of ours is no second run of it."""
    ours = dataset("shop.orders.orders", space="freehold")
    sent(tool, run("COMPLETE", job="ours.too", outputs=[ours]), run("COMPLETE", job="not.ours", inputs=[ours]))

    assert recorded(server, tool, "run.completed", "ours.too") == []
    assert len(recorded(server, tool, "run.completed", "not.ours")) == 1


def test_a_run_tells_which_of_our_assets_it_wrote(server: Running, tool: httpx2.Client) -> None:
    """Of what else it wrote nothing is said: by these, data of ours has come."""
    outputs = [dataset("shop.orders.orders", space="freehold"), dataset("elsewhere")]
    sent(
        tool, run("COMPLETE", job="both.of.them", outputs=outputs), run("COMPLETE", job="neither", outputs=outputs[1:])
    )

    assert recorded(server, tool, "run.completed", "both.of.them")[0].data["outputs"] == ["shop.orders.orders"]
    assert recorded(server, tool, "run.completed", "neither")[0].data["outputs"] is None


def test_a_job_of_another_tool_stands_after_our_asset(
    server: Running, tool: httpx2.Client, person: httpx2.Client
) -> None:
    """Who reads our table, by the name its warehouse has for it, is shown on the page of lineage, and is hit."""
    warehouse = server.root / ".freehold" / "warehouse.db"
    ours = dataset(f"{warehouse.stem}.shop_orders.orders", space=f"duckdb://{warehouse}")
    sent(tool, run("COMPLETE", job="crm.push", inputs=[ours]))
    tool.get(f"{BASE}/stats")
    page = person.get("/lineage", params={"of": "shop.orders.orders"})
    dropped = person.get("/lineage", params={"of": "shop.orders.orders.amount", "way": "drop"})

    assert tool.get(f"{BASE}/namespaces/{ours['namespace']}/datasets/{ours['name']}").json()["freehold"] == (
        "shop.orders.orders"
    )
    assert "crm.push" in page.text
    assert "Jobs of other tools" in dropped.text


# -- reading as from Marquez -------------------------------------------------------------------------------------------


@pytest.fixture
def chain(tool: httpx2.Client) -> httpx2.Client:
    """Two jobs in a row, `one` and `two`, over `a`, `b` and `c`; the columns `x` go into each other."""

    def step(job: str, source: str, target: str) -> dict[str, Any]:
        way = [{"type": "DIRECT", "subtype": "IDENTITY"}]
        into = {"x": {"inputFields": [{"namespace": "s", "name": source, "field": "x", "transformations": way}]}}
        schema = {"fields": [{"name": "x", "type": "int"}]}
        return run(
            "COMPLETE", id=str(uuid.uuid5(uuid.NAMESPACE_URL, job)), job=job,
            inputs=[dataset(source, space="s", schema=schema)],
            outputs=[dataset(target, space="s", schema=schema, columnLineage={"fields": into})],
        )  # fmt: skip

    sent(tool, step("chain.one", "a", "b"), step("chain.two", "b", "c"))
    return tool


def test_a_graph_is_walked_both_ways(chain: httpx2.Client) -> None:
    """`/lineage` has data sets and jobs with their edges, as far as asked."""
    whole = chain.get(f"{BASE}/lineage", params={"nodeId": "dataset:s:b"}).json()["graph"]
    near = chain.get(f"{BASE}/lineage", params={"nodeId": "job:airflow:chain.one", "depth": "1"}).json()["graph"]
    b = next(node for node in whole if node["id"] == "dataset:s:b")

    assert [node["id"] for node in whole] == [
        "dataset:s:a", "dataset:s:b", "dataset:s:c", "job:airflow:chain.one", "job:airflow:chain.two",
    ]  # fmt: skip
    assert b["inEdges"] == [{"origin": "job:airflow:chain.one", "destination": "dataset:s:b"}]
    assert b["outEdges"] == [{"origin": "dataset:s:b", "destination": "job:airflow:chain.two"}]
    assert (b["type"], b["data"]["fields"][0]["name"]) == ("DATASET", "x")
    assert [node["id"] for node in near] == ["dataset:s:a", "dataset:s:b", "job:airflow:chain.one"]


def test_columns_are_walked(chain: httpx2.Client) -> None:
    """`/column-lineage` goes upstream, and downstream where asked."""
    up = chain.get(f"{BASE}/column-lineage", params={"nodeId": "dataset:s:c"}).json()["graph"]
    both = chain.get(
        f"{BASE}/column-lineage", params={"nodeId": "datasetField:s:b:x", "withDownstream": "true", "depth": "1"}
    ).json()["graph"]

    assert [node["id"] for node in up] == [f"datasetField:s:{name}:x" for name in "abc"]
    assert up[2]["inEdges"] == [{"origin": "datasetField:s:b:x", "destination": "datasetField:s:c:x"}]
    assert up[2]["data"]["inputFields"][0]["transformationType"] == "IDENTITY"
    assert [node["id"] for node in both] == [f"datasetField:s:{name}:x" for name in "abc"]


def test_jobs_runs_and_names_are_listed(chain: httpx2.Client) -> None:
    """Namespaces, jobs, runs with facets, data sets, search and figures, each where Marquez has it."""
    id_ = str(uuid.uuid5(uuid.NAMESPACE_URL, "chain.one"))
    job = chain.get(f"{BASE}/namespaces/airflow/jobs/chain.one").json()
    runs = chain.get(f"{BASE}/namespaces/airflow/jobs/chain.one/runs").json()
    listed = chain.get(f"{BASE}/namespaces/s/datasets", params={"limit": "2"}).json()
    found = chain.get(f"{BASE}/search", params={"q": "CHAIN.%o", "filter": "job"}).json()
    versions = chain.get(f"{BASE}/namespaces/s/datasets/b/versions").json()["versions"]

    assert (job["latestRun"]["state"], job["outputs"]) == ("COMPLETED", [{"namespace": "s", "name": "b"}])
    assert [one["id"] for one in runs["runs"]] == [id_]
    assert chain.get(f"{BASE}/jobs/runs/{id_}").json()["job"] == {"namespace": "airflow", "name": "chain.one"}
    assert chain.get(f"{BASE}/jobs/runs/{id_}/facets").json() == {"runId": id_, "facets": {}}
    assert ([one["name"] for one in listed["datasets"]], listed["totalCount"]) == (["a", "b"], 3)
    assert [one["nodeId"] for one in found["results"]] == ["job:airflow:chain.one", "job:airflow:chain.two"]
    assert {"s", "airflow"} <= {one["name"] for one in chain.get(f"{BASE}/namespaces").json()["namespaces"]}
    assert chain.get(f"{BASE}/namespaces/airflow").json()["name"] == "airflow"
    assert (len(versions), versions[0]["name"]) == (1, "b")
    assert chain.get(f"{BASE}/stats").json()["jobs"] >= 2


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/lineage", 400), ("/lineage?nodeId=run:1", 400), ("/lineage?nodeId=dataset:no:such", 404),
        ("/lineage?nodeId=job:no:such", 404), ("/column-lineage?nodeId=dataset:no:such", 404),
        ("/lineage?nodeId=dataset:s:a&depth=x", 400), ("/namespaces/none", 404), ("/namespaces?limit=-1", 400),
        ("/namespaces?limit=99999999", 400), ("/namespaces/none/jobs/x", 404), ("/namespaces/none/jobs/x/runs", 404),
        ("/namespaces/none/datasets/x", 404), ("/jobs/runs/none", 404), ("/jobs/runs/none/facets", 404),
        ("/search", 400), ("/search?q=x&filter=run", 400), ("/nothing", 404),
    ],
)  # fmt: skip
def test_what_is_not_there_is_told(tool: httpx2.Client, path: str, status: int) -> None:
    """Wrong words and unknown names are problem objects, never a defect."""
    answer = tool.get(f"{BASE}{path}")

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


# -- stock clients and other tools' own events -------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_a_stock_client_works_unchanged(server: Running, person: httpx2.Client, compression: str | None) -> None:
    """openlineage-python tells of a run over its HTTP transport, with a token, as its documentation has it."""
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import Job, OutputDataset, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import schema_dataset
    from openlineage.client.transport.http import ApiKeyTokenProvider, HttpCompression, HttpConfig, HttpTransport

    token = made_token(person, "lineage:write", "catalog:read")
    config = HttpConfig(
        url=server.url,
        endpoint="openlineage/api/v1/lineage",
        auth=ApiKeyTokenProvider({"apiKey": token}),
        compression=HttpCompression(compression) if compression else None,
    )
    client, id_ = OpenLineageClient(transport=HttpTransport(config)), str(uuid.uuid4())
    fields = [schema_dataset.SchemaDatasetFacetFields("k", "int")]
    out = OutputDataset("stock", "table", facets={"schema": schema_dataset.SchemaDatasetFacet(fields=fields)})
    for state in (RunState.START, RunState.COMPLETE):
        at = datetime(2026, 3, 1, 5, tzinfo=UTC).isoformat()
        client.emit(RunEvent(eventTime=at, run=Run(id_), job=Job("stock", "a.job"), eventType=state, outputs=[out]))
    client.close()
    with server.client(authorization=f"Bearer {token}") as asked:
        run_ = asked.get(f"{BASE}/jobs/runs/{id_}").json()
        table = asked.get(f"{BASE}/namespaces/stock/datasets/table").json()

    assert run_["state"] == "COMPLETED"
    assert table["fields"] == [{"name": "k", "type": "int", "tags": [], "description": None}]


def test_events_of_a_time_are_those_alone(tool: httpx2.Client) -> None:
    """From `after` on and before `before`, across batches; what is no instant is refused."""
    for day in ("2021-01-01", "2021-01-02", "2021-01-03"):
        sent(tool, run("COMPLETE", eventTime=f"{day}T05:00:00Z", run={"runId": str(uuid.uuid4())}))
    spans = {
        "all": {"after": "2021-01-01", "before": "2022-01-01"},
        "two": {"after": "2021-01-01T05:00:00Z", "before": "2021-01-03T05:00:00Z"},
        "elsewhere": {"after": "2021-01-02T10:00:00+05:00", "before": "2021-01-03"},
        "none": {"after": "2021-02-01", "before": "2022-01-01"},
    }
    told = {name: tool.get(f"{BASE}/events/lineage", params=said).json() for name, said in spans.items()}

    assert {name: one["totalCount"] for name, one in told.items()} == {"all": 3, "two": 2, "elsewhere": 1, "none": 0}
    assert [one["eventTime"][:10] for one in told["two"]["events"]] == ["2021-01-02", "2021-01-01"]
    second = tool.get(f"{BASE}/events/lineage", params={**spans["all"], "limit": "1", "offset": "1"}).json()
    assert [one["eventTime"][:10] for one in second["events"]] == ["2021-01-02"]
    for name in ("after", "before"):
        assert tool.get(f"{BASE}/events/lineage", params={name: "bogus"}).status_code == 400


@pytest.mark.real_data
@pytest.mark.skipif(not EVENTS.is_dir(), reason="the events of OpenLineage's compatibility tests are not beside this")
def test_events_of_other_tools_are_all_taken(tool: httpx2.Client) -> None:
    """Every event of the compatibility tests of OpenLineage is taken, and can be read after."""
    taken = 0
    for path in sorted(EVENTS.rglob("*.json")):
        said = json.loads(path.read_text(encoding="utf-8"))
        for event in said if isinstance(said, list) else [said]:
            sent(tool, event)
            taken += 1
    assert taken
    assert tool.get(f"{BASE}/stats").status_code == 200


# -- nothing is lost ---------------------------------------------------------------------------------------------------


def test_what_was_answered_survives_sigkill(made_estate: Path, tmp_path: Path) -> None:
    """The server is killed while tools tell: after a restart every event that was answered is there, once."""
    root, port = tmp_path / "shop", free_port()
    shutil.copytree(made_estate, root)
    words = [str(FREEHOLD), "-C", str(root)]
    scopes = ["--scope", "lineage:write", "--scope", "catalog:read", "--for", "7d"]
    made = subprocess.run([*words, "token", "create", "a tool", *scopes], capture_output=True, text=True, check=True)
    headers = {"authorization": f"Bearer {made.stdout.split()[0]}"}
    with _served([*words, "serve", "--port", str(port)], port) as process:
        answered = _sent_until_killed(process, f"http://127.0.0.1:{port}", headers)
    with (
        _served([*words, "serve", "--port", str(port)], port),
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client,
    ):
        shown = client.get(f"{BASE}/events/lineage", params={"limit": "1000"}).json()["events"]
    found = [one["run"]["runId"] for one in shown]

    assert len(answered) >= 40
    assert set(answered) <= set(found)
    assert len(found) == len(set(found))


def _sent_until_killed(process: subprocess.Popen[bytes], url: str, headers: dict[str, str]) -> list[str]:
    """Send from four threads until the server is killed; return the runs that were answered."""
    answered: list[str] = []

    def send() -> None:
        with httpx2.Client(base_url=url, headers=headers, timeout=30) as client:
            while True:
                id_ = str(uuid.uuid4())
                try:
                    answer = client.post(f"{BASE}/lineage", json=run("START", id=id_))
                except httpx2.HTTPError:
                    return
                if answer.status_code == 201:
                    answered.append(id_)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(answered) < 40:
        assert process.poll() is None, "the server ended by itself"
        threads[0].join(0.01)
    process.send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join()
    return answered


class _served:
    """A server in a process of its own, until the block ends."""

    def __init__(self, command: list[str], port: int) -> None:
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._port = port

    def __enter__(self) -> subprocess.Popen[bytes]:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert self._process.poll() is None, "the server ended while it started"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    break
            time.sleep(0.05)
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
